"""The reference broker answers as Apache Kafka was seen to, and outlives peers that do not keep to the protocol."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, TypeVar

import pytest

from mskaudit.facts.listeners import KINDS
from mskaudit.reference.broker import Ports, serve
from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.pki import ClientCertificate, Credential, client_context, pki
from mskaudit.reference.state import topic_id
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.frames import frame
from mskaudit.wire.messages import (
    OPERATIONS_UNKNOWN,
    ApiVersionsRequest,
    ApiVersionsResponse,
    DescribeClusterRequest,
    DescribeClusterResponse,
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    Request,
    Response,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)
from mskaudit.wire.scram import ScramClient, ScramMechanism

if TYPE_CHECKING:
    from mskaudit.reference.broker import Serving
    from mskaudit.wire.connection import Answer
    from tests.reference.conftest import Calling, Connecting, Peer

R = TypeVar("R", bound=Response)

CLEAR = ("plaintext", "sasl_plaintext")
TLS = ("tls", "requested", "required", "sasl_tls")
SASL = ("sasl_plaintext", "sasl_tls")
OPEN = ("plaintext", "tls", "requested", "required")
GREETING = ApiVersionsRequest(client_software_name="mskaudit", client_software_version="0.1.0")
API_VERSIONS_V0 = bytes.fromhex("00000012 0012 0000 00000001 0008 6d736b6175646974")
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(190)


def expect(kind: type[R], answer: Answer | None) -> R:
    assert answer is not None
    assert isinstance(answer.message, kind)
    return answer.message


async def log_in(peer: Peer, mechanism: ScramMechanism, username: str, password: str) -> SaslAuthenticateResponse:
    shaken = expect(SaslHandshakeResponse, await peer.ask(SaslHandshakeRequest(mechanism=mechanism), version=1))
    assert shaken.error_code == ErrorCode.NONE
    client = ScramClient(mechanism=mechanism, username=username, password=password)
    first = await authenticate(peer, client.first())
    if first.error_code:
        return first
    final = await authenticate(peer, client.respond(first.auth_bytes))
    if not final.error_code:
        client.verify(final.auth_bytes)
    return final


async def authenticate(peer: Peer, token: bytes) -> SaslAuthenticateResponse:
    return expect(SaslAuthenticateResponse, await peer.ask(SaslAuthenticateRequest(auth_bytes=token), version=2))


@pytest.mark.parametrize("name", [*CLEAR, *TLS])
@pytest.mark.parametrize("version", ApiVersionsRequest.versions)
async def test_api_versions_is_answered_to_anybody(
    connect: Connecting, cluster: Cluster, name: str, version: int
) -> None:
    async with connect(name) as peer:
        answer = expect(ApiVersionsResponse, await peer.ask(GREETING, version=version))
        assert answer.error_code == ErrorCode.NONE
        assert {entry.api_key: (entry.min_version, entry.max_version) for entry in answer.api_keys} == (
            cluster.profile.apis
        )


@pytest.mark.parametrize("name", SASL)
async def test_a_sasl_listener_tells_its_versions_once(connect: Connecting, name: str) -> None:
    async with connect(name) as peer:
        assert await peer.ask(GREETING, version=3) is not None
        assert await peer.ask(GREETING, version=3) is None


@pytest.mark.parametrize("name", [*CLEAR, *TLS])
async def test_api_versions_of_the_future_is_refused_in_version_0_and_may_be_repeated(
    connect: Connecting, name: str
) -> None:
    async with connect(name) as peer:
        await peer.say(bytes.fromhex("0000000f 0012 0009 00000001 0004 6e657774 00"))
        refusal = bytes.fromhex("00000010 00000001 0023 00000001 0012 0000 0005")
        assert await peer.reader.readexactly(len(refusal)) == refusal
        assert await peer.ask(GREETING, version=0) is not None


@pytest.mark.parametrize(("software", "version"), [("", "1"), ("x", ""), ("", ""), ("-x", "1"), ("x", "1 2")])
async def test_a_client_without_a_proper_name_is_told_so(connect: Connecting, software: str, version: str) -> None:
    request = ApiVersionsRequest(client_software_name=software, client_software_version=version)
    async with connect("plaintext") as peer:
        answer = expect(ApiVersionsResponse, await peer.ask(request, version=3))
        assert answer == ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
        assert await peer.ask(GREETING, version=3) is not None


@pytest.mark.parametrize("name", SASL)
@pytest.mark.parametrize("version", [0, 1])
async def test_an_unknown_mechanism_gets_the_list_and_the_end(
    connect: Connecting, cluster: Cluster, name: str, version: int
) -> None:
    async with connect(name) as peer:
        request = SaslHandshakeRequest(mechanism="MSKAUDIT-PROBE")
        answer = expect(SaslHandshakeResponse, await peer.ask(request, version=version))
        assert answer.error_code == ErrorCode.UNSUPPORTED_SASL_MECHANISM
        assert answer.mechanisms == cluster.listeners[name].mechanisms
        assert await peer.is_closed()


@pytest.mark.parametrize("name", OPEN)
async def test_a_listener_without_sasl_says_so_and_goes_on(connect: Connecting, name: str) -> None:
    async with connect(name) as peer:
        answer = await peer.ask(SaslHandshakeRequest(mechanism="MSKAUDIT-PROBE"), version=1)
        assert expect(SaslHandshakeResponse, answer) == SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
        token = await peer.ask(SaslAuthenticateRequest(auth_bytes=b""), version=0)
        assert expect(SaslAuthenticateResponse, token).error_code == ErrorCode.ILLEGAL_SASL_STATE
        assert await peer.ask(MetadataRequest(topics=()), version=8) is not None


@pytest.mark.parametrize("name", SASL)
@pytest.mark.parametrize(
    "request_before_login",
    [MetadataRequest(topics=None), DescribeClusterRequest(), SaslAuthenticateRequest(auth_bytes=b"n,,n=billing,r=x")],
    ids=lambda request: type(request).__name__,
)
async def test_whoever_has_not_logged_in_is_not_served(
    connect: Connecting, name: str, request_before_login: Request
) -> None:
    async with connect(name) as peer:
        assert await peer.ask(request_before_login, version=1) is None


@pytest.mark.parametrize(
    ("second", "answer"),
    [
        (GREETING, ApiVersionsResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)),
        (SaslHandshakeRequest(mechanism="PLAIN"), SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)),
        (MetadataRequest(topics=None), MetadataResponse()),
    ],
    ids=["ApiVersions", "SaslHandshake", "Metadata"],
)
async def test_after_the_handshake_only_tokens_are_heard(
    connect: Connecting, second: Request, answer: Response
) -> None:
    async with connect("sasl_plaintext") as peer:
        assert await peer.ask(SaslHandshakeRequest(mechanism="PLAIN"), version=1) is not None
        told = await peer.ask(second, version=1)
        assert told is not None
        assert told.message == answer
        assert await peer.is_closed()


@pytest.mark.parametrize(("password", "gets_in"), [("secret", True), ("wrong", False)])
async def test_after_a_handshake_of_version_0_tokens_are_bare_frames(
    connect: Connecting, password: str, *, gets_in: bool
) -> None:
    async with connect("sasl_plaintext") as peer:
        answer = await peer.ask(SaslHandshakeRequest(mechanism="PLAIN"), version=0)
        assert expect(SaslHandshakeResponse, answer).error_code == ErrorCode.NONE
        await peer.say(frame(b"\0billing\0" + password.encode()))
        if gets_in:
            assert await peer.reader.readexactly(4) == bytes(4)
            assert await peer.ask(MetadataRequest(topics=()), version=9) is not None
        else:
            assert await peer.is_closed()


@pytest.mark.parametrize("mechanism", ScramMechanism)
@pytest.mark.parametrize(("user", "password"), [("billing", "secret"), ("audit", "sésame, öffne dich")])
async def test_a_user_logs_in_with_scram(
    connect: Connecting, mechanism: ScramMechanism, user: str, password: str
) -> None:
    async with connect("sasl_plaintext") as peer:
        assert (await log_in(peer, mechanism, user, password)).error_code == ErrorCode.NONE
        answer = expect(MetadataResponse, await peer.ask(MetadataRequest(topics=None), version=13))
        assert {topic.name for topic in answer.topics} == {"orders", "payments"}
        again = await peer.ask(SaslHandshakeRequest(mechanism=mechanism), version=1)
        assert expect(SaslHandshakeResponse, again).error_code == ErrorCode.ILLEGAL_SASL_STATE


async def test_a_user_logs_in_with_scram_behind_tls(connect: Connecting) -> None:
    async with connect("sasl_tls") as peer:
        assert (await log_in(peer, ScramMechanism.SHA_512, "billing", "secret")).error_code == ErrorCode.NONE
        assert await peer.ask(DescribeClusterRequest(), version=0) is not None


@pytest.mark.parametrize(("user", "password"), [("billing", "wrong"), ("nobody", "secret")])
async def test_a_wrong_scram_login_is_refused_and_the_connection_closed(
    connect: Connecting, user: str, password: str
) -> None:
    async with connect("sasl_tls") as peer:
        refusal = await log_in(peer, ScramMechanism.SHA_512, user, password)
        assert refusal.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
        assert refusal.error_message is not None
        assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in refusal.error_message
        assert await peer.is_closed()


@pytest.mark.parametrize(
    ("mechanism", "token", "error"),
    [
        ("PLAIN", b"\0billing\0secret", ErrorCode.NONE),
        ("PLAIN", b"billing\0billing\0secret", ErrorCode.NONE),
        ("PLAIN", "\0audit\0sésame, öffne dich".encode(), ErrorCode.NONE),
        ("PLAIN", b"\0billing\0wrong", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("PLAIN", b"\0nobody\0secret", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("PLAIN", b"audit\0billing\0secret", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("PLAIN", b"\xff\0\xff\0\xff", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("PLAIN", b"", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("SCRAM-SHA-256", b"", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("SCRAM-SHA-512", b"n,a=audit,n=billing,r=x", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("SCRAM-SHA-512", b"\xff\xfe", ErrorCode.SASL_AUTHENTICATION_FAILED),
        ("AWS_MSK_IAM", b'{"version": "2020_10_22"}', ErrorCode.SASL_AUTHENTICATION_FAILED),
    ],
)
async def test_a_token_is_judged(connect: Connecting, mechanism: str, token: bytes, error: ErrorCode) -> None:
    async with connect("sasl_plaintext") as peer:
        await peer.ask(SaslHandshakeRequest(mechanism=mechanism), version=1)
        answer = await authenticate(peer, token)
        assert answer.error_code == error
        assert bool(answer.error_message) == bool(error)
        served = await peer.ask(DescribeClusterRequest(), version=0) if not error else await peer.is_closed()
        assert served


@pytest.mark.parametrize("name", ["plaintext", "tls", "required"])
@pytest.mark.parametrize("broker", range(3))
async def test_brokers_are_advertised_on_the_listener_that_was_asked(
    addresses: Serving, call: Calling, name: str, broker: int
) -> None:
    context = client_context(pki().client) if name in TLS else None
    async with call(addresses.by_listener[name][broker], context) as peer:
        metadata = expect(MetadataResponse, await peer.ask(MetadataRequest(topics=()), version=12))
        described = expect(DescribeClusterResponse, await peer.ask(DescribeClusterRequest(), version=2))
    assert [(b.node_id, f"{b.host}:{b.port}") for b in metadata.brokers] == [
        *enumerate(addresses.by_listener[name], start=1)
    ]
    assert [(b.broker_id, f"{b.host}:{b.port}") for b in described.brokers] == [
        *enumerate(addresses.by_listener[name], start=1)
    ]
    assert (metadata.cluster_id, metadata.controller_id) == ("every-kind", 1)
    assert (described.cluster_id, described.controller_id) == ("every-kind", 1)


@pytest.mark.parametrize("version", MetadataRequest.versions)
async def test_topics_are_those_of_the_world_in_every_version(connect: Connecting, version: int) -> None:
    everything = MetadataRequest(topics=None if version else ())
    async with connect("plaintext") as peer:
        answer = expect(MetadataResponse, await peer.ask(everything, version=version))
        topics = {topic.name: topic for topic in answer.topics}
        assert {name: len(topic.partitions) for name, topic in topics.items()} == {"orders": 3, "payments": 1}
        assert {partition.leader_id for partition in topics["orders"].partitions} == {1, 2, 3}
        if version:
            assert expect(MetadataResponse, await peer.ask(MetadataRequest(topics=()), version=version)).topics == ()


def named(name: str) -> MetadataRequestTopic:
    return MetadataRequestTopic(name=name)


def numbered(name: str) -> MetadataRequestTopic:
    return MetadataRequestTopic(topic_id=topic_id(name), name=None)


@pytest.mark.parametrize(
    ("asked", "version", "answered"),
    [
        ((named("orders"),), 12, [("orders", ErrorCode.NONE, 3)]),
        ((named("orders"), named("orders")), 12, [("orders", ErrorCode.NONE, 3)]),
        ((named("nothing"),), 0, [("nothing", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0)]),
        ((named("nothing"),), 13, [("nothing", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0)]),
        ((numbered("orders"),), 12, [("orders", ErrorCode.NONE, 3)]),
        ((numbered("nothing"),), 13, [(None, ErrorCode.UNKNOWN_TOPIC_ID, 0)]),
        ((numbered("orders"),), 11, [("", ErrorCode.INVALID_REQUEST, 0)]),
    ],
)
async def test_topics_are_found_by_name_and_number(
    connect: Connecting,
    asked: tuple[MetadataRequestTopic, ...],
    version: int,
    answered: list[tuple[str | None, int, int]],
) -> None:
    async with connect("plaintext") as peer:
        answer = expect(MetadataResponse, await peer.ask(MetadataRequest(topics=asked), version=version))
    assert [(topic.name, topic.error_code, len(topic.partitions)) for topic in answer.topics] == answered


@pytest.mark.parametrize(
    ("wanted", "cluster_set", "topic_set"), [(True, 8096, 3576), (False, *[OPERATIONS_UNKNOWN] * 2)]
)
async def test_operations_are_told_when_asked_for(
    connect: Connecting,
    wanted: bool,  # noqa: FBT001  a field of the request
    cluster_set: int,
    topic_set: int,
) -> None:
    request = MetadataRequest(
        topics=(named("orders"), named("nothing")),
        include_cluster_authorized_operations=wanted,
        include_topic_authorized_operations=wanted,
    )
    async with connect("plaintext") as peer:
        metadata = expect(MetadataResponse, await peer.ask(request, version=8))
        describe = DescribeClusterRequest(include_cluster_authorized_operations=wanted)
        described = expect(DescribeClusterResponse, await peer.ask(describe, version=0))
    assert metadata.cluster_authorized_operations == described.cluster_authorized_operations == cluster_set
    assert [topic.topic_authorized_operations for topic in metadata.topics] == [topic_set, topic_set]


@pytest.mark.parametrize(
    ("endpoint", "error"),
    [(1, ErrorCode.NONE), (2, ErrorCode.MISMATCHED_ENDPOINT_TYPE), (9, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)],
)
async def test_a_broker_describes_brokers_only(connect: Connecting, endpoint: int, error: ErrorCode) -> None:
    async with connect("plaintext") as peer:
        answer = await peer.ask(DescribeClusterRequest(endpoint_type=endpoint), version=1)
    described = expect(DescribeClusterResponse, answer)
    assert described.error_code == error
    assert bool(described.brokers) == (not error)


@pytest.mark.parametrize("name", [*CLEAR, *TLS])
@pytest.mark.parametrize("start", ["0001 0000", "7fff 0000", "0003 0063", "0011 0009", "0024 0009", "8000 8000"])
async def test_an_unknown_api_or_version_is_the_end(connect: Connecting, name: str, start: str) -> None:
    async with connect(name) as peer:
        await peer.say(frame(bytes.fromhex(start + "00000001 ffff")))
        assert await peer.is_closed()


@pytest.mark.parametrize("name", CLEAR)
async def test_a_hello_at_a_clear_listener_is_closed_without_a_byte(connect: Connecting, name: str) -> None:
    async with connect(name) as peer:
        await peer.say(CLIENT_HELLO)
        assert await peer.is_closed()


@pytest.mark.parametrize("name", TLS)
async def test_kafka_in_clear_at_a_tls_listener_gets_the_alert_of_a_jvm(
    addresses: Serving, call: Calling, name: str
) -> None:
    async with call(addresses.by_listener[name][0]) as peer:
        await peer.say(API_VERSIONS_V0)
        assert await peer.rest() == bytes.fromhex("15 03 03 00 02 02 50")


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize(
    ("name", "credential", "alert"),
    [
        ("tls", None, None),
        ("tls", "client", None),
        ("tls", "stranger", None),
        ("requested", None, None),
        ("requested", "client", None),
        ("requested", "stranger", "ALERT"),
        ("required", None, "ALERT"),
        ("required", "client", None),
        ("required", "stranger", "ALERT"),
    ],
)
async def test_a_client_certificate_decides(
    addresses: Serving, call: Calling, name: str, credential: str | None, alert: str | None, tls: ssl.TLSVersion
) -> None:
    presented: Credential | None = getattr(pki(), credential) if credential else None
    context = client_context(presented)
    context.minimum_version = context.maximum_version = tls

    async def greet() -> Answer | None:
        async with call(addresses.by_listener[name][0], context) as peer:
            answer: Answer | None = await peer.ask(GREETING, version=4)
            return answer

    if alert is None:
        assert await greet() is not None
    else:
        with pytest.raises(ssl.SSLError, match=alert):
            await greet()


async def test_fixed_ports_at_one_address_never_meet() -> None:
    listeners = {kind: Listener(protocol=Protocol.PLAINTEXT, bootstrap=kind) for kind in KINDS}
    more = {name: Listener(protocol=Protocol.PLAINTEXT, bootstrap="Tls") for name in ("again", "and again")}
    cluster = Cluster(count=6, cluster_id="x", listeners=listeners | more)
    async with serve(cluster, ports=Ports.FIXED, host="127.0.0.77") as serving:
        assert len(set(serving.addresses)) == 6 * len(cluster.listeners)
        assert serving.by_listener["SaslIam"][0] == "127.0.0.77:9098"


async def test_where_a_login_tells_who_somebody_is_no_certificate_has_to(call: Calling) -> None:
    listener = Listener(
        protocol=Protocol.SASL_SSL,
        mechanisms=(Mechanism.SCRAM_SHA_512,),
        client_certificate=ClientCertificate.REQUIRED,
        principal_mapping="RULE:^CN=somebody else$/else/",
    )
    cluster = Cluster(count=1, cluster_id="x", listeners={"it": listener}, users={"billing": "secret"})
    async with serve(cluster) as serving, call(serving.addresses[0], client_context(pki().client)) as peer:
        assert (await log_in(peer, ScramMechanism.SHA_512, "billing", "secret")).error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("listener", "fault"),
    [
        (Listener(protocol=Protocol.SASL_SSL), "needs mechanisms"),
        (Listener(protocol=Protocol.SSL, mechanisms=(Mechanism.PLAIN,)), "has no mechanisms"),
        (Listener(protocol=Protocol.PLAINTEXT, bootstrap="Tlsx"), "'Tlsx' is no kind of bootstrap address"),
    ],
)
def test_a_listener_holds_together(listener: Listener, fault: str) -> None:
    with pytest.raises(ValueError, match=f"listener it: .*{fault}"):
        Cluster(count=1, cluster_id="x", listeners={"it": listener})
