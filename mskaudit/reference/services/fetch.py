"""Records read: Fetch, which waits until there are as many as the client wants.

There are no fetch sessions: a client that wants one gets none, as from a broker whose cache of them is full (KIP-227).
Records are never converted to the formats before Kafka 0.11; a client that needs those gets UNSUPPORTED_VERSION, as
from a broker that was told not to.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import Operation
from mskaudit.reference.log import available, read
from mskaudit.reference.services import positions
from mskaudit.reference.services.partitions import (
    TopicKey,
    find_partition,
    find_topic,
    known_topic,
    leader_of,
    led_here,
    replicated_here,
    told_endpoints,
)
from mskaudit.wire.apis.logs import (
    FetchableTopicResponse,
    FetchPartition,
    FetchPartitionData,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    LeaderIdAndEpoch,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey
from mskaudit.wire.records import Batch, Compression, batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.state import Partition, Topic

_AT_LEAST_ONE_SINCE: Final = 3
_BATCHES_SINCE: Final = 4
_ZSTD_SINCE: Final = 10
_FOLLOWERS_SINCE: Final = 11
_IDS_SINCE: Final = 13
_REPLICA_STATE_SINCE: Final = 15
_LEADERS_SINCE: Final = 16
_READ_COMMITTED: Final = 1
_NO_EPOCH: Final = -1
_WITHOUT_SESSION: Final = (-1, 0)
_MOST_BYTES: Final = 1 << 20
_LONGEST_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One partition that a request asks for, and what was found of it."""

    topic: Topic | ErrorCode
    partition: Partition | ErrorCode
    asked: FetchPartition


async def _fetch(asking: Asking, request: FetchRequest) -> FetchResponse:
    if request.session_epoch not in _WITHOUT_SESSION:
        return FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    wanted = [(topic, _find(asking, request, topic)) for topic in request.topics]
    await _enough(request, [one for _, several in wanted for one in several])
    budget = _Budget(asking, request)
    responses = tuple(
        FetchableTopicResponse(
            topic=topic.topic, topic_id=topic.topic_id, partitions=tuple(budget.read(one) for one in several)
        )
        for topic, several in wanted
    )
    leaders = [partition.current_leader for response in responses for partition in response.partitions]
    return FetchResponse(responses=responses, node_endpoints=told_endpoints(asking, leaders))


def _find(asking: Asking, request: FetchRequest, asked: FetchTopic) -> list[_Wanted]:
    replica = request.replica_id if asking.version < _REPLICA_STATE_SINCE else request.replica_state.replica_id
    topic = _topic(asking, asked, replica)
    return [
        _Wanted(
            topic=topic, partition=_partition(asking, find_partition(topic, one.partition), one, replica), asked=one
        )
        for one in asked.partitions
    ]


def _topic(asking: Asking, asked: FetchTopic, replica: int) -> Topic | ErrorCode:
    """The topic; who says to be a broker must be allowed to act as one, and then may read everything."""
    key = TopicKey(asked.topic, asked.topic_id)
    by_id = asking.version >= _IDS_SINCE
    if replica < 0:
        return find_topic(asking, key, operation=Operation.READ, by_id=by_id)
    if not asking.may_on_cluster(Operation.CLUSTER_ACTION):
        return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return known_topic(asking, key, by_id=by_id)


def _partition(
    asking: Asking, found: Partition | ErrorCode, asked: FetchPartition, replica: int
) -> Partition | ErrorCode:
    """The partition, if this broker may serve it: consumers may read from any replica since KIP-392."""
    epoch = max(asked.current_leader_epoch, _NO_EPOCH)
    if replica < 0 and asking.version >= _FOLLOWERS_SINCE:
        found = replicated_here(asking, found, epoch=epoch)
    else:
        found = led_here(asking, found, epoch=epoch)
    if isinstance(found, ErrorCode):
        return found
    if replica >= 0 and replica not in found.replicas:
        return ErrorCode.NOT_LEADER_OR_FOLLOWER
    return found if _holds(found, asked) else ErrorCode.OFFSET_OUT_OF_RANGE


