"""Record batches, in which Kafka keeps and sends records since 0.11 (KIP-98), without decompression.

Batches of the formats before (magic 0 and 1) are told by their header and not taken apart. What is malformed raises
``RemoteWireError``: a broker answers it with CORRUPT_MESSAGE. Times are in milliseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from struct import Struct, error
from typing import TYPE_CHECKING, Final

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.crc32c import crc32c
from mskaudit.wire.primitives import INT8, INT32, INT64, Reader, pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NO_PRODUCER_ID: Final = -1
NO_TIMESTAMP: Final = -1
UNKNOWN_EPOCH: Final = -1

_MAGIC: Final = 2
_MAGIC_AT: Final = 16
_PREFIX: Final = INT64.size + INT32.size
_EPOCH_AT: Final = _PREFIX
_UNCHECKED: Final = Struct(">qiibI")
_CHECKED: Final = Struct(">hiqqqhii")
_HEADER: Final = Struct(_UNCHECKED.format + _CHECKED.format.removeprefix(">"))
_LEGACY_LEAST: Final = 14
"""Bytes of a message of magic 0 behind its size: check sum, magic, attributes, two lengths."""
_RECORD_LEAST: Final = 7
_HEADER_LEAST: Final = 2

_COMPRESSION: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_TRANSACTIONAL: Final = 0x10
_CONTROL: Final = 0x20

_VARLONG_BYTES: Final = 10
_UINT64: Final = 2**64


class Compression(IntEnum):
    """How the records of a batch are compressed."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record; ``offset`` is filled in when a batch is read and given by the place when one is built."""

    key: bytes | None = None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = NO_TIMESTAMP
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """Who wrote a batch: id and epoch from InitProducerId, and the number of the batch's first record."""

    identity: int = NO_PRODUCER_ID
    epoch: int = -1
    base_sequence: int = -1


