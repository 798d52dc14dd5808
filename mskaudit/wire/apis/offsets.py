"""Offsets that consumer groups have committed: OffsetCommit and OffsetFetch.

From version 10 on topics go by id instead of name (KIP-848).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import NO_UUID, Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bool, Int16, Int32, Int64, String, Uuid, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCommitRequestPartition:
    """The offset to keep for one partition, with a note of the consumer's."""

    partition_index: Int32
    committed_offset: Int64
    committed_leader_epoch: Annotated[Int32, Wire(since=6, ignorable=True)] = -1
    commit_timestamp: Annotated[Int64, Wire(since=1, until=1)] = -1
    committed_metadata: String | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCommitRequestTopic:
    """Offsets to keep for one topic."""

    name: Annotated[String, Wire(until=9, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=10, ignorable=True)] = NO_UUID
    partitions: tuple[OffsetCommitRequestPartition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCommitRequest(Request):
    """Keep a group's offsets; version 0 put them in ZooKeeper."""

    api_key: ClassVar[int] = ApiKey.OFFSET_COMMIT
    versions: ClassVar[range] = range(11)
    flexible_since: ClassVar[int] = 8
    group_id: String
    generation_id_or_member_epoch: Annotated[Int32, Wire(since=1, ignorable=True)] = -1
    member_id: Annotated[String, Wire(since=1, ignorable=True)] = ""
    group_instance_id: Annotated[String | None, Wire(since=7)] = None
    retention_time_ms: Annotated[Int64, Wire(since=2, until=4, ignorable=True)] = -1
    topics: tuple[OffsetCommitRequestTopic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCommitResponsePartition:
    """Whether one partition's offset was kept."""

    partition_index: Int32
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCommitResponseTopic:
    """Whether one topic's offsets were kept."""

    name: Annotated[String, Wire(until=9, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=10, ignorable=True)] = NO_UUID
    partitions: tuple[OffsetCommitResponsePartition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCommitResponse(Response):
    """Which offsets were kept."""

    api_key: ClassVar[int] = ApiKey.OFFSET_COMMIT
    versions: ClassVar[range] = range(11)
    flexible_since: ClassVar[int] = 8
    throttle_time_ms: Annotated[Int32, Wire(since=3, ignorable=True)] = 0
    topics: tuple[OffsetCommitResponseTopic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchRequestTopic:
    """Partitions of one topic, up to version 7."""

    name: String
    partition_indexes: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchRequestTopics:
    """Partitions of one topic within a group, from version 8 on."""

    name: Annotated[String, Wire(until=9, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=10, ignorable=True)] = NO_UUID
    partition_indexes: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchRequestGroup:
    """A group, and its topics to look up or None for all."""

    group_id: String
    member_id: Annotated[String | None, Wire(since=9, ignorable=True)] = None
    member_epoch: Annotated[Int32, Wire(since=9, ignorable=True)] = -1
    topics: tuple[OffsetFetchRequestTopics, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchRequest(Request):
    """Ask for committed offsets, of one group up to version 7, of several from version 8 on (KIP-709)."""

    api_key: ClassVar[int] = ApiKey.OFFSET_FETCH
    versions: ClassVar[range] = range(11)
    flexible_since: ClassVar[int] = 6
    group_id: Annotated[String, Wire(until=7)] = ""
    topics: Annotated[tuple[OffsetFetchRequestTopic, ...] | None, Wire(until=7, nullable_since=2)] = ()
    groups: Annotated[tuple[OffsetFetchRequestGroup, ...], Wire(since=8)] = ()
    require_stable: Annotated[Bool, Wire(since=7)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchResponsePartition:
    """One partition's committed offset, -1 if there is none, up to version 7."""

    partition_index: Int32
    committed_offset: Int64
    committed_leader_epoch: Annotated[Int32, Wire(since=5, ignorable=True)] = -1
    metadata: String | None
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchResponseTopic:
    """One topic's committed offsets, up to version 7."""

    name: String
    partitions: tuple[OffsetFetchResponsePartition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchResponsePartitions:
    """One partition's committed offset, -1 if there is none, from version 8 on."""

    partition_index: Int32
    committed_offset: Int64
    committed_leader_epoch: Int32 = -1
    metadata: String | None
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchResponseTopics:
    """One topic's committed offsets, from version 8 on."""

    name: Annotated[String, Wire(until=9, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=10, ignorable=True)] = NO_UUID
    partitions: tuple[OffsetFetchResponsePartitions, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchResponseGroup:
    """One group's committed offsets."""

    group_id: String
    topics: tuple[OffsetFetchResponseTopics, ...] = ()
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFetchResponse(Response):
    """Committed offsets, of one group up to version 7, of several from version 8 on."""

    api_key: ClassVar[int] = ApiKey.OFFSET_FETCH
    versions: ClassVar[range] = range(11)
    flexible_since: ClassVar[int] = 6
    throttle_time_ms: Annotated[Int32, Wire(since=3, ignorable=True)] = 0
    topics: Annotated[tuple[OffsetFetchResponseTopic, ...], Wire(until=7)] = ()
    error_code: Annotated[Int16, Wire(since=2, until=7, ignorable=True)] = 0
    groups: Annotated[tuple[OffsetFetchResponseGroup, ...], Wire(since=8)] = ()


APIS: Final = (
    Api.of(OffsetCommitRequest, OffsetCommitResponse),
    Api.of(OffsetFetchRequest, OffsetFetchResponse),
)
