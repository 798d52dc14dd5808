"""The log of a partition: records put at its end, read from an offset, found by time, and dropped from its start."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.reference.batches import MOST_SEQUENCE, has_producer, last_sequence, times
from mskaudit.reference.state import MOST_RECORD_BYTES, ProducerState, StoredBatch
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.reference.state import Partition, State
    from mskaudit.wire.records import Batch

LEADER_EPOCH: Final = 0
"""The epoch of every leader: no partition ever changes its leader."""

_REMEMBERED_BATCHES: Final = 5
_MOST_PRODUCERS: Final = 1000


class Appended(NamedTuple):
    """Where a batch went, -1 if it went nowhere; `time`, in milliseconds, is that of a batch that was there already."""

    offset: int = -1
    time: int = -1
    error: ErrorCode = ErrorCode.NONE


class Position(NamedTuple):
    """An offset and the time of what is there, in milliseconds, -1 if there is none."""

    offset: int = -1
    time: int = -1


def append(state: State, partition: Partition, batch: Batch) -> Appended:
    """Put a batch at the end, or say where it is already: a producer may send one again (KIP-98)."""
    if has_producer(batch):
        producer = partition.producers.get(batch.producer.identity)
        again = _sent_before(producer, batch)
        if again is not None:
            return Appended(*again)
        if error := _out_of_sequence(producer, batch):
            return Appended(error=error)
    offset = partition.end_offset
    partition.end_offset += batch.count
    stored = StoredBatch(
        base_offset=offset,
        last_offset=partition.end_offset - 1,
        timestamp=batch.max_timestamp,
        content=batch.placed(base_offset=offset, leader_epoch=LEADER_EPOCH).content,
    )
    partition.batches.append(stored)
    _charge(state, partition, stored.cost)
    if has_producer(batch):
        _remember(partition, batch, offset)
    _make_room(state)
    for watcher in tuple(partition.watchers):
        watcher()
    return Appended(offset)


def _sent_before(producer: ProducerState | None, batch: Batch) -> tuple[int, int] | None:
    if producer is None or producer.epoch != batch.producer.epoch:
        return None
    sequences = (batch.producer.base_sequence, last_sequence(batch))
    return producer.recent[sequences] if sequences in producer.recent else None


def _out_of_sequence(producer: ProducerState | None, batch: Batch) -> ErrorCode | None:
    """What is wrong with the epoch or the sequence of a batch; a producer that is not known may begin anywhere."""
    if producer is None:
        return None
    if batch.producer.epoch < producer.epoch:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    expected = (producer.last_sequence + 1) % (MOST_SEQUENCE + 1) if batch.producer.epoch == producer.epoch else 0
    return None if batch.producer.base_sequence == expected else ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def _remember(partition: Partition, batch: Batch, offset: int) -> None:
    """Note a producer's batch; the one that was silent for longest is forgotten for one too many."""
    sent = batch.producer
    known = partition.producers.pop(sent.identity, None)
    if known is None or known.epoch != sent.epoch:
        known = ProducerState(epoch=sent.epoch)
    partition.producers[sent.identity] = known
    known.last_sequence = last_sequence(batch)
    known.recent[sent.base_sequence, known.last_sequence] = (offset, batch.max_timestamp)
    if len(known.recent) > _REMEMBERED_BATCHES:
        known.recent.popitem(last=False)
    if len(partition.producers) > _MOST_PRODUCERS:
        del partition.producers[next(iter(partition.producers))]


def _charge(state: State, partition: Partition, cost: int) -> None:
    partition.cost += cost
    state.record_bytes += cost


def _make_room(state: State) -> None:
    """Drop the older half of the largest log while there is too much, as retention would."""
    while state.record_bytes > MOST_RECORD_BYTES:
        largest = max(
            (partition for topic in state.topics.values() for partition in topic.partitions),
            key=lambda partition: partition.cost,
        )
        middle = largest.batches[(len(largest.batches) - 1) // 2]
        trim(state, largest, middle.last_offset + 1)


def trim(state: State, partition: Partition, offset: int) -> None:
    """Drop what is before an offset, as far as whole batches are; the log begins there afterwards."""
    partition.start_offset = max(partition.start_offset, offset)
    gone = bisect_left(partition.batches, offset, key=lambda batch: batch.last_offset)
    _charge(state, partition, -sum(batch.cost for batch in partition.batches[:gone]))
    del partition.batches[:gone]


def read(partition: Partition, offset: int, *, most_bytes: int, at_least_one: bool) -> list[bytes]:
    """The whole batches from the one that holds an offset on, as many as fit; a first one that does not, if wanted."""
    taken: list[bytes] = []
    room = most_bytes
    for index in range(_index(partition, offset), len(partition.batches)):
        content = partition.batches[index].content
        if len(content) > room and not (at_least_one and not taken):
            break
        taken.append(content)
        room -= len(content)
    return taken


def available(partition: Partition, offset: int, *, enough: int) -> int:
    """Bytes from an offset on, counted up to where it is enough."""
    total = 0
    for index in range(_index(partition, offset), len(partition.batches)):
        total += len(partition.batches[index].content)
        if total >= enough:
            break
    return total


def _index(partition: Partition, offset: int) -> int:
    """Where the batch is that ends at an offset or later."""
    return bisect_left(partition.batches, offset, key=lambda batch: batch.last_offset)


def at_time(partition: Partition, time: int) -> Position:
    """The first record at a time or later; of a compressed batch, its beginning."""
    for batch in partition.batches:
        if batch.timestamp >= time:
            for offset, when in _times(partition, batch):
                if when >= time:
                    return Position(offset, when)
            return Position(max(batch.base_offset, partition.start_offset), batch.timestamp)
    return Position()


def latest_time(partition: Partition) -> Position:
    """The first record of the latest time."""
    if not partition.batches:
        return Position()
    latest = max(batch.timestamp for batch in partition.batches)
    return at_time(partition, latest)


def _times(partition: Partition, batch: StoredBatch) -> Iterator[tuple[int, int]]:
    return ((offset, when) for offset, when in times(batch.content) if offset >= partition.start_offset)