def _holds(partition: Partition, asked: FetchPartition) -> bool:
    return partition.start_offset <= asked.fetch_offset <= partition.end_offset


async def _enough(request: FetchRequest, wanted: list[_Wanted]) -> None:
    """Return when there is as much as the request wants, at once where something is wrong, at last when it said."""
    enough = min(request.min_bytes, request.max_bytes, _MOST_BYTES)
    readable = [(one.partition, one.asked) for one in wanted if not isinstance(one.partition, ErrorCode)]
    if request.max_wait_ms <= 0 or enough <= 0 or not readable or len(readable) < len(wanted):
        return
    came_in = asyncio.Event()
    with suppress(TimeoutError), _watching([partition for partition, _ in readable], came_in):
        async with asyncio.timeout(min(request.max_wait_ms / 1000, _LONGEST_WAIT)):
            while _waiting(readable) < enough and all(_holds(*one) for one in readable):
                await came_in.wait()
                came_in.clear()


def _waiting(readable: list[tuple[Partition, FetchPartition]]) -> int:
    return sum(available(partition, asked.fetch_offset, enough=_MOST_BYTES) for partition, asked in readable)


@contextmanager
def _watching(partitions: Iterable[Partition], came_in: asyncio.Event) -> Iterator[None]:
    notice = came_in.set
    for partition in partitions:
        partition.watchers.add(notice)
    try:
        yield
    finally:
        for partition in partitions:
            partition.watchers.discard(notice)


class _Budget:
    """The bytes that are left for an answer: one batch is given even where it is larger (KIP-74)."""

    def __init__(self, asking: Asking, request: FetchRequest) -> None:
        self._asking = asking
        self._room = min(request.max_bytes, _MOST_BYTES)
        self._nothing_yet = asking.version >= _AT_LEAST_ONE_SINCE
        self._committed = request.isolation_level == _READ_COMMITTED

    def read(self, wanted: _Wanted) -> FetchPartitionData:
        """What a partition is answered with."""
        partition, asked = wanted.partition, wanted.asked
        if not isinstance(partition, ErrorCode) and not _holds(partition, asked):
            partition = ErrorCode.OFFSET_OUT_OF_RANGE
        if isinstance(partition, ErrorCode):
            return self._failed(wanted, partition)
        room = min(self._room, asked.partition_max_bytes)
        found = read(partition, asked.fetch_offset, most_bytes=room, at_least_one=self._nothing_yet)
        if fault := _unreadable(found, self._asking.version):
            return self._failed(wanted, fault)
        content = b"".join(found)
        self._room -= len(content)
        self._nothing_yet = self._nothing_yet and not content
        return FetchPartitionData(
            partition_index=asked.partition,
            high_watermark=partition.end_offset,
            last_stable_offset=partition.end_offset,
            log_start_offset=partition.start_offset,
            aborted_transactions=() if self._committed else None,
            records=content,
        )

    def _failed(self, wanted: _Wanted, error: ErrorCode) -> FetchPartitionData:
        index = wanted.asked.partition
        leader = LeaderIdAndEpoch()
        if self._asking.version >= _LEADERS_SINCE and error in _WITH_LEADER and not isinstance(wanted.topic, ErrorCode):
            leader = leader_of(wanted.topic, index)
        return FetchPartitionData(
            partition_index=index,
            error_code=error,
            high_watermark=-1,
            aborted_transactions=() if self._committed or error in _NEVER_READ else None,
            current_leader=leader,
            records=b"",
        )


_NEVER_READ: Final = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
)
_WITH_LEADER: Final = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH)


def _unreadable(found: list[bytes], version: int) -> ErrorCode | None:
    """Why a client of a version cannot read some of these batches."""
    if version < _BATCHES_SINCE and found:
        return ErrorCode.UNSUPPORTED_VERSION
    if version >= _ZSTD_SINCE:
        return None
    zstd = any(
        isinstance(batch, Batch) and batch.compression is Compression.ZSTD
        for content in found
        for batch in batches(content)
    )
    return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE if zstd else None


HANDLERS: Final[Mapping[int, Handler]] = {ApiKey.FETCH: _fetch, **positions.HANDLERS}
