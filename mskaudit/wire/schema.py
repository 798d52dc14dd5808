"""Kafka messages as typed tables: a frozen dataclass is the schema, and its codec is compiled from it.

A field's type says what it is (``Int16``, ``String | None``, ``tuple[Int32, ...]``, ``tuple[Broker, ...]``) and
``Wire`` says where it exists. One codec per (class, version) serves both directions and is compiled once. Rules
of the format: Kafka protocol guide; flexible versions and tagged fields: KIP-482.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from mskaudit.errors import LocalWireError
from mskaudit.wire import codecs
from mskaudit.wire.primitives import FLOAT64, INT8, INT16, INT32, INT64, UINT16, Reader

NEVER: Final = 32767
"""A version no message reaches: the bound of versions is an int16."""


class Kind(StrEnum):
    """The wire types a field can have besides arrays and structs."""

    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT16 = "uint16"
    FLOAT64 = "float64"
    BOOL = "bool"
    UUID = "uuid"
    STRING = "string"
    BYTES = "bytes"


Int8 = Annotated[int, Kind.INT8]
Int16 = Annotated[int, Kind.INT16]
Int32 = Annotated[int, Kind.INT32]
Int64 = Annotated[int, Kind.INT64]
UInt16 = Annotated[int, Kind.UINT16]
Float64 = Annotated[float, Kind.FLOAT64]
Bool = Annotated[bool, Kind.BOOL]
Uuid = Annotated[UUID, Kind.UUID]
String = Annotated[str, Kind.STRING]
Bytes = Annotated[bytes, Kind.BYTES]
Records = Bytes
"""Record batches one behind the other, which ``mskaudit.wire.records`` takes apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Where a field exists: versions ``since`` to ``until`` inclusive, null allowed from ``nullable_since``.

    ``tag`` makes it a tagged field. ``ignorable`` lets an encoder drop a value that the version cannot carry.
    ``compact`` false keeps the long length prefix in flexible versions, as the request header's client id does.
    """

    since: int = 0
    until: int = NEVER
    nullable_since: int = 0
    tag: int | None = None
    ignorable: bool = False
    compact: bool = True


class Message:
    """A top-level table: a dataclass with its versions; nested structs are plain dataclasses."""

    __slots__ = ()
    versions: ClassVar[range]
    flexible_since: ClassVar[int]

    @classmethod
    def is_flexible(cls, version: int) -> bool:
        """Tell whether ``version`` has compact lengths and tagged fields."""
        return version >= cls.flexible_since


M = TypeVar("M", bound=Message)


def encode(message: Message, *, version: int) -> bytes:
    """Return the message's bytes in ``version``; LocalWireError if the version cannot carry its values."""
    out = bytearray()
    _codec(type(message), version).write(out, message)
    return bytes(out)


def decode(cls: type[M], content: bytes, *, version: int) -> M:
    """Return the message that ``content`` is, all of it; RemoteWireError if it is anything else."""
    reader = Reader(content)
    message = read(cls, reader, version=version)
    reader.finish(cls.__name__)
    return message


def read(cls: type[M], reader: Reader, *, version: int) -> M:
    """Return the message that begins at the reader and leave the reader behind it; RemoteWireError if malformed."""
    message: M = _codec(cls, version).read(reader)
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What decides how a table is laid out in bytes."""

    version: int
    flexible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One field of a table, taken apart."""

    name: str
    hint: Any
    wire: Wire
    default: Any


def _codec(cls: type[Message], version: int) -> codecs.Codec:
    if version not in cls.versions:
        known = f"{cls.versions.start} to {cls.versions.stop - 1}"
        raise LocalWireError(f"{cls.__name__} has versions {known}, not {version}")
    return _table(cls, _Layout(version=version, flexible=cls.is_flexible(version)))


def _table(cls: type, layout: _Layout) -> codecs.Codec:
    """Return the codec of a table, compiled at its first use."""
    key = (cls, layout)
    if key not in _TABLES:
        _TABLES[key] = _compile(cls, layout)
    return _TABLES[key]


