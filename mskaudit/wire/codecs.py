"""Codecs of Kafka's wire types, composed from closures; each one both writes and reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.primitives import INT8, INT16, INT32, Reader, pack, pack_uvarint

if TYPE_CHECKING:
    from struct import Struct

Writing = Callable[[bytearray, Any], None]
Reading = Callable[[Reader], Any]

_NULL: Final = -1
_TAG_MINIMUM: Final = 2
_UUID_SIZE: Final = 16

NULL_STRUCT: Final = b"\xff"
PRESENT_STRUCT: Final = b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How one value is written and read, and the fewest bytes it can take."""

    write: Writing
    read: Reading
    minimum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A length prefix, -1 for null; ``read`` raises RemoteWireError for anything lower."""

    write: Writing
    read: Callable[[Reader], int]
    null: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A tagged field of a struct: written only when it differs from its default (KIP-482)."""

    name: str
    codec: Codec
    default: Any


def number(layout: Struct) -> Codec:
    """Return the codec of a fixed-width number."""
    return Codec(
        write=lambda out, value: pack(out, layout, value),
        read=lambda reader: reader.unpack(layout),
        minimum=layout.size,
    )


def boolean() -> Codec:
    """Return the codec of a boolean: one byte, any non-zero one is true as in Kafka's own reader."""
    return Codec(
        write=lambda out, value: out.append(1 if value else 0),
        read=lambda reader: reader.unpack(INT8) != 0,
        minimum=1,
    )


def uuid() -> Codec:
    """Return the codec of a UUID: sixteen bytes, most significant first."""

    def write(out: bytearray, value: UUID) -> None:
        out += value.bytes

    return Codec(write=write, read=lambda reader: UUID(bytes=reader.take(_UUID_SIZE)), minimum=_UUID_SIZE)


def fixed(layout: Struct) -> Length:
    """Return a length prefix of fixed width, as all versions before the first flexible one have."""

    def read(reader: Reader) -> int:
        length: int = reader.unpack(layout)
        if length < _NULL:
            raise RemoteWireError(f"the peer sent a length of {length}")
        return length

    return Length(write=lambda out, value: pack(out, layout, value), read=read, null=layout.pack(_NULL))


SHORT: Final = fixed(INT16)
LONG: Final = fixed(INT32)
COMPACT: Final = Length(
    write=lambda out, value: pack_uvarint(out, value + 1),
    read=lambda reader: reader.uvarint() - 1,
    null=b"\x00",
)


def text(length: Length) -> Codec:
    """Return the codec of a UTF-8 string; its length counts bytes."""

    def write(out: bytearray, value: str) -> None:
        try:
            content = value.encode()
        except UnicodeEncodeError as cause:
            raise LocalWireError(f"a string cannot be sent as UTF-8: {cause.reason}") from None
        length.write(out, len(content))
        out += content

    def read(reader: Reader) -> str:
        content = reader.take(_require(length.read(reader)))
        try:
            return content.decode()
        except UnicodeDecodeError as cause:
            raise RemoteWireError(f"the peer sent a string that is not UTF-8: {cause.reason}") from None

    return Codec(write=write, read=read, minimum=len(length.null))


def octets(length: Length) -> Codec:
    """Return the codec of a byte string."""

    def write(out: bytearray, value: bytes) -> None:
        length.write(out, len(value))
        out += value

    return Codec(
        write=write,
        read=lambda reader: reader.take(_require(length.read(reader))),
        minimum=len(length.null),
    )


def array(element: Codec, length: Length) -> Codec:
    """Return the codec of a tuple; a count the remaining bytes cannot hold raises RemoteWireError before any work."""
    least = max(element.minimum, 1)

    def write(out: bytearray, value: tuple[Any, ...]) -> None:
        length.write(out, len(value))
        for item in value:
            element.write(out, item)

    def read(reader: Reader) -> tuple[Any, ...]:
        count = _require(length.read(reader))
        if count > reader.remaining // least:
            raise RemoteWireError(f"the peer announced {count} elements where {reader.remaining} bytes remain")
        return tuple([element.read(reader) for _ in range(count)])

    return Codec(write=write, read=read, minimum=len(length.null))


