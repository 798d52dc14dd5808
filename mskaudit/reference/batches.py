"""What a broker makes of the records that a producer sends: the one batch they are, or the error in answer to them.

A compressed batch, or one of very many records, is checked by its header and checksum alone; what is inside is the
reader's business.
"""

from __future__ import annotations

from typing import Final

from mskaudit.errors import RemoteWireError
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.records import NO_PRODUCER_ID, Batch, Compression, LegacyMessage, batches, records

MOST_SEQUENCE: Final = 2**31 - 1
"""The last sequence number: 0 follows it."""

_PREFIX: Final = 12
_LEAST: Final = _PREFIX + 14
_MAGIC_AT: Final = 16
_NEWEST_MAGIC: Final = 2
_MOST_READ: Final = 5_000
_SINGLE_SINCE: Final = 3
_ZSTD_SINCE: Final = 7


def accept(content: bytes, *, version: int) -> Batch | ErrorCode:
    """The batch that a Produce request of a version holds for one partition, or what Kafka answers instead.

    Formats before that of Kafka 0.11 are not taken: they may not be in a request of version 3 or above, and a broker
    would have to convert those in an older one.
    """
    size = _size(content)
    if size is None:
        return ErrorCode.INVALID_RECORD
    if size < _LEAST or content[_MAGIC_AT] > _NEWEST_MAGIC:
        return ErrorCode.CORRUPT_MESSAGE
    if _size(content[size:]) is not None:
        return ErrorCode.INVALID_RECORD
    try:
        (batch,) = batches(content[:size])
    except RemoteWireError:
        return ErrorCode.CORRUPT_MESSAGE
    if isinstance(batch, LegacyMessage):
        old = version < _SINGLE_SINCE
        return ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT if old else ErrorCode.INVALID_RECORD
    if batch.compression is Compression.ZSTD and version < _ZSTD_SINCE:
        return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    return batch if _is_sound(batch) else ErrorCode.INVALID_RECORD


def _size(content: bytes) -> int | None:
    """Bytes of the batch that something begins with, even an impossible number; None if it is not all there.

    What is left of a batch that was cut off is ignored behind a whole one, and is no batch where there is none.
    """
    if len(content) < _PREFIX:
        return None
    size = _PREFIX + int.from_bytes(content[_PREFIX - 4 : _PREFIX], "big", signed=True)
    return size if size <= len(content) or size < _LEAST else None


def _is_sound(batch: Batch) -> bool:
    """Whether the header does not contradict itself, nor the records it."""
    sequenced = batch.producer.base_sequence >= 0 if has_producer(batch) else not batch.transactional
    if batch.control or not sequenced or batch.count < 1 or batch.last_offset_delta != batch.count - 1:
        return False
    if batch.compression is not Compression.NONE or batch.count > _MOST_READ:
        return True
    try:
        return [record.offset - batch.base_offset for record in records(batch)] == list(range(batch.count))
    except RemoteWireError:
        return False


def has_producer(batch: Batch) -> bool:
    """Whether its producer is one that counts what it sends."""
    return batch.producer.identity != NO_PRODUCER_ID


def last_sequence(batch: Batch) -> int:
    """The sequence number of its last record."""
    return (batch.producer.base_sequence + batch.count - 1) % (MOST_SEQUENCE + 1)


def times(content: bytes) -> tuple[tuple[int, int], ...]:
    """Offset and time in milliseconds of each record in a stored batch, none where they were not looked into."""
    (batch,) = batches(content)
    if not isinstance(batch, Batch) or batch.compression is not Compression.NONE or batch.count > _MOST_READ:
        return ()
    return tuple((record.offset, record.timestamp) for record in records(batch))
