"""Records in ZooKeeper's serialization (jute): fields one after the other, without names or tags."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self, TypeVar, dataclass_transform

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.primitives import INT32, INT64, Reader, pack

if TYPE_CHECKING:
    from struct import Struct

T = TypeVar("T", bound="Record")

_ABSENT: Final = -1


class Kind(Protocol):
    """How one field travels."""

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value; LocalWireError if it does not fit."""

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next; RemoteWireError if it is malformed."""


class _Number:
    """An integer of fixed width."""

    def __init__(self, layout: Struct) -> None:
        self._layout = layout

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        pack(out, self._layout, value)

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        return reader.unpack(self._layout)


class Flag:
    """One byte, nought or not; read as ZooKeeper does, so that any other byte is true."""

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        out.append(bool(value))

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        return reader.uint(1) != 0


class TrailingFlag(Flag):
    """A flag at the end that peers older than 3.4 leave out: then it is None."""

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        if value is not None:
            super().write(out, value)

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        return super().read(reader) if reader.remaining else None


class Buffer:
    """Bytes behind their length; None is length -1."""

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        pack(out, INT32, _ABSENT if value is None else len(value))
        out += value or b""

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        size: int = reader.unpack(INT32)
        return None if size == _ABSENT else reader.take(size)


class Text(Buffer):
    """Text as bytes of UTF-8."""

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        try:
            super().write(out, None if value is None else value.encode())
        except UnicodeEncodeError as cause:
            raise LocalWireError(f"{value!r} is no text that can be sent: {cause.reason}") from None

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        content = super().read(reader)
        try:
            return None if content is None else content.decode()
        except UnicodeDecodeError as cause:
            raise RemoteWireError(f"the peer sent a string that is not UTF-8: {cause.reason}") from None


class Vector:
    """Values behind their count; an absent list, count -1, reads as an empty one."""

    def __init__(self, element: Kind) -> None:
        self._element = element

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        pack(out, INT32, len(value))
        for element in value:
            self._element.write(out, element)

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        count: int = reader.unpack(INT32)
        # Every element has at least four bytes, so a count that cannot be true costs nothing.
        if not _ABSENT <= count <= reader.remaining // INT32.size:
            raise RemoteWireError(f"the peer announced {count} elements where {reader.remaining} bytes remain")
        return tuple(self._element.read(reader) for _ in range(count))


class Nested:
    """A record inside a record."""

    def __init__(self, record: type[Record]) -> None:
        self._record = record

    def write(self, out: bytearray, value: Any) -> None:
        """Append a value."""
        value.write(out)

    def read(self, reader: Reader) -> Any:
        """Return the value that comes next."""
        return self._record.read(reader)


INT: Final = _Number(INT32)
LONG: Final = _Number(INT64)
FLAG: Final = Flag()
BUFFER: Final = Buffer()
TEXT: Final = Text()


def travels(kind: Kind) -> Any:
    """A field that travels as `kind`."""
    return field(metadata={"kind": kind})


def hides(kind: Kind) -> Any:
    """A field that travels as `kind` and is not shown: it may hold a secret."""
    return field(metadata={"kind": kind}, repr=False)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(travels, hides))
def record(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a frozen record."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.layout = tuple((each.name, each.metadata["kind"]) for each in fields(made))  # type: ignore[arg-type]
    return made


class Record:
    """Fields in the order in which they travel."""

    __slots__ = ()
    layout: ClassVar[tuple[tuple[str, Kind], ...]] = ()

    def write(self, out: bytearray) -> None:
        """Append the fields; LocalWireError if one does not fit."""
        for name, kind in self.layout:
            kind.write(out, getattr(self, name))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return the record that comes next; RemoteWireError if it is malformed."""
        make: Any = cls
        read: Self = make(**{name: kind.read(reader) for name, kind in cls.layout})
        return read
