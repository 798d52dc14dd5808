"""One connection to a reference broker without I/O: bytes heard, replies said.

It answers as Apache Kafka 3.9 and 4.3 were seen to, with these simplifications. There is no authorizer, so whoever got
in sees everything. Logins with AWS_MSK_IAM and OAUTHBEARER always fail. SaslHandshake version 0 is answered, but the
raw tokens after it are not heard: the connection closes. Nobody logs in a second time on one connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never
from uuid import NAMESPACE_DNS, UUID, uuid5

from msgspec import Struct

from mskaudit.errors import RemoteWireError
from mskaudit.reference.cluster import Listener
from mskaudit.reference.logins import Login, LoginStep, Realm, begin
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.connection import Call, ServerConnection, UnsupportedCall
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, FrameBuffer, frame
from mskaudit.wire.messages import (
    APIS,
    NO_UUID,
    OPERATIONS_UNKNOWN,
    ApiKey,
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
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
    Response,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SASL_FRAME_LIMIT: Final = 524_288
"""Bytes of the largest request on a SASL listener: Kafka's default of `sasl.server.max.receive.size`."""

_SOFTWARE: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
_REPLICAS: Final = 3
_TOPIC_IDS_SINCE: Final = 12
# What Kafka without an authorizer lets anybody do.
_TOPIC_OPERATIONS: Final = 3576
_CLUSTER_OPERATIONS: Final = 8096


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a broker knows of its cluster on one listener: `brokers` are host and port, the ids count from 1."""

    cluster_id: str
    listener: Listener
    brokers: tuple[tuple[str, int], ...]
    topics: Mapping[str, int]
    topic_names: Mapping[UUID, str]
    users: Mapping[str, str]


class Reply(NamedTuple):
    """Bytes to send; `late` after the delay of a failed login, `last` before the connection closes."""

    content: bytes
    late: bool = False
    last: bool = False


class _Phase(StrEnum):
    """How far a client has come."""

    GREETING = "greeting"
    LOGGING_IN = "logging in"
    IN = "in"
    REFUSED = "refused"
    OVER = "over"


_HANG_UP: Final = Reply(b"", last=True)


class Conversation:
    """One connection, from its first byte to its end."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        has_sasl = surroundings.listener.protocol.has_sasl
        self._phase = _Phase.GREETING if has_sasl else _Phase.IN
        self._frames = FrameBuffer(limit=SASL_FRAME_LIMIT if has_sasl else BROKER_FRAME_LIMIT)
        self._wire = ServerConnection()
        self._login: Login | None = None

    def hear(self, chunk: bytes) -> Iterator[Reply]:
        """Yield the reply to every request that `chunk` completes; nothing is read ahead of the reply."""
        try:
            # The frames go on one at a time, since a fault in one must not take the reply to the one before it.
            for content in self._frames.feed(chunk):
                for call in self._wire.receive(frame(content)):
                    yield self._reply(call)
        except RemoteWireError:
            yield _HANG_UP
            return
        if self._frames.fault:
            yield _HANG_UP

    def _reply(self, call: Call | UnsupportedCall) -> Reply:
        if isinstance(call, UnsupportedCall):
            return Reply(self._wire.refuse(call), last=call.api_key != ApiKey.API_VERSIONS)
        response = self._respond(call)
        if response is None:
            return _HANG_UP
        refused = self._phase is _Phase.REFUSED
        return Reply(self._wire.send(call, response), late=refused, last=refused or self._phase is _Phase.OVER)

    def _respond(self, call: Call) -> Response | None:
        """The answer, or none where Kafka just closes."""
        match self._phase, call.message:
            case ((_Phase.GREETING | _Phase.IN), ApiVersionsRequest() as request):
                return _api_versions(request, call.version)
            case _Phase.GREETING, SaslHandshakeRequest() as request:
                return self._shake_hands(request, call.version)
            case _Phase.LOGGING_IN, SaslAuthenticateRequest() as request:
                return self._authenticate(request)
            case _Phase.IN, request:
                return self._serve(request, call.version)
        return None

    def _shake_hands(self, request: SaslHandshakeRequest, version: int) -> SaslHandshakeResponse:
        mechanisms = tuple(mechanism.value for mechanism in self._around.listener.mechanisms)
        if request.mechanism not in mechanisms:
            self._phase = _Phase.REFUSED
            return SaslHandshakeResponse(error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=mechanisms)
        self._phase = _Phase.LOGGING_IN if version else _Phase.OVER
        self._login = begin(request.mechanism, Realm.of(self._around.users))
        return SaslHandshakeResponse(mechanisms=mechanisms)

    def _authenticate(self, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
        assert self._login is not None  # a login comes with the phase
        outcome = self._login(request.auth_bytes)
        match outcome.step:
            case LoginStep.GO_ON:
                return SaslAuthenticateResponse(auth_bytes=outcome.token)
            case LoginStep.WELCOME:
                self._phase = _Phase.IN
                return SaslAuthenticateResponse(auth_bytes=outcome.token)
            case LoginStep.REFUSED:
                self._phase = _Phase.REFUSED
                return SaslAuthenticateResponse(
                    error_code=ErrorCode.SASL_AUTHENTICATION_FAILED, error_message=outcome.message
                )
            case _:
                assert_never(outcome.step)

    def _serve(self, request: object, version: int) -> Response | None:
        match request:
            case MetadataRequest():
                return _metadata(self._around, request, version)
            case DescribeClusterRequest():
                return _describe_cluster(self._around, request)
            case SaslHandshakeRequest():
                return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
            case SaslAuthenticateRequest():
                message = "SaslAuthenticate request received after successful authentication"
                return SaslAuthenticateResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE, error_message=message)
        return None


