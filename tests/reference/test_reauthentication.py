"""Sessions end, and may begin again before they do (KIP-368)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from mskaudit.reference.asking import NOBODY, Asking, Node
from mskaudit.reference.authority import AclAuthority
from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.gates import realm_of
from mskaudit.reference.releases import Mode
from mskaudit.reference.session import Place, Reply, Session
from mskaudit.reference.state import State
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import (
    DescribeClusterRequest,
    DescribeClusterResponse,
    MetadataRequest,
    MetadataResponse,
    Request,
    Response,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

R = TypeVar("R", bound=Response)

LIFETIME = 60_000


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Client:
    """A client at a session, one request at a time."""

    def __init__(self, *, max_reauth_ms: int = LIFETIME) -> None:
        self.clock = Clock()
        listener = Listener(
            protocol=Protocol.SASL_PLAINTEXT,
            mechanisms=(Mechanism.PLAIN, Mechanism.SCRAM_SHA_256),
            max_reauth_ms=max_reauth_ms,
        )
        cluster = Cluster(
            count=1,
            cluster_id="c",
            release="4.3",
            mode=Mode.KRAFT,
            users={"alice": "a", "bob": "b"},
            listeners={"sasl": listener},
        )
        state = State(cluster, clock=self.clock)
        node = Node(number=1, rack=None, addresses={"sasl": ("127.0.0.1", 9092)})
        asking = Asking(
            state=state,
            profile=cluster.profile,
            nodes=(node,),
            node=node,
            listener_name="sasl",
            listener=listener,
            authority=AclAuthority(state, cluster.profile.release),
        )
        self._session = Session(
            Place(asking=asking, realm=realm_of(state, listener, node), frame_limit=1 << 20), NOBODY
        )
        self._wire = ClientConnection()

    async def reply(self, request: Request, version: int) -> Reply:
        return await self._session.answer(self._wire.send(request, version=version)[4:])

    async def ask(self, kind: type[R], request: Request, version: int) -> R:
        return self.read(kind, await self.reply(request, version))

    def read(self, kind: type[R], reply: Reply) -> R:
        (answer,) = self._wire.receive(reply.content)
        assert isinstance(answer.message, kind)
        return answer.message

    async def log_in(self, user: str, password: str) -> SaslAuthenticateResponse:
        shaken = await self.ask(SaslHandshakeResponse, SaslHandshakeRequest(mechanism="PLAIN"), 1)
        assert shaken.error_code == ErrorCode.NONE
        token = f"\0{user}\0{password}".encode()
        return await self.ask(SaslAuthenticateResponse, SaslAuthenticateRequest(auth_bytes=token), 2)


async def test_a_session_tells_its_lifetime_and_ends_with_it() -> None:
    client = Client()
    assert (await client.log_in("alice", "a")).session_lifetime_ms == LIFETIME
    client.clock.pass_by(59)
    assert (await client.ask(MetadataResponse, MetadataRequest(topics=()), 9)).cluster_id == "c"
    client.clock.pass_by(2)
    assert await client.reply(MetadataRequest(topics=()), 9) == Reply(last=True)


async def test_after_its_end_a_session_may_still_begin_again() -> None:
    client = Client()
    await client.log_in("alice", "a")
    client.clock.pass_by(61)
    assert (await client.log_in("alice", "a")).error_code == ErrorCode.NONE
    assert (await client.ask(MetadataResponse, MetadataRequest(topics=()), 9)).cluster_id == "c"


async def test_a_session_without_end_does_not_begin_again() -> None:
    client = Client(max_reauth_ms=0)
    assert (await client.log_in("alice", "a")).session_lifetime_ms == 0
    client.clock.pass_by(61)
    shaken = await client.ask(SaslHandshakeResponse, SaslHandshakeRequest(mechanism="PLAIN"), 1)
    assert shaken.error_code == ErrorCode.ILLEGAL_SASL_STATE


async def test_a_session_begins_again_at_once_but_not_twice() -> None:
    client = Client()
    await client.log_in("alice", "a")
    await client.log_in("alice", "a")
    shaken = await client.ask(SaslHandshakeResponse, SaslHandshakeRequest(mechanism="PLAIN"), 1)
    assert shaken.error_code == ErrorCode.ILLEGAL_SASL_STATE
    client.clock.pass_by(1)
    assert (await client.log_in("alice", "a")).error_code == ErrorCode.NONE


async def test_what_is_not_due_between_tokens_ends_a_session_with_an_answer() -> None:
    client = Client()
    await client.ask(SaslHandshakeResponse, SaslHandshakeRequest(mechanism="PLAIN"), 1)
    reply = await client.reply(DescribeClusterRequest(), 0)
    assert (reply.late, reply.last) == (True, True)
    assert client.read(DescribeClusterResponse, reply).error_code == ErrorCode.ILLEGAL_SASL_STATE


async def test_a_session_keeps_its_user() -> None:
    client = Client()
    await client.log_in("alice", "a")
    client.clock.pass_by(30)
    answer = await client.log_in("bob", "b")
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.error_message == "Cannot change principals during re-authentication from alice: bob"


async def test_a_session_keeps_its_mechanism() -> None:
    client = Client()
    await client.log_in("alice", "a")
    client.clock.pass_by(30)
    await client.ask(SaslHandshakeResponse, SaslHandshakeRequest(mechanism="SCRAM-SHA-256"), 1)
    answer = await client.ask(SaslAuthenticateResponse, SaslAuthenticateRequest(auth_bytes=b"n,,n=alice,r=x"), 2)
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED


async def test_a_wrong_password_the_second_time_ends_the_session() -> None:
    client = Client()
    await client.log_in("alice", "a")
    client.clock.pass_by(30)
    await client.ask(SaslHandshakeResponse, SaslHandshakeRequest(mechanism="PLAIN"), 1)
    reply = await client.reply(SaslAuthenticateRequest(auth_bytes=b"\0alice\0wrong"), 2)
    assert (reply.late, reply.last) == (True, True)