def _compile(cls: type, layout: _Layout) -> codecs.Codec:
    columns = _columns(cls)
    present = [column for column in columns if column.wire.since <= layout.version <= column.wire.until]
    absent = [column for column in columns if column not in present and not column.wire.ignorable]
    return codecs.struct(
        cls,
        plain=tuple((c.name, _value(c.hint, c.wire, layout)) for c in present if c.wire.tag is None),
        absent=tuple((c.name, c.default) for c in absent),
        tagged=_tagged(present, layout) if layout.flexible else None,
    )


def _tagged(columns: list[_Column], layout: _Layout) -> dict[int, codecs.Tagged]:
    tagged = {
        c.wire.tag: codecs.Tagged(name=c.name, codec=_value(c.hint, c.wire, layout), default=c.default)
        for c in columns
        if c.wire.tag is not None
    }
    return dict(sorted(tagged.items()))


def _columns(cls: type) -> list[_Column]:
    hints = get_type_hints(cls, include_extras=True)
    columns = []
    for field in fields(cls):
        hint = hints[field.name]
        wire = next((note for note in _dissect(hint)[1] if isinstance(note, Wire)), Wire())
        can_be_absent = wire.tag is not None or wire.since > 0 or wire.until < NEVER
        if can_be_absent and field.default is MISSING:
            raise TypeError(f"{cls.__name__}.{field.name} can be absent and needs a default")
        columns.append(_Column(name=field.name, hint=hint, wire=wire, default=field.default))
    return columns


def _dissect(hint: Any) -> tuple[Any, list[Any], bool]:
    """Return the bare type, its annotations and whether None is among its values."""
    notes: list[Any] = []
    optional = False
    while True:
        origin = get_origin(hint)
        if origin is Annotated:
            notes += hint.__metadata__
            hint = hint.__origin__
        elif origin in (Union, UnionType):
            optional = True
            (hint,) = (member for member in get_args(hint) if member is not NoneType)
        else:
            return hint, notes, optional


def _value(hint: Any, wire: Wire, layout: _Layout) -> codecs.Codec:
    """Return the codec of a field or an array's element."""
    bare, notes, optional = _dissect(hint)
    optional = optional and layout.version >= wire.nullable_since
    compact = layout.flexible and wire.compact
    if isinstance(bare, type) and is_dataclass(bare):
        table = _table(bare, layout)
        return codecs.nullable(codecs.present(table), codecs.NULL_STRUCT) if optional else table
    kind = next((note for note in notes if isinstance(note, Kind)), None)
    if kind in _FIXED:
        return _FIXED[kind]
    length = codecs.COMPACT if compact else codecs.SHORT if kind is Kind.STRING else codecs.LONG
    sized = _sized(bare, kind, length, layout)
    return codecs.nullable(sized, length.null) if optional else sized


def _sized(bare: Any, kind: Kind | None, length: codecs.Length, layout: _Layout) -> codecs.Codec:
    match kind:
        case Kind.STRING:
            return codecs.text(length)
        case Kind.BYTES:
            return codecs.octets(length)
        case _ if get_origin(bare) is tuple:
            return codecs.array(_value(get_args(bare)[0], Wire(), layout), length)
        case _:
            raise TypeError(f"{bare!r} has no wire type")


_TABLES: Final[dict[tuple[type, _Layout], codecs.Codec]] = {}

_FIXED: Final = {
    Kind.INT8: codecs.number(INT8),
    Kind.INT16: codecs.number(INT16),
    Kind.INT32: codecs.number(INT32),
    Kind.INT64: codecs.number(INT64),
    Kind.UINT16: codecs.number(UINT16),
    Kind.FLOAT64: codecs.number(FLOAT64),
    Kind.BOOL: codecs.boolean(),
    Kind.UUID: codecs.uuid(),
}
