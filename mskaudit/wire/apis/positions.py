"""Positions in logs and what they mean: ListOffsets, DeleteRecords, OffsetForLeaderEpoch, DescribeProducers.

Times are in milliseconds; in ListOffsets -1 asks for the end and -2 for the beginning of a log.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import Api, ApiKey, Request, Response
from mskaudit.wire.schema import Int8, Int16, Int32, Int64, String, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOffsetsPartition:
    """The time to look up in one partition, or a negative number for a special position."""

    partition_index: Int32
    current_leader_epoch: Annotated[Int32, Wire(since=4, ignorable=True)] = -1
    timestamp: Int64
    max_num_offsets: Annotated[Int32, Wire(until=0)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOffsetsTopic:
    """Times to look up in one topic."""

    name: String
    partitions: tuple[ListOffsetsPartition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOffsetsRequest(Request):
    """Ask which offset belongs to a time; isolation level 1 sees committed records only."""

    api_key: ClassVar[int] = ApiKey.LIST_OFFSETS
    versions: ClassVar[range] = range(12)
    flexible_since: ClassVar[int] = 6
    replica_id: Int32
    isolation_level: Annotated[Int8, Wire(since=2)] = 0
    topics: tuple[ListOffsetsTopic, ...]
    timeout_ms: Annotated[Int32, Wire(since=10, ignorable=True)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOffsetsPartitionResponse:
    """The first offset at or after the time; version 0 gives several in ``old_style_offsets``."""

    partition_index: Int32
    error_code: Int16 = 0
    old_style_offsets: Annotated[tuple[Int64, ...], Wire(until=0)] = ()
    timestamp: Annotated[Int64, Wire(since=1)] = -1
    offset: Annotated[Int64, Wire(since=1)] = -1
    leader_epoch: Annotated[Int32, Wire(since=4)] = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOffsetsTopicResponse:
    """Offsets of one topic."""

    name: String
    partitions: tuple[ListOffsetsPartitionResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOffsetsResponse(Response):
    """Offsets that belong to times."""

    api_key: ClassVar[int] = ApiKey.LIST_OFFSETS
    versions: ClassVar[range] = range(12)
    flexible_since: ClassVar[int] = 6
    throttle_time_ms: Annotated[Int32, Wire(since=2, ignorable=True)] = 0
    topics: tuple[ListOffsetsTopicResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecordsPartition:
    """The offset before which a partition's records go; -1 is its high watermark."""

    partition_index: Int32
    offset: Int64


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecordsTopic:
    """Offsets before which one topic's records go."""

    name: String
    partitions: tuple[DeleteRecordsPartition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecordsRequest(Request):
    """Remove the oldest records (KIP-107)."""

    api_key: ClassVar[int] = ApiKey.DELETE_RECORDS
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 2
    topics: tuple[DeleteRecordsTopic, ...]
    timeout_ms: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecordsPartitionResult:
    """Where one partition begins now."""

    partition_index: Int32
    low_watermark: Int64
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecordsTopicResult:
    """Where one topic's partitions begin now."""

    name: String
    partitions: tuple[DeleteRecordsPartitionResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecordsResponse(Response):
    """Where logs begin after removal."""

    api_key: ClassVar[int] = ApiKey.DELETE_RECORDS
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    topics: tuple[DeleteRecordsTopicResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetForLeaderPartition:
    """The leader epoch whose end is asked for."""

    partition: Int32
    current_leader_epoch: Annotated[Int32, Wire(since=2, ignorable=True)] = -1
    leader_epoch: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetForLeaderTopic:
    """Leader epochs in one topic."""

    topic: String
    partitions: tuple[OffsetForLeaderPartition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetForLeaderEpochRequest(Request):
    """Ask where leader epochs end; -2 is a debugger, -1 a consumer (KIP-101, KIP-320)."""

    api_key: ClassVar[int] = ApiKey.OFFSET_FOR_LEADER_EPOCH
    versions: ClassVar[range] = range(5)
    flexible_since: ClassVar[int] = 4
    replica_id: Annotated[Int32, Wire(since=3, ignorable=True)] = -2
    topics: tuple[OffsetForLeaderTopic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEndOffset:
    """The epoch found in one partition and its end, both -1 if there is none."""

    error_code: Int16 = 0
    partition: Int32
    leader_epoch: Annotated[Int32, Wire(since=1, ignorable=True)] = -1
    end_offset: Int64 = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetForLeaderTopicResult:
    """Ends of epochs in one topic."""

    topic: String
    partitions: tuple[EpochEndOffset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetForLeaderEpochResponse(Response):
    """Ends of leader epochs."""

    api_key: ClassVar[int] = ApiKey.OFFSET_FOR_LEADER_EPOCH
    versions: ClassVar[range] = range(5)
    flexible_since: ClassVar[int] = 4
    throttle_time_ms: Annotated[Int32, Wire(since=2, ignorable=True)] = 0
    topics: tuple[OffsetForLeaderTopicResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProducersTopicRequest:
    """Partitions of one topic."""

    name: String
    partition_indexes: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProducersRequest(Request):
    """Ask who writes to partitions (KIP-664)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_PRODUCERS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    topics: tuple[DescribeProducersTopicRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerState:
    """One producer that wrote to a partition, and its open transaction if it has one, else -1."""

    producer_id: Int64
    producer_epoch: Int32
    last_sequence: Int32 = -1
    last_timestamp: Int64 = -1
    coordinator_epoch: Int32
    current_txn_start_offset: Int64 = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProducersPartitionResponse:
    """Producers of one partition."""

    partition_index: Int32
    error_code: Int16 = 0
    error_message: String | None = None
    active_producers: tuple[ProducerState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProducersTopicResponse:
    """Producers of one topic."""

    name: String
    partitions: tuple[DescribeProducersPartitionResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeProducersResponse(Response):
    """Producers with state in the partitions asked about."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_PRODUCERS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    topics: tuple[DescribeProducersTopicResponse, ...] = ()


APIS: Final = (
    Api.of(ListOffsetsRequest, ListOffsetsResponse),
    Api.of(DeleteRecordsRequest, DeleteRecordsResponse),
    Api.of(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse),
    Api.of(DescribeProducersRequest, DescribeProducersResponse),
)
