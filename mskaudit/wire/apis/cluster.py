"""Brokers' disks, client quotas, the quorum of controllers, and feature levels."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import NO_UUID, Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bool, Float64, Int8, Int16, Int32, Int64, String, UInt16, Uuid, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribableLogDirTopic:
    """Partitions of one topic."""

    topic: String
    partitions: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLogDirsRequest(Request):
    """Ask what lies in the broker's log directories; None is everything."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_LOG_DIRS
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 2
    topics: tuple[DescribableLogDirTopic, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLogDirsPartition:
    """One partition's size in bytes and how far it lags behind."""

    partition_index: Int32
    partition_size: Int64
    offset_lag: Int64
    is_future_key: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLogDirsTopic:
    """One topic's partitions in a directory."""

    name: String
    partitions: tuple[DescribeLogDirsPartition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLogDirsResult:
    """A directory and its contents; sizes of its volume in bytes, -1 if unknown (KIP-827)."""

    error_code: Int16 = 0
    log_dir: String
    topics: tuple[DescribeLogDirsTopic, ...] = ()
    total_bytes: Annotated[Int64, Wire(since=4, ignorable=True)] = -1
    usable_bytes: Annotated[Int64, Wire(since=4, ignorable=True)] = -1
    is_cordoned: Annotated[Bool, Wire(since=5, ignorable=True)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLogDirsResponse(Response):
    """The broker's log directories."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_LOG_DIRS
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    error_code: Annotated[Int16, Wire(since=3, ignorable=True)] = 0
    results: tuple[DescribeLogDirsResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentData:
    """A kind of entity to match: 0 by name, 1 the default, 2 any that is set."""

    entity_type: String
    match_type: Int8
    match: String | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeClientQuotasRequest(Request):
    """Ask for quotas; strict leaves out entities with further kinds (KIP-546)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_CLIENT_QUOTAS
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    components: tuple[ComponentData, ...]
    strict: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityData:
    """A part of an entity; the name is None for the default."""

    entity_type: String
    entity_name: String | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueData:
    """One quota."""

    key: String
    value: Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeClientQuotasEntryData:
    """An entity and its quotas."""

    entity: tuple[EntityData, ...] = ()
    values: tuple[ValueData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeClientQuotasResponse(Response):
    """Quotas that match; None where they could not be read."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_CLIENT_QUOTAS
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    entries: tuple[DescribeClientQuotasEntryData, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpData:
    """A quota to set or remove."""

    key: String
    value: Float64
    remove: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterClientQuotasRequestEntryData:
    """An entity and the quotas to change."""

    entity: tuple[EntityData, ...]
    ops: tuple[OpData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterClientQuotasRequest(Request):
    """Change quotas, or only say whether they could be changed (KIP-546)."""

    api_key: ClassVar[int] = ApiKey.ALTER_CLIENT_QUOTAS
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    entries: tuple[AlterClientQuotasRequestEntryData, ...]
    validate_only: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterClientQuotasResponseEntryData:
    """Whether one entity's quotas were changed."""

    error_code: Int16 = 0
    error_message: String | None = None
    entity: tuple[EntityData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterClientQuotasResponse(Response):
    """Which entities' quotas were changed."""

    api_key: ClassVar[int] = ApiKey.ALTER_CLIENT_QUOTAS
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    throttle_time_ms: Int32 = 0
    entries: tuple[AlterClientQuotasResponseEntryData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumRequestPartitionData:
    """A partition kept by a quorum."""

    partition_index: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumRequestTopicData:
    """Partitions of one topic."""

    topic_name: String
    partitions: tuple[DescribeQuorumRequestPartitionData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumRequest(Request):
    """Ask about the quorum that keeps a log, in practice the metadata log (KIP-595)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_QUORUM
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    topics: tuple[DescribeQuorumRequestTopicData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumReplicaState:
    """How far one replica got; times are in milliseconds, -1 if unknown."""

    replica_id: Int32
    replica_directory_id: Annotated[Uuid, Wire(since=2)] = NO_UUID
    log_end_offset: Int64
    last_fetch_timestamp: Annotated[Int64, Wire(since=1, ignorable=True)] = -1
    last_caught_up_timestamp: Annotated[Int64, Wire(since=1, ignorable=True)] = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumResponsePartitionData:
    """A log's leader, voters and observers."""

    partition_index: Int32
    error_code: Int16 = 0
    error_message: Annotated[String | None, Wire(since=2, ignorable=True)] = None
    leader_id: Int32
    leader_epoch: Int32
    high_watermark: Int64
    current_voters: tuple[DescribeQuorumReplicaState, ...] = ()
    observers: tuple[DescribeQuorumReplicaState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumResponseTopicData:
    """Logs of one topic."""

    topic_name: String
    partitions: tuple[DescribeQuorumResponsePartitionData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One address of a controller."""

    name: String
    host: String
    port: UInt16


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A controller and its addresses (KIP-853)."""

    node_id: Int32
    listeners: tuple[Listener, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeQuorumResponse(Response):
    """Who keeps the log, and from version 2 on where they are."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_QUORUM
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    error_code: Int16 = 0
    error_message: Annotated[String | None, Wire(since=2, ignorable=True)] = None
    topics: tuple[DescribeQuorumResponseTopicData, ...] = ()
    nodes: Annotated[tuple[Node, ...], Wire(since=2)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureUpdateKey:
    """A feature's new level; upgrade types are 1 upgrade, 2 safe downgrade, 3 unsafe downgrade."""

    feature: String
    max_version_level: Int16
    allow_downgrade: Annotated[Bool, Wire(until=0)] = False
    upgrade_type: Annotated[Int8, Wire(since=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFeaturesRequest(Request):
    """Change feature levels, or only say whether they could be changed (KIP-584)."""

    api_key: ClassVar[int] = ApiKey.UPDATE_FEATURES
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    timeout_ms: Int32 = 60000
    feature_updates: tuple[FeatureUpdateKey, ...]
    validate_only: Annotated[Bool, Wire(since=1)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatableFeatureResult:
    """Whether one feature's level was changed."""

    feature: String
    error_code: Int16 = 0
    error_message: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFeaturesResponse(Response):
    """Whether the levels were changed; each by itself up to version 1, all or none from version 2 on."""

    api_key: ClassVar[int] = ApiKey.UPDATE_FEATURES
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    results: Annotated[tuple[UpdatableFeatureResult, ...], Wire(until=1, ignorable=True)] = ()


APIS: Final = (
    Api.of(DescribeLogDirsRequest, DescribeLogDirsResponse),
    Api.of(DescribeClientQuotasRequest, DescribeClientQuotasResponse),
    Api.of(AlterClientQuotasRequest, AlterClientQuotasResponse),
    Api.of(DescribeQuorumRequest, DescribeQuorumResponse),
    Api.of(UpdateFeaturesRequest, UpdateFeaturesResponse),
)
