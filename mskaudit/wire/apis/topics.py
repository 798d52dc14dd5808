"""Topics made, removed, enlarged, moved and described; timeouts are in milliseconds."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import NO_UUID, OPERATIONS_UNKNOWN, Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bool, Int8, Int16, Int32, String, Uuid, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatableReplicaAssignment:
    """The brokers one partition shall be on."""

    partition_index: Int32
    broker_ids: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatableTopicConfig:
    """A setting of the new topic."""

    name: String
    value: String | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatableTopic:
    """A topic to make; -1 leaves a number to the broker, and to the assignments if there are any."""

    name: String
    num_partitions: Int32
    replication_factor: Int16
    assignments: tuple[CreatableReplicaAssignment, ...]
    configs: tuple[CreatableTopicConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTopicsRequest(Request):
    """Make topics, or only say whether they could be made."""

    api_key: ClassVar[int] = ApiKey.CREATE_TOPICS
    versions: ClassVar[range] = range(8)
    flexible_since: ClassVar[int] = 5
    topics: tuple[CreatableTopic, ...]
    timeout_ms: Int32 = 60000
    validate_only: Annotated[Bool, Wire(since=1)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatableTopicConfigs:
    """A setting the topic has."""

    name: String
    value: String | None
    read_only: Bool
    config_source: Int8 = -1
    is_sensitive: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatableTopicResult:
    """What became of one topic; its settings are None where the principal may not see them."""

    name: String
    topic_id: Annotated[Uuid, Wire(since=7, ignorable=True)] = NO_UUID
    error_code: Int16 = 0
    error_message: Annotated[String | None, Wire(since=1, ignorable=True)] = None
    topic_config_error_code: Annotated[Int16, Wire(since=5, tag=0, ignorable=True)] = 0
    num_partitions: Annotated[Int32, Wire(since=5, ignorable=True)] = -1
    replication_factor: Annotated[Int16, Wire(since=5, ignorable=True)] = -1
    configs: Annotated[tuple[CreatableTopicConfigs, ...] | None, Wire(since=5, ignorable=True)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTopicsResponse(Response):
    """What became of the topics."""

    api_key: ClassVar[int] = ApiKey.CREATE_TOPICS
    versions: ClassVar[range] = range(8)
    flexible_since: ClassVar[int] = 5
    throttle_time_ms: Annotated[Int32, Wire(since=2, ignorable=True)] = 0
    topics: tuple[CreatableTopicResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTopicState:
    """A topic to remove, by name or by id."""

    name: String | None = None
    topic_id: Uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTopicsRequest(Request):
    """Remove topics, by name up to version 5, by name or id from version 6 on."""

    api_key: ClassVar[int] = ApiKey.DELETE_TOPICS
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 4
    topics: Annotated[tuple[DeleteTopicState, ...], Wire(since=6)] = ()
    topic_names: Annotated[tuple[String, ...], Wire(until=5, ignorable=True)] = ()
    timeout_ms: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletableTopicResult:
    """Whether one topic was removed; its name is None where it was asked for by an unknown id."""

    name: Annotated[String | None, Wire(nullable_since=6)]
    topic_id: Annotated[Uuid, Wire(since=6, ignorable=True)] = NO_UUID
    error_code: Int16 = 0
    error_message: Annotated[String | None, Wire(since=5, ignorable=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTopicsResponse(Response):
    """Which topics were removed."""

    api_key: ClassVar[int] = ApiKey.DELETE_TOPICS
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 4
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    responses: tuple[DeletableTopicResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePartitionsAssignment:
    """The brokers one new partition shall be on."""

    broker_ids: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePartitionsTopic:
    """A topic and how many partitions it shall have in all."""

    name: String
    count: Int32
    assignments: tuple[CreatePartitionsAssignment, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePartitionsRequest(Request):
    """Give topics more partitions, or only say whether they could have them."""

    api_key: ClassVar[int] = ApiKey.CREATE_PARTITIONS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    topics: tuple[CreatePartitionsTopic, ...]
    timeout_ms: Int32
    validate_only: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePartitionsTopicResult:
    """Whether one topic was enlarged."""

    name: String
    error_code: Int16 = 0
    error_message: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePartitionsResponse(Response):
    """Which topics were enlarged."""

    api_key: ClassVar[int] = ApiKey.CREATE_PARTITIONS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    results: tuple[CreatePartitionsTopicResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPartitionReassignmentsTopics:
    """Partitions of one topic."""

    name: String
    partition_indexes: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPartitionReassignmentsRequest(Request):
    """Ask which partitions are on the move; None is all of them (KIP-455)."""

    api_key: ClassVar[int] = ApiKey.LIST_PARTITION_REASSIGNMENTS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    timeout_ms: Int32 = 60000
    topics: tuple[ListPartitionReassignmentsTopics, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OngoingPartitionReassignment:
    """A partition on the move: where it is, comes and goes."""

    partition_index: Int32
    replicas: tuple[Int32, ...] = ()
    adding_replicas: tuple[Int32, ...] = ()
    removing_replicas: tuple[Int32, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OngoingTopicReassignment:
    """Partitions on the move of one topic."""

    name: String
    partitions: tuple[OngoingPartitionReassignment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPartitionReassignmentsResponse(Response):
    """Partitions on the move."""

    api_key: ClassVar[int] = ApiKey.LIST_PARTITION_REASSIGNMENTS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    topics: tuple[OngoingTopicReassignment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTopicPartitionsTopicRequest:
    """A topic to describe."""

    name: String


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a list of partitions goes on."""

    topic_name: String
    partition_index: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTopicPartitionsRequest(Request):
    """Ask for partitions page by page; no topics is all of them (KIP-966)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_TOPIC_PARTITIONS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    topics: tuple[DescribeTopicPartitionsTopicRequest, ...]
    response_partition_limit: Int32 = 2000
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTopicPartitionsResponsePartition:
    """Where one partition's replicas are and which may lead; numbers are broker ids."""

    error_code: Int16 = 0
    partition_index: Int32
    leader_id: Int32
    leader_epoch: Int32 = -1
    replica_nodes: tuple[Int32, ...] = ()
    isr_nodes: tuple[Int32, ...] = ()
    eligible_leader_replicas: tuple[Int32, ...] | None = None
    last_known_elr: tuple[Int32, ...] | None = None
    offline_replicas: tuple[Int32, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTopicPartitionsResponseTopic:
    """A topic, its partitions and what the principal may do with it."""

    error_code: Int16 = 0
    name: String | None
    topic_id: Uuid
    is_internal: Bool = False
    partitions: tuple[DescribeTopicPartitionsResponsePartition, ...] = ()
    topic_authorized_operations: Int32 = OPERATIONS_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTopicPartitionsResponse(Response):
    """One page of topics, and where the next one begins."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_TOPIC_PARTITIONS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    topics: tuple[DescribeTopicPartitionsResponseTopic, ...] = ()
    next_cursor: Cursor | None = None


APIS: Final = (
    Api.of(CreateTopicsRequest, CreateTopicsResponse),
    Api.of(DeleteTopicsRequest, DeleteTopicsResponse),
    Api.of(CreatePartitionsRequest, CreatePartitionsResponse),
    Api.of(ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse),
    Api.of(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse),
)
