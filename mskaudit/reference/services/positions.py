"""Places in logs: found by time, where leader epochs end, and where logs are made to begin.

The messages are ListOffsets, OffsetForLeaderEpoch and DeleteRecords; times are in milliseconds.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final, assert_never

from mskaudit.policy.acls import Operation
from mskaudit.reference.log import LEADER_EPOCH, Position, at_time, latest_time, trim
from mskaudit.reference.services.partitions import (
    TopicKey,
    find_partition,
    find_topic,
    known_topic,
    led_here,
)
from mskaudit.wire.apis.positions import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
    EpochEndOffset,
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.state import Partition, Topic

_NONE: Final = -1


class Special(IntEnum):
    """What ListOffsets looks for instead of a time."""

    LATEST = -1
    EARLIEST = -2
    LATEST_TIME = -3
    EARLIEST_LOCAL = -4
    LATEST_TIERED = -5
    EARLIEST_PENDING_UPLOAD = -6


_SINCE: Final = {
    Special.LATEST: 0,
    Special.EARLIEST: 0,
    Special.LATEST_TIME: 7,
    Special.EARLIEST_LOCAL: 8,
    Special.LATEST_TIERED: 9,
    Special.EARLIEST_PENDING_UPLOAD: 11,
}
_EPOCHS_SINCE: Final = 4
_SAYS_ONCE_SINCE: Final = 4


async def _list_offsets(asking: Asking, request: ListOffsetsRequest) -> ListOffsetsResponse:
    count = Counter((topic.name, one.partition_index) for topic in request.topics for one in topic.partitions)
    topics = []
    for asked in request.topics:
        topic = find_topic(asking, TopicKey(asked.name), operation=Operation.DESCRIBE, by_id=False)
        topics.append(
            ListOffsetsTopicResponse(
                name=asked.name,
                partitions=tuple(
                    _position(asking, topic, one)
                    if count[asked.name, one.partition_index] == 1
                    else _no_position(one, ErrorCode.INVALID_REQUEST)
                    for one in _listed(asking, asked.partitions)
                ),
            )
        )
    return ListOffsetsResponse(topics=tuple(topics))


def _listed(asking: Asking, asked: tuple[ListOffsetsPartition, ...]) -> Iterable[ListOffsetsPartition]:
    """What is answered: Kafka 4 says only once of the same partition that it must not be asked for twice."""
    return dict.fromkeys(asked) if asking.profile.major >= _SAYS_ONCE_SINCE else asked


def _position(asking: Asking, topic: Topic | ErrorCode, asked: ListOffsetsPartition) -> ListOffsetsPartitionResponse:
    partition = led_here(asking, find_partition(topic, asked.partition_index), epoch=asked.current_leader_epoch)
    if isinstance(partition, ErrorCode):
        return _no_position(asked, partition)
    if asking.version == 0:
        return ListOffsetsPartitionResponse(
            partition_index=asked.partition_index, old_style_offsets=_segments(partition, asked)
        )
    if asked.timestamp < 0 and (
        asked.timestamp not in set(Special) or asking.version < _SINCE[Special(asked.timestamp)]
    ):
        return _no_position(asked, ErrorCode.UNSUPPORTED_VERSION)
    found = _look_up(partition, asked.timestamp)
    epoch = LEADER_EPOCH if found.offset != _NONE and asking.version >= _EPOCHS_SINCE else _NONE
    return ListOffsetsPartitionResponse(
        partition_index=asked.partition_index, offset=found.offset, timestamp=found.time, leader_epoch=epoch
    )


def _no_position(asked: ListOffsetsPartition, error: ErrorCode) -> ListOffsetsPartitionResponse:
    return ListOffsetsPartitionResponse(partition_index=asked.partition_index, error_code=error)


def _segments(partition: Partition, asked: ListOffsetsPartition) -> tuple[int, ...]:
    """Where the segments of a log begin, the latest first, and its end if that is asked for.

    Here it has one, which was written to just now, and so is none of those before a time.
    """
    ends = (partition.end_offset,) if asked.timestamp == Special.LATEST else ()
    starts = (partition.start_offset,) if asked.timestamp in (Special.LATEST, Special.EARLIEST) else ()
    return (*ends, *starts)[: max(asked.max_num_offsets, 0)]


def _look_up(partition: Partition, time: int) -> Position:
    if time >= 0:
        return at_time(partition, time)
    match Special(time):
        case Special.LATEST:
            return Position(partition.end_offset)
        case Special.EARLIEST | Special.EARLIEST_LOCAL:
            return Position(partition.start_offset)
        case Special.LATEST_TIME:
            return latest_time(partition)
        case Special.LATEST_TIERED | Special.EARLIEST_PENDING_UPLOAD:
            return Position()
        case never:
            assert_never(never)


async def _end_of_epoch(asking: Asking, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
    trusted = asking.may_on_cluster(Operation.CLUSTER_ACTION)
    topics = []
    for asked in request.topics:
        key = TopicKey(asked.topic)
        if trusted:
            topic = known_topic(asking, key, by_id=False)
        else:
            topic = find_topic(asking, key, operation=Operation.DESCRIBE, by_id=False)
        ends = tuple(_end(asking, topic, one) for one in asked.partitions)
        topics.append(OffsetForLeaderTopicResult(topic=asked.topic, partitions=ends))
    return OffsetForLeaderEpochResponse(topics=tuple(topics))


def _end(asking: Asking, topic: Topic | ErrorCode, asked: OffsetForLeaderPartition) -> EpochEndOffset:
    partition = led_here(asking, find_partition(topic, asked.partition), epoch=asked.current_leader_epoch)
    if isinstance(partition, ErrorCode):
        return EpochEndOffset(error_code=partition, partition=asked.partition)
    if asked.leader_epoch == _NONE or asked.leader_epoch > LEADER_EPOCH:
        return EpochEndOffset(partition=asked.partition)
    before = asked.leader_epoch < LEADER_EPOCH
    return EpochEndOffset(
        partition=asked.partition,
        leader_epoch=asked.leader_epoch,
        end_offset=partition.start_offset if before else partition.end_offset,
    )


async def _delete_records(asking: Asking, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    topics = []
    for asked in request.topics:
        topic = find_topic(asking, TopicKey(asked.name), operation=Operation.DELETE, by_id=False)
        results = tuple(_delete(asking, topic, one) for one in asked.partitions)
        topics.append(DeleteRecordsTopicResult(name=asked.name, partitions=results))
    return DeleteRecordsResponse(topics=tuple(topics))


def _delete(asking: Asking, topic: Topic | ErrorCode, asked: DeleteRecordsPartition) -> DeleteRecordsPartitionResult:
    index = asked.partition_index
    partition = find_partition(topic, index)
    if not isinstance(topic, ErrorCode) and topic.is_internal:
        partition = ErrorCode.INVALID_TOPIC_EXCEPTION
    partition = led_here(asking, partition)
    if isinstance(partition, ErrorCode):
        return DeleteRecordsPartitionResult(partition_index=index, low_watermark=_NONE, error_code=partition)
    offset = partition.end_offset if asked.offset == _NONE else asked.offset
    if not 0 <= offset <= partition.end_offset:
        error = ErrorCode.OFFSET_OUT_OF_RANGE
        return DeleteRecordsPartitionResult(partition_index=index, low_watermark=_NONE, error_code=error)
    trim(asking.state, partition, offset)
    return DeleteRecordsPartitionResult(partition_index=index, low_watermark=partition.start_offset)


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.LIST_OFFSETS: _list_offsets,
    ApiKey.OFFSET_FOR_LEADER_EPOCH: _end_of_epoch,
    ApiKey.DELETE_RECORDS: _delete_records,
}
