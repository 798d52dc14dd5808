"""Kafka's messages that open and describe a connection: ApiVersions, Metadata, SASL, DescribeCluster.

All versions of Apache Kafka 2.0 to 4.4. Field names are Kafka's, in snake case; times are in
milliseconds; an authorized-operations field is a bit set whose bit n is ``AclOperation`` n. Source: the Kafka
protocol guide and the message definitions it is generated from.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Annotated, ClassVar, Final, Self
from uuid import UUID

from mskaudit.errors import LocalWireError
from mskaudit.wire.api_keys import ApiKey
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.schema import Bool, Bytes, Int8, Int16, Int32, Int64, Message, String, Uuid, Wire

__all__ = [
    "APIS",
    "NO_FLEXIBLE_VERSION",
    "NO_UUID",
    "OPERATIONS_UNKNOWN",
    "Api",
    "ApiKey",
    "ApiVersion",
    "ApiVersionsRequest",
    "ApiVersionsResponse",
    "DescribeClusterBroker",
    "DescribeClusterRequest",
    "DescribeClusterResponse",
    "EndpointType",
    "ErrorCode",
    "FinalizedFeature",
    "MetadataBroker",
    "MetadataPartition",
    "MetadataRequest",
    "MetadataRequestTopic",
    "MetadataResponse",
    "MetadataTopic",
    "Request",
    "RequestHeader",
    "Response",
    "ResponseHeader",
    "SaslAuthenticateRequest",
    "SaslAuthenticateResponse",
    "SaslHandshakeRequest",
    "SaslHandshakeResponse",
    "SupportedFeature",
]

NO_FLEXIBLE_VERSION: Final = 32767
OPERATIONS_UNKNOWN: Final = -(2**31)
"""The authorized operations of a subject for which they were not asked."""

NO_UUID: Final = UUID(int=0)


class EndpointType(IntEnum):
    """Whose addresses DescribeCluster lists (KIP-919)."""

    BROKERS = 1
    CONTROLLERS = 2


class Request(Message):
    """A message from client to broker."""

    __slots__ = ()
    api_key: ClassVar[int]


class Response(Message):
    """A message from broker to client."""

    __slots__ = ()
    api_key: ClassVar[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeader(Message):
    """What precedes every request: version 2 where the request is flexible, otherwise 1."""

    versions: ClassVar[range] = range(1, 3)
    flexible_since: ClassVar[int] = 2
    api_key: Int16
    api_version: Int16
    correlation_id: Int32
    client_id: Annotated[String | None, Wire(compact=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHeader(Message):
    """What precedes every response: version 1 where the response is flexible, but 0 for ApiVersions always."""

    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    correlation_id: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVersionsRequest(Request):
    """Ask what the broker supports; brokers refuse empty software names from version 3 on (KIP-511).

    ``cluster_id`` and ``node_id`` name the broker the client means to talk to, if it knows.
    """

    api_key: ClassVar[int] = ApiKey.API_VERSIONS
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 3
    client_software_name: Annotated[String, Wire(since=3, ignorable=True)] = ""
    client_software_version: Annotated[String, Wire(since=3, ignorable=True)] = ""
    cluster_id: Annotated[String | None, Wire(since=5, ignorable=True)] = None
    node_id: Annotated[Int32, Wire(since=5, ignorable=True)] = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVersion:
    """The versions of one API a broker supports, both ends inclusive."""

    api_key: Int16
    min_version: Int16
    max_version: Int16


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportedFeature:
    """The levels of one feature a broker supports, both ends inclusive (KIP-584)."""

    name: String
    min_version: Int16
    max_version: Int16


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizedFeature:
    """The levels of one feature in force in the cluster, both ends inclusive (KIP-584)."""

    name: String
    max_version_level: Int16
    min_version_level: Int16


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVersionsResponse(Response):
    """What the broker supports; error 35 comes in the format of version 0, whatever was asked (KIP-511)."""

    api_key: ClassVar[int] = ApiKey.API_VERSIONS
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 3
    error_code: Int16 = 0
    api_keys: tuple[ApiVersion, ...] = ()
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    supported_features: Annotated[tuple[SupportedFeature, ...], Wire(since=3, tag=0, ignorable=True)] = ()
    finalized_features_epoch: Annotated[Int64, Wire(since=3, tag=1, ignorable=True)] = -1
    finalized_features: Annotated[tuple[FinalizedFeature, ...], Wire(since=3, tag=2, ignorable=True)] = ()
    zk_migration_ready: Annotated[Bool, Wire(since=3, tag=3, ignorable=True)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataRequestTopic:
    """A topic to describe, by name, or by id from version 12 on."""

    topic_id: Annotated[Uuid, Wire(since=10, ignorable=True)] = NO_UUID
    name: Annotated[String | None, Wire(nullable_since=10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataRequest(Request):
    """Ask for brokers and topics; all topics are ``None``, but in version 0 the empty tuple.

    A broker may create a topic that is named and does not exist, unless ``allow_auto_topic_creation`` is False.
    Versions below 4 cannot forbid it and refuse to carry False: whoever must not write names no topics there.
    """

    api_key: ClassVar[int] = ApiKey.METADATA
    versions: ClassVar[range] = range(14)
    flexible_since: ClassVar[int] = 9
    topics: Annotated[tuple[MetadataRequestTopic, ...] | None, Wire(nullable_since=1)]
    allow_auto_topic_creation: Annotated[Bool, Wire(since=4)] = True
    include_cluster_authorized_operations: Annotated[Bool, Wire(since=8, until=10)] = False
    include_topic_authorized_operations: Annotated[Bool, Wire(since=8)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataBroker:
    """A broker's address on the listener that was asked."""

    node_id: Int32
    host: String
    port: Int32
    rack: Annotated[String | None, Wire(since=1, ignorable=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataPartition:
    """Where one partition's replicas are; numbers are broker ids."""

    error_code: Int16 = 0
    partition_index: Int32
    leader_id: Int32
    leader_epoch: Annotated[Int32, Wire(since=7, ignorable=True)] = -1
    replica_nodes: tuple[Int32, ...]
    isr_nodes: tuple[Int32, ...]
    offline_replicas: Annotated[tuple[Int32, ...], Wire(since=5, ignorable=True)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataTopic:
    """A topic, its partitions and, where asked for, the operations the principal may perform on it."""

    error_code: Int16 = 0
    name: Annotated[String | None, Wire(nullable_since=12)]
    topic_id: Annotated[Uuid, Wire(since=10, ignorable=True)] = NO_UUID
    is_internal: Annotated[Bool, Wire(since=1, ignorable=True)] = False
    partitions: tuple[MetadataPartition, ...] = ()
    topic_authorized_operations: Annotated[Int32, Wire(since=8)] = OPERATIONS_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataResponse(Response):
    """Brokers, cluster id and topics as the asking principal may see them."""

    api_key: ClassVar[int] = ApiKey.METADATA
    versions: ClassVar[range] = range(14)
    flexible_since: ClassVar[int] = 9
    throttle_time_ms: Annotated[Int32, Wire(since=3, ignorable=True)] = 0
    brokers: tuple[MetadataBroker, ...] = ()
    cluster_id: Annotated[String | None, Wire(since=2, ignorable=True)] = None
    controller_id: Annotated[Int32, Wire(since=1, ignorable=True)] = -1
    topics: tuple[MetadataTopic, ...] = ()
    cluster_authorized_operations: Annotated[Int32, Wire(since=8, until=10)] = OPERATIONS_UNKNOWN
    error_code: Annotated[Int16, Wire(since=13, ignorable=True)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SaslHandshakeRequest(Request):
    """Choose a mechanism; after version 0 raw tokens follow, after version 1 SaslAuthenticate requests."""

    api_key: ClassVar[int] = ApiKey.SASL_HANDSHAKE
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = NO_FLEXIBLE_VERSION
    mechanism: String


@dataclass(frozen=True, slots=True, kw_only=True)
class SaslHandshakeResponse(Response):
    """The mechanisms the listener has: with error 33 all of them, with error 34 none."""

    api_key: ClassVar[int] = ApiKey.SASL_HANDSHAKE
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = NO_FLEXIBLE_VERSION
    error_code: Int16 = 0
    mechanisms: tuple[String, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SaslAuthenticateRequest(Request):
    """One token of the mechanism from the client (KIP-152)."""

    api_key: ClassVar[int] = ApiKey.SASL_AUTHENTICATE
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 2
    auth_bytes: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SaslAuthenticateResponse(Response):
    """One token of the mechanism from the broker; a lifetime of 0 means no re-authentication (KIP-368)."""

    api_key: ClassVar[int] = ApiKey.SASL_AUTHENTICATE
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 2
    error_code: Int16 = 0
    error_message: String | None = None
    auth_bytes: Bytes = b""
    session_lifetime_ms: Annotated[Int64, Wire(since=1, ignorable=True)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeClusterRequest(Request):
    """Ask for the cluster's id and endpoints (KIP-700, KIP-919, KIP-1073)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_CLUSTER
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    include_cluster_authorized_operations: Bool = False
    endpoint_type: Annotated[Int8, Wire(since=1)] = EndpointType.BROKERS
    include_fenced_brokers: Annotated[Bool, Wire(since=2)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeClusterBroker:
    """A broker or controller and its address."""

    broker_id: Int32
    host: String
    port: Int32
    rack: String | None = None
    is_fenced: Annotated[Bool, Wire(since=2)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeClusterResponse(Response):
    """The cluster's id, endpoints and the operations the principal may perform on the cluster."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_CLUSTER
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    endpoint_type: Annotated[Int8, Wire(since=1)] = EndpointType.BROKERS
    cluster_id: String
    controller_id: Int32 = -1
    brokers: tuple[DescribeClusterBroker, ...] = ()
    cluster_authorized_operations: Int32 = OPERATIONS_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A request, its response and the versions one side of a connection speaks."""

    request: type[Request]
    response: type[Response]
    versions: range

    @classmethod
    def of(cls, request: type[Request], response: type[Response]) -> Self:
        """Return the API with every version its tables have."""
        return cls(request=request, response=response, versions=request.versions)

    def limited(self, versions: range) -> Self:
        """Return the API with fewer versions, as an older broker has it; LocalWireError if there are no tables."""
        if not set(versions) <= set(self.request.versions):
            raise LocalWireError(f"{self.request.__name__} has no tables for all of {versions}")
        return replace(self, versions=versions)

    @property
    def key(self) -> int:
        """The number in the request header."""
        return self.request.api_key

    def request_header(self, version: int) -> int:
        """Return the version of the request header that goes with a version of the API."""
        return 2 if self.request.is_flexible(version) else 1

    def response_header(self, version: int) -> int:
        """Return the version of the response header that goes with a version of the API (KIP-511 for ApiVersions)."""
        return 1 if self.response.is_flexible(version) and self.key != ApiKey.API_VERSIONS else 0


APIS: Final = (
    Api.of(MetadataRequest, MetadataResponse),
    Api.of(SaslHandshakeRequest, SaslHandshakeResponse),
    Api.of(ApiVersionsRequest, ApiVersionsResponse),
    Api.of(SaslAuthenticateRequest, SaslAuthenticateResponse),
    Api.of(DescribeClusterRequest, DescribeClusterResponse),
)
