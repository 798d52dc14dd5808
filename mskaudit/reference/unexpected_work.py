"""Answers with an error to requests about topics, records and groups where a token was due, each in its API's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mskaudit.wire.apis import groups, logs, offsets, positions, topics
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, ApiKey, DescribeClusterResponse, MetadataResponse, MetadataTopic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mskaudit.wire.messages import Response

CODE: Final = ErrorCode.ILLEGAL_SASL_STATE
GENERAL: Final = "Request is not valid given the current SASL state."
"""What some APIs say instead of what was wrong."""

_NOWHERE: Final = -1
_COMMITTED_ONCE_SINCE: Final = 2
_GROUPS_SINCE: Final = 8
_KEYS_SINCE: Final = 4
_NO_PROTOCOL_SINCE: Final = 7
_SESSIONS_SINCE: Final = 7
_WHOLE_FETCH_SINCE: Final = 13


def said(key: ApiKey) -> str:
    """What Kafka says was wrong."""
    return f"Unexpected Kafka request of type {key.name} during SASL authentication."


def _metadata(request: Any) -> Response:
    return MetadataResponse(
        topics=tuple(
            MetadataTopic(error_code=CODE, name=topic.name or "", topic_id=topic.topic_id)
            for topic in request.topics or ()
        )
    )


def _describe_cluster(_: Any) -> Response:
    return DescribeClusterResponse(error_code=CODE, error_message=said(ApiKey.DESCRIBE_CLUSTER), cluster_id="")


def _topic_partitions(request: Any) -> Response:
    return topics.DescribeTopicPartitionsResponse(
        topics=tuple(
            topics.DescribeTopicPartitionsResponseTopic(error_code=CODE, name=topic.name, topic_id=NO_UUID)
            for topic in request.topics
        )
    )


def _produce(request: Any) -> Response | None:
    """The answer to records; to none at all, or to those who want no answer, Kafka finds none and closes."""
    parts = [part for topic in request.topic_data for part in topic.partition_data]
    if request.acks == 0 or any(part.records is None for part in parts):
        return None
    return logs.ProduceResponse(
        responses=tuple(
            logs.TopicProduceResponse(
                name=topic.name,
                topic_id=topic.topic_id,
                partition_responses=tuple(
                    logs.PartitionProduceResponse(
                        index=part.index,
                        error_code=CODE,
                        base_offset=_NOWHERE,
                        error_message=said(ApiKey.PRODUCE),
                    )
                    for part in topic.partition_data
                ),
            )
            for topic in request.topic_data
        )
    )


def fetch(request: Any, version: int, *, nothing: bytes | None) -> Response:
    """The answer to a Fetch, with `nothing` for records."""
    parts = tuple(
        logs.FetchableTopicResponse(
            topic=topic.topic,
            partitions=tuple(
                logs.FetchPartitionData(
                    partition_index=part.partition, error_code=CODE, high_watermark=_NOWHERE, records=nothing
                )
                for part in topic.partitions
            ),
        )
        for topic in request.topics
    )
    return logs.FetchResponse(
        error_code=CODE,
        session_id=request.session_id if version >= _SESSIONS_SINCE else 0,
        responses=parts if version < _WHOLE_FETCH_SINCE else (),
    )


def _init_producer(_: Any) -> Response:
    return logs.InitProducerIdResponse(error_code=CODE, producer_epoch=_NOWHERE)


def _list_offsets(request: Any) -> Response:
    return positions.ListOffsetsResponse(
        topics=tuple(
            positions.ListOffsetsTopicResponse(
                name=topic.name,
                partitions=tuple(
                    positions.ListOffsetsPartitionResponse(partition_index=part.partition_index, error_code=CODE)
                    for part in topic.partitions
                ),
            )
            for topic in request.topics
        )
    )


def _epochs(request: Any) -> Response:
    return positions.OffsetForLeaderEpochResponse(
        topics=tuple(
            positions.OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=tuple(
                    positions.EpochEndOffset(error_code=CODE, partition=part.partition) for part in topic.partitions
                ),
            )
            for topic in request.topics
        )
    )


def _delete_records(request: Any) -> Response:
    return positions.DeleteRecordsResponse(
        topics=tuple(
            positions.DeleteRecordsTopicResult(
                name=topic.name,
                partitions=tuple(
                    positions.DeleteRecordsPartitionResult(
                        partition_index=part.partition_index, low_watermark=_NOWHERE, error_code=CODE
                    )
                    for part in topic.partitions
                ),
            )
            for topic in request.topics
        )
    )


def _producers(request: Any) -> Response:
    return positions.DescribeProducersResponse(
        topics=tuple(
            positions.DescribeProducersTopicResponse(
                name=topic.name,
                partitions=tuple(
                    positions.DescribeProducersPartitionResponse(partition_index=index, error_code=CODE)
                    for index in topic.partition_indexes
                ),
            )
            for topic in request.topics
        )
    )


def _coordinator(request: Any, version: int) -> Response:
    if version < _KEYS_SINCE:
        return groups.FindCoordinatorResponse(error_code=CODE, error_message=GENERAL, node_id=_NOWHERE, port=_NOWHERE)
    return groups.FindCoordinatorResponse(
        coordinators=tuple(
            groups.Coordinator(
                key=key, node_id=_NOWHERE, host="", port=_NOWHERE, error_code=CODE, error_message=GENERAL
            )
            for key in request.coordinator_keys
        )
    )


def _join(_: Any, version: int) -> Response:
    name = None if version >= _NO_PROTOCOL_SINCE else ""
    return groups.JoinGroupResponse(error_code=CODE, protocol_name=name, leader="", member_id="")


def _sync(_: Any) -> Response:
    return groups.SyncGroupResponse(error_code=CODE, assignment=b"")


def _describe_groups(request: Any) -> Response:
    return groups.DescribeGroupsResponse(
        groups=tuple(
            groups.DescribedGroup(error_code=CODE, group_id=group, group_state="", protocol_type="", protocol_data="")
            for group in request.groups
        )
    )


def _delete_groups(request: Any) -> Response:
    results = (groups.DeletableGroupResult(group_id=group, error_code=CODE) for group in request.groups_names)
    return groups.DeleteGroupsResponse(results=tuple(results))


def _commit(request: Any) -> Response:
    return offsets.OffsetCommitResponse(
        topics=tuple(
            offsets.OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=tuple(
                    offsets.OffsetCommitResponsePartition(partition_index=part.partition_index, error_code=CODE)
                    for part in topic.partitions
                ),
            )
            for topic in request.topics
        )
    )


def _committed(request: Any, version: int) -> Response | None:
    if version >= _GROUPS_SINCE:
        found = (offsets.OffsetFetchResponseGroup(group_id=one.group_id, error_code=CODE) for one in request.groups)
        return offsets.OffsetFetchResponse(groups=tuple(found))
    # What older versions say by the partition was never heard.
    return offsets.OffsetFetchResponse(error_code=CODE) if version >= _COMMITTED_ONCE_SINCE else None


ANSWERS: Final[Mapping[int, Callable[[Any], Response | None]]] = {
    ApiKey.METADATA: _metadata,
    ApiKey.DESCRIBE_CLUSTER: _describe_cluster,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: _topic_partitions,
    ApiKey.PRODUCE: _produce,
    ApiKey.INIT_PRODUCER_ID: _init_producer,
    ApiKey.LIST_OFFSETS: _list_offsets,
    ApiKey.OFFSET_FOR_LEADER_EPOCH: _epochs,
    ApiKey.DELETE_RECORDS: _delete_records,
    ApiKey.DESCRIBE_PRODUCERS: _producers,
    ApiKey.SYNC_GROUP: _sync,
    ApiKey.DESCRIBE_GROUPS: _describe_groups,
    ApiKey.DELETE_GROUPS: _delete_groups,
    ApiKey.OFFSET_COMMIT: _commit,
}

BY_VERSION: Final[Mapping[int, Callable[[Any, int], Response | None]]] = {
    ApiKey.FIND_COORDINATOR: _coordinator,
    ApiKey.JOIN_GROUP: _join,
    ApiKey.OFFSET_FETCH: _committed,
}
"""Those that depend on the version."""