def nullable(codec: Codec, null: bytes) -> Codec:
    """Return the codec that also carries None, written as the bytes ``null``."""

    def write(out: bytearray, value: Any) -> None:
        if value is None:
            out += null
        else:
            codec.write(out, value)

    return Codec(
        write=write,
        read=lambda reader: None if reader.accept(null) else codec.read(reader),
        minimum=min(codec.minimum, len(null)),
    )


def present(codec: Codec) -> Codec:
    """Return the codec of a nullable struct's non-null form: a byte 1 before the struct."""

    def write(out: bytearray, value: Any) -> None:
        out += PRESENT_STRUCT
        codec.write(out, value)

    def read(reader: Reader) -> Any:
        if not reader.accept(PRESENT_STRUCT):
            raise RemoteWireError("the peer sent a struct that is neither present nor null")
        return codec.read(reader)

    return Codec(write=write, read=read, minimum=codec.minimum + len(PRESENT_STRUCT))


def struct(
    cls: type,
    *,
    plain: tuple[tuple[str, Codec], ...],
    absent: tuple[tuple[str, Any], ...],
    tagged: Mapping[int, Tagged] | None,
) -> Codec:
    """Return the codec of a dataclass; ``absent`` fields must keep their default; no tags unless flexible."""

    def write(out: bytearray, value: Any) -> None:
        for name, default in absent:
            if getattr(value, name) != default:
                raise LocalWireError(f"{cls.__name__}.{name} does not exist in the version asked for")
        for name, codec in plain:
            _write_field(out, codec, value, name)
        if tagged is not None:
            _write_tags(out, tagged, value)

    def read(reader: Reader) -> Any:
        values = {name: codec.read(reader) for name, codec in plain}
        if tagged is not None:
            values |= _read_tags(reader, tagged)
        return cls(**values)

    minimum = sum(codec.minimum for _, codec in plain) + (tagged is not None)
    return Codec(write=write, read=read, minimum=minimum)


def _write_field(out: bytearray, codec: Codec, value: Any, name: str) -> None:
    content = getattr(value, name)
    try:
        codec.write(out, content)
    except (AttributeError, TypeError) as cause:
        raise LocalWireError(f"{type(value).__name__}.{name} cannot be {content!r} in the version asked for") from cause


def _write_tags(out: bytearray, tagged: Mapping[int, Tagged], value: Any) -> None:
    chosen = [(tag, field) for tag, field in tagged.items() if getattr(value, field.name) != field.default]
    pack_uvarint(out, len(chosen))
    for tag, field in chosen:
        content = bytearray()
        _write_field(content, field.codec, value, field.name)
        pack_uvarint(out, tag)
        pack_uvarint(out, len(content))
        out += content


def _read_tags(reader: Reader, tagged: Mapping[int, Tagged]) -> dict[str, Any]:
    """Return the known tagged fields; unknown ones are skipped, and tags must ascend as KIP-482 demands."""
    count = reader.uvarint()
    if count > reader.remaining // _TAG_MINIMUM:
        raise RemoteWireError(f"the peer announced {count} tagged fields where {reader.remaining} bytes remain")
    values: dict[str, Any] = {}
    previous = -1
    for _ in range(count):
        tag = reader.uvarint()
        if tag <= previous:
            raise RemoteWireError(f"the peer sent tagged field {tag} after {previous}")
        previous = tag
        content = reader.within(reader.uvarint())
        if field := tagged.get(tag):
            values[field.name] = field.codec.read(content)
            content.finish(f"tagged field {tag}")
    return values


def _require(length: int) -> int:
    if length == _NULL:
        raise RemoteWireError("the peer sent null where the version allows none")
    return length
