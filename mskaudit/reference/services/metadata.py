"""Where the brokers are and which topics there are, as far as whoever asks may know (KIP-430, KIP-700, KIP-966)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.services.refusals import name_fault
from mskaudit.wire.apis.topics import (
    Cursor,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import (
    NO_UUID,
    ApiKey,
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
    EndpointType,
    MetadataBroker,
    MetadataPartition,
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataTopic,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from uuid import UUID

    from mskaudit.reference.asking import Asking, Handler, Node
    from mskaudit.reference.state import Partition, Topic
    from mskaudit.wire.apis.topics import DescribeTopicPartitionsRequest

_TOPIC_IDS_SINCE: Final = 12
_PAGE: Final = 2_000
"""Partitions of the largest page: Kafka's default of `max.request.partition.size.limit`."""


async def _metadata(asking: Asking, request: MetadataRequest) -> MetadataResponse:
    fault = _fault(asking, request.topics or ())
    if fault is not None:
        refused = tuple(
            MetadataTopic(error_code=fault, name=asked.name or "", topic_id=asked.topic_id)
            for asked in request.topics or ()
        )
        return MetadataResponse(topics=refused, error_code=fault)
    return MetadataResponse(
        brokers=tuple(
            MetadataBroker(node_id=node.number, host=host, port=port, rack=node.rack)
            for node, host, port in endpoints(asking)
        ),
        cluster_id=asking.state.cluster.cluster_id,
        controller_id=asking.controller,
        topics=tuple(_topics(asking, request)),
        cluster_authorized_operations=asking.cluster_operations(wanted=request.include_cluster_authorized_operations),
    )


def _fault(asking: Asking, topics: tuple[MetadataRequestTopic, ...]) -> ErrorCode | None:
    """What is wrong with all of a request: Kafka 3.9 and 4.4 answer it without a broker then."""
    by_id = any(asked.topic_id != NO_UUID for asked in topics)
    unnamed = any(asked.name is None for asked in topics)
    if asking.version < _TOPIC_IDS_SINCE:
        return ErrorCode.INVALID_REQUEST if by_id or unnamed else None
    return ErrorCode.UNKNOWN_SERVER_ERROR if unnamed and not by_id else None


def endpoints(asking: Asking) -> Iterator[tuple[Node, str, int]]:
    """Every broker with the host and port that it is advertised under on the listener that was asked."""
    for node in asking.nodes:
        host, port = node.addresses[asking.listener_name]
        yield node, asking.listener.advertised or host, port


def _topics(asking: Asking, request: MetadataRequest) -> Iterator[MetadataTopic]:
    wanted = request.include_topic_authorized_operations
    if request.topics is None or (asking.version == 0 and not request.topics):
        for topic in sorted(asking.state.topics.values(), key=lambda topic: topic.name):
            if asking.may(Operation.DESCRIBE, ResourceType.TOPIC, topic.name):
                yield _described(asking, topic, wanted=wanted)
        return
    for asked in dict.fromkeys(request.topics):
        if asked.topic_id != NO_UUID:
            yield _identified(asking, asked.topic_id, wanted=wanted)
        elif asked.name is not None:
            yield _named(asking, asked.name, wanted=wanted)


def _identified(asking: Asking, topic_id: UUID, *, wanted: bool) -> MetadataTopic:
    found = asking.state.topic_by_id(topic_id)
    if found is None:
        return MetadataTopic(error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=topic_id)
    if not asking.may(Operation.DESCRIBE, ResourceType.TOPIC, found.name):
        return MetadataTopic(error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED, name=None, topic_id=topic_id)
    return _described(asking, found, wanted=wanted)


def _named(asking: Asking, name: str, *, wanted: bool) -> MetadataTopic:
    if not asking.may(Operation.DESCRIBE, ResourceType.TOPIC, name):
        return MetadataTopic(error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED, name=name)
    known = asking.state.topics.get(name)
    if known is not None:
        return _described(asking, known, wanted=wanted)
    operations = asking.operations(ResourceType.TOPIC, name, wanted=wanted)
    return MetadataTopic(
        error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name=name, topic_authorized_operations=operations
    )


def _described(asking: Asking, topic: Topic, *, wanted: bool) -> MetadataTopic:
    return MetadataTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.is_internal,
        partitions=tuple(map(_partition, topic.partitions)),
        topic_authorized_operations=asking.operations(ResourceType.TOPIC, topic.name, wanted=wanted),
    )


def _partition(partition: Partition) -> MetadataPartition:
    return MetadataPartition(
        partition_index=partition.index,
        leader_id=partition.leader,
        leader_epoch=0,
        replica_nodes=partition.replicas,
        isr_nodes=partition.replicas,
    )


