"""Records written and read: Produce, Fetch, and InitProducerId for whoever writes idempotently.

A ``records`` field holds record batches as ``mskaudit.wire.records`` takes them apart; times are in milliseconds.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import NO_UUID, Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bool, Int8, Int16, Int32, Int64, Records, String, Uuid, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionProduceData:
    """Record batches for one partition."""

    index: Int32
    records: Records | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicProduceData:
    """Record batches for one topic, by name, or by id from version 13 on."""

    name: Annotated[String, Wire(until=12, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=13, ignorable=True)] = NO_UUID
    partition_data: tuple[PartitionProduceData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProduceRequest(Request):
    """Append records; acks 0 wants no answer, 1 the leader's, -1 that of all in-sync replicas."""

    api_key: ClassVar[int] = ApiKey.PRODUCE
    versions: ClassVar[range] = range(14)
    flexible_since: ClassVar[int] = 9
    transactional_id: Annotated[String | None, Wire(since=3)] = None
    acks: Int16
    timeout_ms: Int32
    topic_data: tuple[TopicProduceData, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchIndexAndErrorMessage:
    """A record that was refused, by its place in the batch (KIP-467)."""

    batch_index: Int32
    batch_index_error_message: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderIdAndEpoch:
    """Who leads the partition, so that the client need not ask again (KIP-951)."""

    leader_id: Int32 = -1
    leader_epoch: Int32 = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionProduceResponse:
    """Where a partition's records went; the append time is -1 unless the topic keeps the broker's time."""

    index: Int32
    error_code: Int16 = 0
    base_offset: Int64
    log_append_time_ms: Annotated[Int64, Wire(since=2, ignorable=True)] = -1
    log_start_offset: Annotated[Int64, Wire(since=5, ignorable=True)] = -1
    record_errors: Annotated[tuple[BatchIndexAndErrorMessage, ...], Wire(since=8, ignorable=True)] = ()
    error_message: Annotated[String | None, Wire(since=8, ignorable=True)] = None
    current_leader: Annotated[LeaderIdAndEpoch, Wire(since=10, tag=0)] = LeaderIdAndEpoch()


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicProduceResponse:
    """Where one topic's records went."""

    name: Annotated[String, Wire(until=12, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=13, ignorable=True)] = NO_UUID
    partition_responses: tuple[PartitionProduceResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEndpoint:
    """The address of a leader that the client may not know (KIP-951)."""

    node_id: Int32
    host: String
    port: Int32
    rack: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProduceResponse(Response):
    """Where the records went; there is none at all when acks is 0."""

    api_key: ClassVar[int] = ApiKey.PRODUCE
    versions: ClassVar[range] = range(14)
    flexible_since: ClassVar[int] = 9
    responses: tuple[TopicProduceResponse, ...] = ()
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    node_endpoints: Annotated[tuple[NodeEndpoint, ...], Wire(since=10, tag=0)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReplicaState:
    """The replica that fetches; -1 is a consumer (KIP-903)."""

    replica_id: Int32 = -1
    replica_epoch: Int64 = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPartition:
    """Where to read in one partition and how many bytes at most."""

    partition: Int32
    current_leader_epoch: Annotated[Int32, Wire(since=9, ignorable=True)] = -1
    fetch_offset: Int64
    last_fetched_epoch: Annotated[Int32, Wire(since=12)] = -1
    log_start_offset: Annotated[Int64, Wire(since=5, ignorable=True)] = -1
    partition_max_bytes: Int32
    replica_directory_id: Annotated[Uuid, Wire(since=17, tag=0, ignorable=True)] = NO_UUID
    high_watermark: Annotated[Int64, Wire(since=18, tag=1, ignorable=True)] = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchTopic:
    """Partitions to read of one topic, by name, or by id from version 13 on."""

    topic: Annotated[String, Wire(until=12, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=13, ignorable=True)] = NO_UUID
    partitions: tuple[FetchPartition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenTopic:
    """Partitions to drop from the fetch session (KIP-227)."""

    topic: Annotated[String, Wire(until=12, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=13, ignorable=True)] = NO_UUID
    partitions: tuple[Int32, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest(Request):
    """Read records; ``replica_id`` of -1 is a consumer, anything else acts as a broker and needs CLUSTER_ACTION."""

    api_key: ClassVar[int] = ApiKey.FETCH
    versions: ClassVar[range] = range(19)
    flexible_since: ClassVar[int] = 12
    cluster_id: Annotated[String | None, Wire(since=12, tag=0, ignorable=True)] = None
    replica_id: Annotated[Int32, Wire(until=14)] = -1
    replica_state: Annotated[FetchReplicaState, Wire(since=15, tag=1)] = FetchReplicaState()
    max_wait_ms: Int32
    min_bytes: Int32
    max_bytes: Annotated[Int32, Wire(since=3, ignorable=True)] = 2**31 - 1
    isolation_level: Annotated[Int8, Wire(since=4, ignorable=True)] = 0
    session_id: Annotated[Int32, Wire(since=7, ignorable=True)] = 0
    session_epoch: Annotated[Int32, Wire(since=7, ignorable=True)] = -1
    topics: tuple[FetchTopic, ...]
    forgotten_topics_data: Annotated[tuple[ForgottenTopic, ...], Wire(since=7)] = ()
    rack_id: Annotated[String, Wire(since=11, ignorable=True)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchEpochEndOffset:
    """Where a follower's log departs from the leader's: the epoch and its end."""

    epoch: Int32 = -1
    end_offset: Int64 = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotId:
    """The snapshot of the metadata log to fetch instead (KIP-630)."""

    end_offset: Int64 = -1
    epoch: Int32 = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortedTransaction:
    """A transaction whose records a reader of committed records skips, from its first offset on."""

    producer_id: Int64
    first_offset: Int64


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPartitionData:
    """Records of one partition, as much as was asked and ready, and how far the log is written."""

    partition_index: Int32
    error_code: Int16 = 0
    high_watermark: Int64
    last_stable_offset: Annotated[Int64, Wire(since=4, ignorable=True)] = -1
    log_start_offset: Annotated[Int64, Wire(since=5, ignorable=True)] = -1
    diverging_epoch: Annotated[FetchEpochEndOffset, Wire(since=12, tag=0)] = FetchEpochEndOffset()
    current_leader: Annotated[LeaderIdAndEpoch, Wire(since=12, tag=1)] = LeaderIdAndEpoch()
    snapshot_id: Annotated[SnapshotId, Wire(since=12, tag=2)] = SnapshotId()
    aborted_transactions: Annotated[tuple[AbortedTransaction, ...] | None, Wire(since=4, ignorable=True)] = ()
    preferred_read_replica: Annotated[Int32, Wire(since=11)] = -1
    records: Records | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchableTopicResponse:
    """Records of one topic."""

    topic: Annotated[String, Wire(until=12, ignorable=True)] = ""
    topic_id: Annotated[Uuid, Wire(since=13, ignorable=True)] = NO_UUID
    partitions: tuple[FetchPartitionData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResponse(Response):
    """Records; the session's number is 0 where there is none (KIP-227)."""

    api_key: ClassVar[int] = ApiKey.FETCH
    versions: ClassVar[range] = range(19)
    flexible_since: ClassVar[int] = 12
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    error_code: Annotated[Int16, Wire(since=7, ignorable=True)] = 0
    session_id: Annotated[Int32, Wire(since=7)] = 0
    responses: tuple[FetchableTopicResponse, ...] = ()
    node_endpoints: Annotated[tuple[NodeEndpoint, ...], Wire(since=16, tag=0)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InitProducerIdRequest(Request):
    """Ask for a producer id; it is allocated for good, so this is no read (KIP-98)."""

    api_key: ClassVar[int] = ApiKey.INIT_PRODUCER_ID
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 2
    transactional_id: String | None
    transaction_timeout_ms: Int32
    producer_id: Annotated[Int64, Wire(since=3)] = -1
    producer_epoch: Annotated[Int16, Wire(since=3)] = -1
    enable2_pc: Annotated[Bool, Wire(since=6)] = False
    keep_prepared_txn: Annotated[Bool, Wire(since=6)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InitProducerIdResponse(Response):
    """A producer id and its epoch."""

    api_key: ClassVar[int] = ApiKey.INIT_PRODUCER_ID
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    producer_id: Int64 = -1
    producer_epoch: Int16
    ongoing_txn_producer_id: Annotated[Int64, Wire(since=6)] = -1
    ongoing_txn_producer_epoch: Annotated[Int16, Wire(since=6)] = -1


APIS: Final = (
    Api.of(ProduceRequest, ProduceResponse),
    Api.of(FetchRequest, FetchResponse),
    Api.of(InitProducerIdRequest, InitProducerIdResponse),
)