NO_PRODUCER: Final = Producer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch of magic 2: what its header says, and all its bytes.

    ``count`` is how many records it holds by its own account, ``base_timestamp`` what their times are relative to,
    ``append_time`` tells that all of them have the broker's time, which ``max_timestamp`` then is.
    """

    base_offset: int
    leader_epoch: int
    compression: Compression
    append_time: bool
    transactional: bool
    control: bool
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer: Producer
    count: int
    content: bytes

    @property
    def last_offset(self) -> int:
        """The offset of the last record the batch was made with."""
        return self.base_offset + self.last_offset_delta

    def placed(self, *, base_offset: int, leader_epoch: int) -> Batch:
        """Return the batch as a leader stores it: other offsets and epoch, which the check sum does not cover."""
        content = bytearray()
        pack(content, INT64, base_offset)
        content += self.content[INT64.size : _EPOCH_AT]
        pack(content, INT32, leader_epoch)
        content += self.content[_MAGIC_AT:]
        return replace(self, base_offset=base_offset, leader_epoch=leader_epoch, content=bytes(content))


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyMessage:
    """A message, or a compressed set of them, in the format before batches; ``magic`` is 0 or 1."""

    base_offset: int
    magic: int
    content: bytes


def batches(content: bytes) -> tuple[Batch | LegacyMessage, ...]:
    """Return the batches that ``content`` is, all of it; RemoteWireError for anything else.

    A batch that is cut off is refused as well, though a fetch that Kafka answers in an old format may end in one.
    """
    reader = Reader(content)
    found: list[Batch | LegacyMessage] = []
    while reader.remaining:
        found.append(_entry(reader))
    return tuple(found)


def records(batch: Batch) -> tuple[Record, ...]:
    """Return the records of a batch; RemoteWireError if malformed, LocalWireError if they are compressed."""
    if batch.compression is not Compression.NONE:
        raise LocalWireError(f"records compressed with {batch.compression.name.lower()} cannot be read here")
    reader = Reader(batch.content[_HEADER.size :])
    if batch.count > reader.remaining // _RECORD_LEAST:
        raise RemoteWireError(f"the peer announced {batch.count} records where {reader.remaining} bytes remain")
    found = tuple([_read_record(reader, batch) for _ in range(batch.count)])
    reader.finish("a record batch")
    return found


def build(
    content: Sequence[Record],
    *,
    base_offset: int = 0,
    leader_epoch: int = UNKNOWN_EPOCH,
    producer: Producer = NO_PRODUCER,
    transactional: bool = False,
) -> bytes:
    """Return an uncompressed batch with the records in their order; LocalWireError if it cannot carry their values."""
    if not content:
        raise LocalWireError("a record batch needs a record")
    base_timestamp = content[0].timestamp
    checked = bytearray(
        _pack(
            _CHECKED,
            _TRANSACTIONAL if transactional else 0,
            len(content) - 1,
            base_timestamp,
            max(record.timestamp for record in content),
            producer.identity,
            producer.epoch,
            producer.base_sequence,
            len(content),
        )
    )
    for delta, record in enumerate(content):
        _write_record(checked, record, timestamp_delta=record.timestamp - base_timestamp, offset_delta=delta)
    size = _UNCHECKED.size - _PREFIX + len(checked)
    return _pack(_UNCHECKED, base_offset, size, leader_epoch, _MAGIC, crc32c(checked)) + checked


def _pack(layout: Struct, *values: int) -> bytes:
    try:
        return layout.pack(*values)
    except error as cause:
        raise LocalWireError(f"{values} do not fit the header of a record batch: {cause}") from None


def _entry(reader: Reader) -> Batch | LegacyMessage:
    """Return the batch or message at the reader, which is moved behind it."""
    prefix = Reader(reader.peek(_MAGIC_AT + INT8.size))
    base_offset, size = prefix.unpack(INT64), prefix.unpack(INT32)
    prefix.take(_MAGIC_AT - _PREFIX)
    magic = prefix.unpack(INT8)
    content = reader.take(_PREFIX + size) if size >= _LEGACY_LEAST else b""
    match magic:
        case 0 | 1 if content:
            return LegacyMessage(base_offset=base_offset, magic=magic, content=content)
        case 2 if len(content) >= _HEADER.size:
            return _batch(content)
        case 0 | 1 | 2:
            raise RemoteWireError(f"the peer sent a record batch of {size} bytes, which is less than its header")
        case _:
            raise RemoteWireError(f"the peer sent a record batch of magic {magic}")


def _batch(content: bytes) -> Batch:
    unpacked = _HEADER.unpack_from(content)
    base_offset, _, leader_epoch, _, crc, attributes, last_offset_delta = unpacked[:7]
    base_timestamp, max_timestamp, producer_id, producer_epoch, base_sequence, count = unpacked[7:]
    if crc != crc32c(memoryview(content)[_UNCHECKED.size :]):
        raise RemoteWireError("the peer sent a record batch whose check sum is wrong")
    if count < 0 or last_offset_delta < 0:
        raise RemoteWireError(f"the peer sent a record batch of {count} records, the last at {last_offset_delta}")
    return Batch(
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        compression=_compression(attributes),
        append_time=bool(attributes & _LOG_APPEND_TIME),
        transactional=bool(attributes & _TRANSACTIONAL),
        control=bool(attributes & _CONTROL),
        last_offset_delta=last_offset_delta,
        base_timestamp=base_timestamp,
        max_timestamp=max_timestamp,
        producer=Producer(identity=producer_id, epoch=producer_epoch, base_sequence=base_sequence),
        count=count,
        content=content,
    )


def _compression(attributes: int) -> Compression:
    try:
        return Compression(attributes & _COMPRESSION)
    except ValueError:
        raise RemoteWireError(f"the peer sent a record batch of compression {attributes & _COMPRESSION}") from None


def _read_record(reader: Reader, batch: Batch) -> Record:
    body = reader.within(_varint(reader))
    body.take(INT8.size)
    timestamp = batch.base_timestamp + _varlong(body)
    delta = _varint(body)
    if not 0 <= delta <= batch.last_offset_delta:
        raise RemoteWireError(f"the peer sent a record at {delta} of a batch that ends at {batch.last_offset_delta}")
    record = Record(
        key=_octets(body),
        value=_octets(body),
        headers=_headers(body),
        timestamp=batch.max_timestamp if batch.append_time else timestamp,
        offset=batch.base_offset + delta,
    )
    body.finish("a record")
    return record


def _headers(reader: Reader) -> tuple[tuple[str, bytes | None], ...]:
    count = _varint(reader)
    if not 0 <= count <= reader.remaining // _HEADER_LEAST:
        raise RemoteWireError(f"the peer announced {count} record headers where {reader.remaining} bytes remain")
    return tuple([(_text(reader), _octets(reader)) for _ in range(count)])


def _text(reader: Reader) -> str:
    content = _octets(reader)
    if content is None:
        raise RemoteWireError("the peer sent a record header without a name")
    try:
        return content.decode()
    except UnicodeDecodeError as cause:
        raise RemoteWireError(f"the peer sent a record header that is not UTF-8: {cause.reason}") from None


def _octets(reader: Reader) -> bytes | None:
    """Return bytes behind their length; any negative one is null, as Kafka has it."""
    size = _varint(reader)
    return None if size < 0 else reader.take(size)


def _varint(reader: Reader) -> int:
    return _unfolded(reader.uvarint())


def _varlong(reader: Reader) -> int:
    """Return a signed 64-bit number in up to ten bytes, small ones of either sign in few."""
    value = 0
    for position in range(_VARLONG_BYTES):
        octet = reader.uint(1)
        value |= (octet & 0x7F) << (7 * position)
        if octet < 0x80:  # noqa: PLR2004  the continuation bit
            break
    else:
        raise RemoteWireError("the peer sent a variable-length integer of more than ten bytes")
    if value >= _UINT64:
        raise RemoteWireError("the peer sent a variable-length integer above 64 bits")
    return _unfolded(value)


def _unfolded(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def _write_record(out: bytearray, record: Record, *, timestamp_delta: int, offset_delta: int) -> None:
    body = bytearray(1)
    _write_signed(body, timestamp_delta)
    _write_signed(body, offset_delta)
    _write_octets(body, record.key)
    _write_octets(body, record.value)
    _write_headers(body, record.headers)
    _write_signed(out, len(body))
    out += body


def _write_headers(out: bytearray, headers: Iterable[tuple[str, bytes | None]]) -> None:
    listed = tuple(headers)
    _write_signed(out, len(listed))
    for name, value in listed:
        try:
            _write_octets(out, name.encode())
        except UnicodeEncodeError as cause:
            raise LocalWireError(f"a record header cannot be sent as UTF-8: {cause.reason}") from None
        _write_octets(out, value)


def _write_octets(out: bytearray, value: bytes | None) -> None:
    _write_signed(out, -1 if value is None else len(value))
    out += value or b""


def _write_signed(out: bytearray, value: int) -> None:
    if not -_UINT64 // 2 <= value < _UINT64 // 2:
        raise LocalWireError(f"{value} is not a signed 64-bit number")
    folded = value << 1 ^ value >> 63
    while folded > 0x7F:  # noqa: PLR2004  seven bits travel in each byte
        out.append(folded & 0x7F | 0x80)
        folded >>= 7
    out.append(folded)
