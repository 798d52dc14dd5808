"""Attacks on the brokers themselves: sessions with every kind of listener, without sockets in between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from mskaudit.reference.asking import Asking, Identity, Node
from mskaudit.reference.attendant import _pieces
from mskaudit.reference.cluster import AclEntry, AuthorizerRules, Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.gates import authority_of, realm_of
from mskaudit.reference.realm import OauthSettings
from mskaudit.reference.releases import Mode, profile
from mskaudit.reference.session import Place, Reply, Session
from mskaudit.reference.spoken import Spoken
from mskaudit.reference.state import State
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, FrameBuffer, frame
from tests.fuzz import speech as speaking
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.members import member
from tests.fuzz.mutation import Chance, mutate, pieces
from tests.fuzz.producers import produce
from tests.fuzz.speech import AWS, NOW, USERS, Speech

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from tests.fuzz.campaign import Play

_LONGEST = 1e7
_CANCELLED = 0.02
RELEASES = (("2.8", Mode.ZOOKEEPER), ("3.9", Mode.ZOOKEEPER), ("3.9", Mode.KRAFT), ("4.4", Mode.KRAFT))
LISTENERS = {
    "open": Listener(protocol=Protocol.PLAINTEXT),
    "login": Listener(
        protocol=Protocol.SASL_PLAINTEXT,
        mechanisms=tuple(Mechanism),
        max_reauth_ms=3_600_000,
        oauth=OauthSettings(accept_unsigned=True),
    ),
}
_RULES = AuthorizerRules(super_users=("User:bob",))
_ACLS = {
    "alice reads": AclEntry(principal="User:alice", operations=("READ",), resource="TOPIC", name="orders"),
    "anybody writes": AclEntry(principal="User:*", operations=("ALL",), resource="TOPIC", name="p", pattern="PREFIXED"),
    "groups": AclEntry(principal="User:*", operations=("READ",), resource="GROUP", name="*"),
    "nobody": AclEntry(principal="User:*", operations=("ALTER",), resource="CLUSTER", permission="DENY"),
}


def cluster(number: int) -> Cluster:
    """The cluster of a chapter: all releases with and without an authorizer in turn."""
    release, mode = RELEASES[number % len(RELEASES)]
    guarded = number // len(RELEASES) % 2 == 1
    return Cluster(
        count=2,
        cluster_id=f"fuzz-{number}",
        release=release,
        mode=mode,
        users=USERS,
        aws_credentials={"billing": AWS},
        topics={"orders": 3, "payments": 1},
        listeners=LISTENERS,
        authorizer=_RULES if guarded else None,
        acls=_ACLS if guarded else {},
    )


@asynccontextmanager
async def world(number: int) -> AsyncIterator[Play]:
    """A cluster without sockets for the cases of a chapter."""
    made = cluster(number)
    loop = asyncio.get_running_loop()
    begun = loop.time()

    def now() -> datetime:
        return NOW + timedelta(seconds=loop.time() - begun)

    state = State(made, clock=now)
    nodes = tuple(
        Node(number=each, rack=None, addresses=dict.fromkeys(LISTENERS, ("127.0.0.1", 9091 + each)))
        for each in range(1, made.count + 1)
    )

    async def talk(case: Case, name: str, node: Node) -> None:
        chosen = profile(made.release, Mode.CONTROLLER if _is_for_controller(case, made) else made.mode)
        asking = Asking(
            state=state,
            profile=chosen,
            nodes=nodes,
            node=node,
            listener_name=name,
            listener=LISTENERS[name],
            authority=authority_of(state, LISTENERS[name], chosen.release, None),
            host="127.0.0.1",
        )
        realm = realm_of(state, LISTENERS[name], asking.node)
        session = Session(Place(asking=asking, realm=realm, frame_limit=BROKER_FRAME_LIMIT), _who(case.chance, name))
        apis = {key: spoken.versions for key, spoken in Spoken(chosen).items()}
        await _play(case, session, Speech(apis=apis, now=now), LISTENERS[name].mechanisms)

    async def play(case: Case) -> None:
        name = case.chance.choice(("open", "open", "open", "login"))
        together = case.chance.choice((1, 1, 1, 1, 3))
        talks = (talk(case, name, case.chance.choice(nodes)) for _ in range(together))
        async with asyncio.TaskGroup() as tasks:
            for each in talks:
                tasks.create_task(each)

    yield play
    # What is left behind, such as members of a group whose time is not up, must end by itself.
    await asyncio.sleep(_LONGEST)


def _is_for_controller(case: Case, made: Cluster) -> bool:
    """Whether a case speaks to a controller."""
    return made.mode is Mode.KRAFT and case.chance.random() < 0.05


def _who(chance: Chance, listener: str) -> Identity:
    if listener == "login":
        return Identity()
    return Identity(principal=chance.choice(("User:ANONYMOUS", "User:alice", "User:bob", "User:CN=client")))


async def _play(case: Case, session: Session, speech: Speech, mechanisms: tuple[Mechanism, ...]) -> None:
    chance = case.chance
    talk = _Talk(case, session)
    say = talk.say
    if mechanisms and not await speaking.log_in(chance, say, speech, mechanisms) and chance.random() < 0.8:
        return
    match chance.randrange(8):
        case 0:
            await _stream(case, talk, speech)
        case 1:
            await say(chance.randbytes(chance.randrange(64)))
        case 2:
            await member(chance, say, speech)
        case 3:
            await produce(chance, say, speech)
        case _:
            await speaking.converse(chance, say, speech)


async def _stream(case: Case, talk: _Talk, speech: Speech) -> None:
    """Several frames as bytes that are spoilt and cut as a whole, lengths included."""
    whole = b"".join(frame(speaking.request(case.chance, speech.apis)) for _ in range(case.chance.randint(1, 5)))
    frames = FrameBuffer(limit=talk.session.frame_limit)
    for chunk in pieces(case.chance, mutate(case.chance, whole)):
        for content in _pieces(frames, chunk):
            await talk.say(content)
            frames.limit = talk.session.frame_limit


class _Talk:
    """A client's end, which says nothing more once the broker would have closed."""

    def __init__(self, case: Case, session: Session) -> None:
        self._case = case
        self.session = session
        self._over = False

    async def say(self, content: bytes) -> bytes | None:
        """Send the content of a frame; the content of the answer, None where there is none."""
        if self._over:
            return None
        reply = await _answered(self._case, self.session, content)
        self._over = reply is None or reply.last or reply.silent
        return None if reply is None or self._over or not reply.content else reply.content[4:]


async def _answered(case: Case, session: Session, content: bytes) -> Reply | None:
    """The reply, checked; None if the client went away meanwhile."""
    case.note(content)
    asking = asyncio.ensure_future(session.answer(content))
    if case.chance.random() < _CANCELLED:
        for _ in range(case.chance.randrange(4)):
            await asyncio.sleep(0)
        if not asking.done():
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            return None
    reply = await asking
    if reply.content:
        assert int.from_bytes(reply.content[:4], "big") == len(reply.content) - 4, "the reply is no frame"
        assert len(reply.content) < BROKER_FRAME_LIMIT * 34, "the reply is larger than anything asked for"
    return reply


TARGET = Target(name="sessions", side=Side.SERVER, share=0.6, world=world, chapter=2500)
FRESH = Target(name="fresh-sessions", side=Side.SERVER, share=0.22, world=world, chapter=100)