async def _describe_cluster(asking: Asking, request: DescribeClusterRequest) -> DescribeClusterResponse:
    own = EndpointType.CONTROLLERS if asking.listener.controller else EndpointType.BROKERS
    if request.endpoint_type != own:
        known = request.endpoint_type in set(EndpointType)
        error = ErrorCode.MISMATCHED_ENDPOINT_TYPE if known else ErrorCode.UNSUPPORTED_ENDPOINT_TYPE
        return DescribeClusterResponse(error_code=error, cluster_id="")
    return DescribeClusterResponse(
        endpoint_type=own,
        cluster_id=asking.state.cluster.cluster_id,
        controller_id=asking.controller,
        brokers=tuple(
            DescribeClusterBroker(broker_id=node.number, host=host, port=port, rack=node.rack)
            for node, host, port in endpoints(asking)
        ),
        cluster_authorized_operations=asking.cluster_operations(wanted=request.include_cluster_authorized_operations),
    )


async def _describe_topic_partitions(
    asking: Asking, request: DescribeTopicPartitionsRequest
) -> DescribeTopicPartitionsResponse:
    cursor = request.cursor
    names = {topic.name for topic in request.topics}
    if cursor is not None and (cursor.partition_index < 0 or (names and cursor.topic_name not in names)):
        wrong = (
            DescribeTopicPartitionsResponseTopic(error_code=ErrorCode.INVALID_REQUEST, name=name, topic_id=NO_UUID)
            for name in dict.fromkeys(topic.name for topic in request.topics)
        )
        return DescribeTopicPartitionsResponse(topics=tuple(wrong))
    wanted = sorted(names or asking.state.topics)
    if cursor is not None:
        wanted = [name for name in wanted if name >= cursor.topic_name]
    seen = [name for name in wanted if asking.may(Operation.DESCRIBE, ResourceType.TOPIC, name)]
    found, next_cursor = _page(asking, seen, cursor, limit=max(1, min(request.response_partition_limit, _PAGE)))
    hidden = sorted(names.difference(seen)) if names else ()
    refused = (
        DescribeTopicPartitionsResponseTopic(
            error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED, name=name, topic_id=NO_UUID
        )
        for name in hidden
        if cursor is None or name >= cursor.topic_name
    )
    return DescribeTopicPartitionsResponse(topics=(*found, *refused), next_cursor=next_cursor)


def _page(
    asking: Asking, names: Iterable[str], cursor: Cursor | None, *, limit: int
) -> tuple[list[DescribeTopicPartitionsResponseTopic], Cursor | None]:
    """Topics up to a number of partitions, and where the next page begins."""
    found: list[DescribeTopicPartitionsResponseTopic] = []
    for name in names:
        if name not in asking.state.topics:
            found.append(_unknown(asking, name))
            continue
        topic = asking.state.topics[name]
        if limit == 0:
            return found, Cursor(topic_name=name, partition_index=0)
        start = cursor.partition_index if cursor is not None and cursor.topic_name == name else 0
        partitions = topic.partitions[start : start + limit]
        limit -= len(partitions)
        found.append(
            DescribeTopicPartitionsResponseTopic(
                name=name,
                topic_id=topic.topic_id,
                is_internal=topic.is_internal,
                partitions=tuple(map(_full_partition, partitions)),
                topic_authorized_operations=asking.operations(ResourceType.TOPIC, name, wanted=True),
            )
        )
        if start + len(partitions) < len(topic.partitions):
            return found, Cursor(topic_name=name, partition_index=start + len(partitions))
    return found, None


def _unknown(asking: Asking, name: str) -> DescribeTopicPartitionsResponseTopic:
    error = ErrorCode.INVALID_TOPIC_EXCEPTION if name_fault(name) else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    operations = asking.operations(ResourceType.TOPIC, name, wanted=True)
    return DescribeTopicPartitionsResponseTopic(
        error_code=error, name=name, topic_id=NO_UUID, topic_authorized_operations=operations
    )


def _full_partition(partition: Partition) -> DescribeTopicPartitionsResponsePartition:
    return DescribeTopicPartitionsResponsePartition(
        partition_index=partition.index,
        leader_id=partition.leader,
        leader_epoch=0,
        replica_nodes=partition.replicas,
        isr_nodes=partition.replicas,
        eligible_leader_replicas=(),
        last_known_elr=(),
    )


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.METADATA: _metadata,
    ApiKey.DESCRIBE_CLUSTER: _describe_cluster,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: _describe_topic_partitions,
}