def _api_versions(request: ApiVersionsRequest, version: int) -> ApiVersionsResponse:
    named = _SOFTWARE.fullmatch(request.client_software_name) and _SOFTWARE.fullmatch(request.client_software_version)
    if ApiVersionsRequest.is_flexible(version) and not named:
        return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
    spoken = tuple(
        ApiVersion(api_key=api.key, min_version=api.versions.start, max_version=api.versions.stop - 1) for api in APIS
    )
    return ApiVersionsResponse(api_keys=spoken)


def _metadata(around: Surroundings, request: MetadataRequest, version: int) -> MetadataResponse:
    brokers = tuple(
        MetadataBroker(node_id=number, host=host, port=port)
        for number, (host, port) in enumerate(around.brokers, start=1)
    )
    operations = _CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else OPERATIONS_UNKNOWN
    return MetadataResponse(
        brokers=brokers,
        cluster_id=around.cluster_id,
        controller_id=1,
        topics=tuple(_topics(around, request, version)),
        cluster_authorized_operations=operations,
    )


def _topics(around: Surroundings, request: MetadataRequest, version: int) -> Iterator[MetadataTopic]:
    operations = _TOPIC_OPERATIONS if request.include_topic_authorized_operations else OPERATIONS_UNKNOWN
    if request.topics is None or (version == 0 and not request.topics):
        asked = tuple(MetadataRequestTopic(name=name) for name in around.topics)
    else:
        asked = tuple(dict.fromkeys(request.topics))
    for topic in asked:
        yield _topic(around, topic, version, operations)


def _topic(around: Surroundings, topic: MetadataRequestTopic, version: int, operations: int) -> MetadataTopic:
    by_id = topic.topic_id != NO_UUID
    if version < _TOPIC_IDS_SINCE and (by_id or topic.name is None):
        return MetadataTopic(error_code=ErrorCode.INVALID_REQUEST, name=topic.name or "", topic_id=topic.topic_id)
    name = around.topic_names.get(topic.topic_id) if by_id else topic.name
    if name is None:
        return MetadataTopic(error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=topic.topic_id)
    if name not in around.topics:
        return MetadataTopic(
            error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name=name, topic_authorized_operations=operations
        )
    return MetadataTopic(
        name=name,
        topic_id=topic_id(name),
        partitions=tuple(_partition(number, len(around.brokers)) for number in range(around.topics[name])),
        topic_authorized_operations=operations,
    )


def topic_id(name: str) -> UUID:
    """The id of a topic, the same in every world."""
    return uuid5(NAMESPACE_DNS, name)


def _partition(number: int, brokers: int) -> MetadataPartition:
    replicas = tuple((number + place) % brokers + 1 for place in range(min(brokers, _REPLICAS)))
    return MetadataPartition(
        partition_index=number, leader_id=replicas[0], leader_epoch=0, replica_nodes=replicas, isr_nodes=replicas
    )


def _describe_cluster(around: Surroundings, request: DescribeClusterRequest) -> DescribeClusterResponse:
    if request.endpoint_type != EndpointType.BROKERS:
        known = request.endpoint_type == EndpointType.CONTROLLERS
        error = ErrorCode.MISMATCHED_ENDPOINT_TYPE if known else ErrorCode.UNSUPPORTED_ENDPOINT_TYPE
        return DescribeClusterResponse(error_code=error, cluster_id="")
    brokers = tuple(
        DescribeClusterBroker(broker_id=number, host=host, port=port)
        for number, (host, port) in enumerate(around.brokers, start=1)
    )
    operations = _CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else OPERATIONS_UNKNOWN
    return DescribeClusterResponse(
        cluster_id=around.cluster_id, controller_id=1, brokers=brokers, cluster_authorized_operations=operations
    )
