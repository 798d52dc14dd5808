"""Log directories, quotas, the quorum, features, producers and transactions, as Kafka tells of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mskaudit.errors import UsageError
from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.policy.regexes import compile_regex
from mskaudit.reference.broker_settings import LOG_DIRECTORY
from mskaudit.reference.services import quotas
from mskaudit.reference.services.coordinators import CoordinatorType, coordinates
from mskaudit.reference.services.features import update_features
from mskaudit.reference.services.partitions import find_partition, led_here
from mskaudit.reference.services.refusals import (
    CLUSTER_REFUSED,
    TOPIC_REFUSED,
    UNKNOWN_TOPIC,
    name_fault,
)
from mskaudit.wire.apis.cluster import (
    DescribeLogDirsPartition,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
    DescribeQuorumReplicaState,
    DescribeQuorumResponse,
    DescribeQuorumResponsePartitionData,
    DescribeQuorumResponseTopicData,
    Listener,
    Node,
)
from mskaudit.wire.apis.positions import (
    DescribeProducersPartitionResponse,
    DescribeProducersResponse,
    DescribeProducersTopicResponse,
    ProducerState,
)
from mskaudit.wire.apis.transactions import (
    DescribeTransactionsResponse,
    DescribeTransactionsTransactionState,
    ListTransactionsResponse,
    ListTransactionsTransactionState,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.state import Partition, Topic
    from mskaudit.wire.apis.cluster import DescribeLogDirsRequest, DescribeQuorumRequest
    from mskaudit.wire.apis.positions import DescribeProducersRequest, DescribeProducersTopicRequest
    from mskaudit.wire.apis.transactions import DescribeTransactionsRequest, ListTransactionsRequest

_METADATA_LOG: Final = "__cluster_metadata"
_VOLUME: Final = 100 << 30
_ERRORS_SINCE: Final = 3
_SIZES_SINCE: Final = 4
_NODES_SINCE: Final = 2
_METADATA_OFFSET: Final = 100
_EMPTY: Final = "Empty"
_STATES: Final = frozenset(
    {_EMPTY, "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}
)


async def _describe_log_dirs(asking: Asking, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
    if not asking.may_on_cluster(Operation.DESCRIBE):
        error = ErrorCode.CLUSTER_AUTHORIZATION_FAILED if asking.version >= _ERRORS_SINCE else ErrorCode.NONE
        return DescribeLogDirsResponse(error_code=error)
    wanted = None
    if request.topics is not None:
        wanted = {(topic.topic, index) for topic in request.topics for index in topic.partitions}
    sized = asking.version >= _SIZES_SINCE
    directory = DescribeLogDirsResult(
        log_dir=LOG_DIRECTORY,
        topics=tuple(_stored(asking, wanted)),
        total_bytes=_VOLUME if sized else -1,
        usable_bytes=_VOLUME - asking.state.record_bytes if sized else -1,
    )
    return DescribeLogDirsResponse(results=(directory,))


def _stored(asking: Asking, wanted: set[tuple[str, int]] | None) -> Iterable[DescribeLogDirsTopic]:
    """The partitions that the broker asked has."""
    for topic in asking.state.topics.values():
        partitions = tuple(
            DescribeLogDirsPartition(
                partition_index=partition.index, partition_size=_size(partition), offset_lag=0, is_future_key=False
            )
            for partition in topic.partitions
            if asking.node.number in partition.replicas and (wanted is None or (topic.name, partition.index) in wanted)
        )
        if partitions:
            yield DescribeLogDirsTopic(name=topic.name, partitions=partitions)


def _size(partition: Partition) -> int:
    return sum(len(batch.content) for batch in partition.batches)


async def _describe_quorum(asking: Asking, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    if not asking.may_on_cluster(Operation.DESCRIBE):
        message = CLUSTER_REFUSED if asking.version >= _NODES_SINCE else None
        return DescribeQuorumResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED, error_message=message)
    asked = [(topic.topic_name, [part.partition_index for part in topic.partitions]) for topic in request.topics]
    if asked == [(_METADATA_LOG, [0])]:
        topics = (DescribeQuorumResponseTopicData(topic_name=_METADATA_LOG, partitions=(_quorum(asking),)),)
        nodes = tuple(_controllers(asking)) if asking.version >= _NODES_SINCE else ()
        return DescribeQuorumResponse(topics=topics, nodes=nodes)
    return DescribeQuorumResponse(
        topics=tuple(
            DescribeQuorumResponseTopicData(
                topic_name=name, partitions=tuple(_no_quorum(asking, index) for index in indexes)
            )
            for name, indexes in asked
        )
    )


def _quorum(asking: Asking) -> DescribeQuorumResponsePartitionData:
    now = round(asking.state.clock().timestamp() * 1000) if asking.version > 0 else -1
    voters = tuple(
        DescribeQuorumReplicaState(
            replica_id=node.number,
            log_end_offset=_METADATA_OFFSET,
            last_fetch_timestamp=now,
            last_caught_up_timestamp=now,
        )
        for node in asking.nodes
    )
    return DescribeQuorumResponsePartitionData(
        partition_index=0,
        leader_id=asking.controller,
        leader_epoch=1,
        high_watermark=_METADATA_OFFSET,
        current_voters=voters,
    )


def _no_quorum(asking: Asking, index: int) -> DescribeQuorumResponsePartitionData:
    return DescribeQuorumResponsePartitionData(
        partition_index=index,
        error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        error_message=UNKNOWN_TOPIC if asking.version >= _NODES_SINCE else None,
        leader_id=0,
        leader_epoch=0,
        high_watermark=0,
    )


def _controllers(asking: Asking) -> Iterable[Node]:
    names = [name for name, listener in asking.state.cluster.listeners.items() if listener.controller]
    for node in asking.nodes:
        places = ((name, *node.addresses[name]) for name in names)
        listeners = tuple(Listener(name=name.upper(), host=host, port=port) for name, host, port in places)
        yield Node(node_id=node.number, listeners=listeners)


async def _describe_producers(asking: Asking, request: DescribeProducersRequest) -> DescribeProducersResponse:
    return DescribeProducersResponse(
        topics=tuple(
            DescribeProducersTopicResponse(name=topic.name, partitions=tuple(_producers(asking, topic)))
            for topic in request.topics
        )
    )


def _producers(asking: Asking, asked: DescribeProducersTopicRequest) -> Iterable[DescribeProducersPartitionResponse]:
    topics = asking.state.topics
    error, message = ErrorCode.NONE, None
    if fault := name_fault(asked.name):
        error, message = ErrorCode.INVALID_TOPIC_EXCEPTION, fault
    elif not asking.may(Operation.READ, ResourceType.TOPIC, asked.name):
        error, message = ErrorCode.TOPIC_AUTHORIZATION_FAILED, TOPIC_REFUSED
    elif asked.name not in topics:
        error, message = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC
    for index in asked.partition_indexes:
        if error is ErrorCode.NONE:
            yield _partition_producers(asking, topics[asked.name], index)
        else:
            yield DescribeProducersPartitionResponse(partition_index=index, error_code=error, error_message=message)


def _partition_producers(asking: Asking, topic: Topic, index: int) -> DescribeProducersPartitionResponse:
    found = led_here(asking, find_partition(topic, index))
    if isinstance(found, ErrorCode):
        return DescribeProducersPartitionResponse(partition_index=index, error_code=found)
    return DescribeProducersPartitionResponse(
        partition_index=index,
        active_producers=tuple(
            ProducerState(
                producer_id=producer,
                producer_epoch=state.epoch,
                last_sequence=state.last_sequence,
                coordinator_epoch=-1,
            )
            for producer, state in found.producers.items()
        ),
    )


async def _describe_transactions(asking: Asking, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
    states = tuple(_transaction(asking, name) for name in request.transactional_ids)
    return DescribeTransactionsResponse(transaction_states=states)


def _transaction(asking: Asking, name: str) -> DescribeTransactionsTransactionState:
    known = asking.state.transactional_ids
    if not asking.may(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, name):
        error = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    elif not name:
        error = ErrorCode.INVALID_REQUEST
    elif not coordinates(asking, CoordinatorType.TRANSACTION, name):
        error = ErrorCode.NOT_COORDINATOR
    elif name not in known:
        error = ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
    else:
        return DescribeTransactionsTransactionState(
            transactional_id=name,
            transaction_state=_EMPTY,
            transaction_timeout_ms=60_000,
            transaction_start_time_ms=-1,
            producer_id=known[name].producer_id,
            producer_epoch=known[name].epoch,
        )
    return DescribeTransactionsTransactionState(
        error_code=error,
        transactional_id=name,
        transaction_state="",
        transaction_timeout_ms=0,
        transaction_start_time_ms=0,
        producer_id=0,
        producer_epoch=0,
    )


async def _list_transactions(asking: Asking, request: ListTransactionsRequest) -> ListTransactionsResponse:
    try:
        fits = _pattern(request.transactional_id_pattern)
    except UsageError:
        return ListTransactionsResponse(error_code=ErrorCode.INVALID_REGULAR_EXPRESSION)
    unknown = tuple(dict.fromkeys(state for state in request.state_filters if state not in _STATES))
    states, producers = set(request.state_filters), set(request.producer_id_filters)
    found = []
    for name, identity in sorted(asking.state.transactional_ids.items()):
        if states and _EMPTY not in states:
            break
        if producers and identity.producer_id not in producers:
            continue
        if not coordinates(asking, CoordinatorType.TRANSACTION, name):
            continue
        if not asking.may(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, name):
            continue
        await asyncio.sleep(0)  # a pattern may take its time, and others are waiting
        if fits(name):
            state = ListTransactionsTransactionState(
                transactional_id=name, producer_id=identity.producer_id, transaction_state=_EMPTY
            )
            found.append(state)
    return ListTransactionsResponse(unknown_state_filters=unknown, transaction_states=tuple(found))


def _pattern(text: str | None) -> Callable[[str], bool]:
    """Whether an id fits a regular expression; one that costs too much fits nothing."""
    if not text:
        return lambda _: True
    regex = compile_regex(text)

    def fits(name: str) -> bool:
        try:
            return regex.matches(name)
        except UsageError:
            return False

    return fits


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.DESCRIBE_LOG_DIRS: _describe_log_dirs,
    ApiKey.DESCRIBE_QUORUM: _describe_quorum,
    ApiKey.UPDATE_FEATURES: update_features,
    ApiKey.DESCRIBE_PRODUCERS: _describe_producers,
    ApiKey.DESCRIBE_TRANSACTIONS: _describe_transactions,
    ApiKey.LIST_TRANSACTIONS: _list_transactions,
    **quotas.HANDLERS,
}
