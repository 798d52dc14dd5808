"""Both ends of a connection talk to each other, and survive peers that do not keep to the protocol."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.connection import (
    TRANSITIONS,
    Call,
    ClientConnection,
    Event,
    ServerConnection,
    State,
    UnsupportedCall,
)
from mskaudit.wire.frames import frame
from mskaudit.wire.messages import (
    APIS,
    Api,
    ApiKey,
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    DescribeClusterRequest,
    DescribeClusterResponse,
    ErrorCode,
    MetadataRequest,
    MetadataResponse,
    Request,
    Response,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

API_VERSIONS_V0 = bytes.fromhex("00000012 0012 0000 00000001 0008 6d736b6175646974")
HANDSHAKE_V1 = bytes.fromhex("00000022 0011 0001 00000002 0008 6d736b6175646974 000e 4d534b41554449542d50524f4245")

EXCHANGES: list[tuple[Request, Response]] = [
    (
        ApiVersionsRequest(client_software_name="mskaudit", client_software_version="0.1.0"),
        ApiVersionsResponse(api_keys=(ApiVersion(api_key=3, min_version=0, max_version=13),)),
    ),
    (MetadataRequest(topics=()), MetadataResponse()),
    (SaslHandshakeRequest(mechanism="PLAIN"), SaslHandshakeResponse(mechanisms=("PLAIN",))),
    (SaslAuthenticateRequest(auth_bytes=b"\0u\0p"), SaslAuthenticateResponse()),
    (DescribeClusterRequest(), DescribeClusterResponse(cluster_id="c")),
]
ALL_VERSIONS = [
    pytest.param(request, response, version, id=f"{type(request).__name__}-v{version}")
    for request, response in EXCHANGES
    for version in request.versions
]


def call_of(server: ServerConnection, chunk: bytes) -> Call:
    """Return the one supported request that a chunk completes."""
    (call,) = server.receive(chunk)
    assert isinstance(call, Call)
    return call


def refused_of(server: ServerConnection, chunk: bytes) -> UnsupportedCall:
    """Return the one unsupported request that a chunk completes."""
    (call,) = server.receive(chunk)
    assert isinstance(call, UnsupportedCall)
    return call


def older(limits: dict[ApiKey, range]) -> list[Api]:
    """Return the APIs as a broker with fewer versions has them."""
    return [api.limited(limits.get(ApiKey(api.key), api.versions)) for api in APIS]


def test_the_bytes_of_the_first_probes() -> None:
    client = ClientConnection()
    assert client.send(ApiVersionsRequest(), version=0) == API_VERSIONS_V0
    assert client.send(SaslHandshakeRequest(mechanism="MSKAUDIT-PROBE"), version=1) == HANDSHAKE_V1
    assert client.outstanding == 2


@pytest.mark.parametrize(("request_", "response", "version"), ALL_VERSIONS)
def test_both_ends_understand_each_other(request_: Request, response: Response, version: int) -> None:
    client, server = ClientConnection(client_id="me"), ServerConnection()
    call = call_of(server, client.send(request_, version=version))
    assert (call.api_key, call.version, call.correlation_id, call.client_id) == (
        request_.api_key,
        version,
        1,
        "me",
    )
    (answer,) = client.receive(server.send(call, response))
    assert (answer.message, answer.version, answer.correlation_id) == (response, version, 1)
    assert (client.state, server.state) == (State.IDLE, State.IDLE)


def test_the_client_id_may_be_missing() -> None:
    client, server = ClientConnection(client_id=None), ServerConnection()
    assert call_of(server, client.send(MetadataRequest(topics=()), version=9)).client_id is None


def test_requests_are_pipelined_and_answered_in_order() -> None:
    client, server = ClientConnection(), ServerConnection()
    stream = b"".join(client.send(request, version=1) for request, _ in EXCHANGES)
    calls = server.receive(stream)
    second = calls[1]
    assert isinstance(second, Call)
    with pytest.raises(LocalWireError, match="due"):
        server.send(second, MetadataResponse())
    answers = b""
    for call, (_, response) in zip(calls, EXCHANGES, strict=True):
        assert isinstance(call, Call)
        answers += server.send(call, response)
    assert [answer.correlation_id for answer in client.receive(answers)] == [1, 2, 3, 4, 5]
    assert client.outstanding == server.outstanding == 0


def test_an_unsupported_api_versions_request_is_answered_in_version_0() -> None:
    client = ClientConnection()
    server = ServerConnection(apis=older({ApiKey.API_VERSIONS: range(3)}))
    call = refused_of(server, client.send(ApiVersionsRequest(client_software_name="x"), version=4))
    refusal = server.refuse(call)
    assert refusal.hex(" ", 4) == "00000010 00000001 00230000 00010012 00000002"
    (answer,) = client.receive(refusal)
    assert answer.version == 0
    assert answer.message == ApiVersionsResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        api_keys=(ApiVersion(api_key=18, min_version=0, max_version=2),),
    )
    again = call_of(server, client.send(ApiVersionsRequest(), version=2))
    assert client.receive(server.send(again, ApiVersionsResponse()))[0].version == 2


def test_an_api_versions_request_of_the_far_future_is_refused_alike() -> None:
    server = ServerConnection()
    call = refused_of(server, frame(bytes.fromhex("0012 7fff 00000009 0001 78 00 ff ee dd")))
    assert (call.version, call.correlation_id, call.client_id) == (32767, 9, "x")
    assert server.refuse(call)[8:10] == b"\x00\x23"


@pytest.mark.parametrize("rest", ["", "01", "ff"], ids=["no-tags", "half-a-tag", "half-a-count"])
def test_an_api_versions_request_of_the_far_future_whose_header_does_not_end_is_none(rest: str) -> None:
    with pytest.raises(RemoteWireError):
        ServerConnection().receive(frame(bytes.fromhex("0012 7fff 00000009 0001 78" + rest)))


def test_another_refusal_of_api_versions_goes_without_a_list() -> None:
    server = ServerConnection()
    call = refused_of(server, frame(bytes.fromhex("0012 7fff 00000009 0001 78 00")))
    assert server.refuse(call, ErrorCode.ILLEGAL_SASL_STATE).hex() == "0000000a00000009002200000000"


def test_an_old_broker_refuses_without_a_list() -> None:
    client = ClientConnection()
    client.send(ApiVersionsRequest(), version=3)
    (answer,) = client.receive(frame(bytes.fromhex("00000001 0023 00000000")))
    assert (answer.version, answer.message) == (0, ApiVersionsResponse(error_code=35))


def test_a_broker_may_refuse_a_version_it_reads() -> None:
    client, server = ClientConnection(), ServerConnection()
    call = call_of(server, client.send(ApiVersionsRequest(), version=3))
    (answer,) = client.receive(server.send(call, ApiVersionsResponse(error_code=35)))
    assert answer.version == 0


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("0000 0003 00000001 ffff", id="api-not-spoken"),
        pytest.param("0003 7fff 00000001 ffff 00 0102", id="version-not-spoken"),
        pytest.param("0003 ffff 00000001 ffff", id="version-negative"),
    ],
)
def test_what_kafka_does_not_speak_ends_the_connection(content: str) -> None:
    server = ServerConnection()
    call = refused_of(server, frame(bytes.fromhex(content)))
    assert server.refuse(call) == b""
    assert server.state is State.CLOSED
    with pytest.raises(RemoteWireError, match="after the end"):
        server.receive(API_VERSIONS_V0)
    server.end()


CLIENT_FAULTS = {
    "correlation-id": "0000000a 00000002 0000 00000000",
    "no-header": "00000003 000000",
    "no-body": "00000004 00000001",
    "half-error-code": "00000005 00000001 00",
    "trailing": "0000000b 00000001 0000 00000000 00",
    "frame-too-long": "7fffffff",
    "frame-negative": "80000000",
    "count": "0000000a 00000001 0000 7fffffff",
}


@pytest.mark.parametrize("stream", CLIENT_FAULTS.values(), ids=CLIENT_FAULTS)
def test_a_faulty_answer_ends_the_connection(stream: str) -> None:
    client = ClientConnection()
    client.send(ApiVersionsRequest(), version=0)
    with pytest.raises(RemoteWireError):
        client.receive(bytes.fromhex(stream))
    assert client.state is State.FAILED
    for act in (lambda: client.receive(b""), client.end):
        with pytest.raises(RemoteWireError):
            act()
    with pytest.raises(LocalWireError, match="failed"):
        client.send(ApiVersionsRequest(), version=0)


def test_an_answer_to_nothing_is_a_fault() -> None:
    with pytest.raises(RemoteWireError, match="nobody sent"):
        ClientConnection().receive(bytes.fromhex("0000000a 00000001 0000 00000000"))


def test_what_came_before_a_fault_is_returned_first() -> None:
    for tail in (b"\xff\xff\xff\xff", frame(b"\x00")):
        server = ServerConnection()
        assert len(server.receive(API_VERSIONS_V0 + tail)) == 1
        assert server.state is State.FAILED
        assert server.fault is not None
        with pytest.raises(RemoteWireError):
            server.receive(b"")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("0012", id="half-a-header"),
        pytest.param("0012 0000 00000001 7fff 41", id="client-id-too-long"),
        pytest.param("0012 0003 00000001 ffff ffffffff0f", id="tags"),
    ],
)
def test_a_faulty_request_ends_the_connection(content: str) -> None:
    server = ServerConnection()
    with pytest.raises(RemoteWireError):
        server.receive(frame(bytes.fromhex(content)))
    assert server.state is State.FAILED


def test_bytes_behind_a_request_are_counted_because_librdkafka_sends_them() -> None:
    librdkafka = "0003 000d 00000006 0007 72646b61666b61 00 00000000 010000"
    call = call_of(ServerConnection(), frame(bytes.fromhex(librdkafka)))
    assert call.message == MetadataRequest(topics=None, allow_auto_topic_creation=False)
    assert call.excess == 3
    assert call_of(ServerConnection(), API_VERSIONS_V0).excess == 0


def test_the_peer_may_close_between_frames_only() -> None:
    client = ClientConnection()
    client.send(ApiVersionsRequest(), version=0)
    client.end()
    assert (client.state, client.outstanding) == (State.CLOSED, 1)
    client = ClientConnection()
    client.receive(b"\x00\x00")
    with pytest.raises(RemoteWireError, match="2 bytes into a frame"):
        client.end()
    assert client.state is State.FAILED


def test_what_cannot_be_sent_leaves_the_connection_as_it_was() -> None:
    client = ClientConnection(apis=older({ApiKey.METADATA: range(4, 9)}))
    for version in (3, 9):
        with pytest.raises(LocalWireError, match="does not speak"):
            client.send(MetadataRequest(topics=()), version=version)
    with pytest.raises(LocalWireError, match="does not fit"):
        client.send(SaslHandshakeRequest(mechanism="x" * 2**15), version=1)
    assert (client.state, client.outstanding) == (State.IDLE, 0)
    assert client.send(ApiVersionsRequest(), version=0) == API_VERSIONS_V0


def test_a_server_answers_with_the_apis_own_response() -> None:
    server = ServerConnection()
    call = call_of(server, API_VERSIONS_V0)
    with pytest.raises(LocalWireError, match="does not answer"):
        server.send(call, MetadataResponse())
    assert server.outstanding == 1


def test_an_api_cannot_have_versions_without_tables() -> None:
    with pytest.raises(LocalWireError, match="no tables"):
        APIS[0].limited(range(99))


def test_every_state_has_its_row_and_final_states_are_empty() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)
    assert not TRANSITIONS[State.CLOSED]
    assert not TRANSITIONS[State.FAILED]


def read_all(connection: ClientConnection | ServerConnection, chunks: list[bytes]) -> tuple[list[object], str]:
    """Return everything a connection got out of the chunks and how it ended."""
    got: list[object] = []
    try:
        for chunk in chunks:
            got += connection.receive(chunk)
        connection.end()
    except RemoteWireError as fault:
        return got, str(fault)
    return got, connection.state


MUTATIONS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3)


def mutate(stream: bytes, mutations: list[tuple[int, int]]) -> bytes:
    """Return the stream with some bytes changed or added."""
    mutated = bytearray(stream)
    for place, octet in mutations:
        mutated[place : place + 1] = bytes([octet])
    return bytes(mutated)


def singly(stream: bytes) -> list[bytes]:
    """Return the bytes of a stream one by one."""
    return [stream[i : i + 1] for i in range(len(stream))]


@settings(deadline=None)
@given(mutations=MUTATIONS, version=st.integers(0, 1))
def test_hostile_clients_raise_remote_errors_only(mutations: list[tuple[int, int]], version: int) -> None:
    client = ClientConnection()
    stream = mutate(
        b"".join(client.send(request, version=version) for request, _ in EXCHANGES),
        mutations,
    )
    assert read_all(ServerConnection(), [stream]) == read_all(ServerConnection(), singly(stream))


@settings(deadline=None)
@given(mutations=MUTATIONS, version=st.integers(0, 2))
def test_hostile_servers_raise_remote_errors_only(mutations: list[tuple[int, int]], version: int) -> None:
    clients = [ClientConnection(), ClientConnection()]
    server = ServerConnection()
    stream = b""
    for request, response in EXCHANGES:
        if version in request.versions:
            sent = [client.send(request, version=version) for client in clients]
            stream += server.send(call_of(server, sent[0]), response)
    stream = mutate(stream, mutations)
    assert read_all(clients[0], [stream]) == read_all(clients[1], singly(stream))


@settings(deadline=None)
@given(content=st.binary(max_size=40))
def test_garbage_frames_raise_remote_errors_only(content: bytes) -> None:
    client = ClientConnection()
    client.send(ApiVersionsRequest(), version=3)
    read_all(client, [frame(content)])
    read_all(ServerConnection(), [frame(content)])
