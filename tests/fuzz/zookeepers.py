"""Attacks on the reference ZooKeeper: several conversations with one server at a time, without sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.reference.znodes import OPEN, Tree, Znode, digest_id
from mskaudit.reference.zookeeper_conversation import Conversation
from mskaudit.reference.zookeeper_server import Present, Server
from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
from mskaudit.wire import zookeeper as zk
from mskaudit.wire.frames import frame
from mskaudit.wire.zookeeper_packets import REQUESTS, pack_record, pack_request
from tests.fuzz import values
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.mutation import Chance, mutate, pieces, sometimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fuzz.campaign import Play

_BOB = zk.Acl(perms=31, scheme="digest", id=digest_id(b"bob:pw"))
TREE = Tree(
    nodes={
        "/open": Znode(data=b"x", acl=OPEN),
        "/open/child": Znode(acl=OPEN),
        "/closed": Znode(data=b"secret", acl=(_BOB,)),
        "/brokers/ids/1": Znode(ephemeral=True),
    }
)
_SETTINGS = (
    ZooKeeperSettings(whitelist=("*",), client_certificate=ClientCertificate.NONE),
    ZooKeeperSettings(version="3.5.4", packet_limit=4096, client_certificate=ClientCertificate.NONE),
    ZooKeeperSettings(require_auth=True, client_certificate=ClientCertificate.NONE),
)
_WORDS = (b"ruok", b"srvr", b"stat", b"mntr", b"cons", b"wchp", b"dump", b"envi", b"isro", b"kill", b"abcd")
_LONGEST_SESSION = 1e5


def connect(chance: Chance) -> bytes:
    """The first packet of a client, most often one that is taken."""
    if chance.random() < 0.2:
        return pack_record(values.packet(zk.ConnectRequest, chance))
    return pack_record(
        zk.ConnectRequest(protocol=0, zxid=0, timeout=10_000, session=0, password=bytes(16), read_only=False)
    )


def request(chance: Chance) -> bytes:
    """A later packet of a client."""
    kind = REQUESTS[chance.choice(sorted(REQUESTS))]
    made = values.packet(kind, chance)
    assert isinstance(made, zk.Request)
    return pack_request(made, xid=chance.choice((1, 2, -1, -2, -4)))


def stream(case: Case) -> bytes:
    """All that one client says."""
    chance = case.chance
    if chance.random() < 0.05:
        return case.note(sometimes(chance, chance.choice(_WORDS)))
    first = connect(chance)
    said = frame(case.note(mutate(chance, first) if chance.random() < 0.15 else first))
    for _ in range(chance.randint(1, 8)):
        said += frame(case.note(sometimes(chance, request(chance), other=request(chance))))
    return mutate(chance, said) if chance.random() < 0.15 else said


@asynccontextmanager
async def world(number: int) -> AsyncIterator[Play]:
    """A server for the cases of a chapter, with some clients that stay."""
    server = Server(_SETTINGS[number % len(_SETTINGS)], TREE, ports=(2181, 2182))
    staying: list[Conversation] = []

    async def play(case: Case) -> None:
        certificate = "CN=client" if case.chance.random() < 0.2 else None
        conversation = Conversation(server, address=f"127.0.0.{number % 9 + 1}", certificate=certificate)
        server.present[conversation] = Present("127.0.0.1:1", wake=_nothing, end=_nothing)
        staying.append(conversation)
        try:
            for chunk in pieces(case.chance, stream(case)):
                if conversation.over:
                    break
                for _ in conversation.hear(chunk):
                    conversation.events()
        finally:
            if conversation.over or len(staying) > 20:
                leaving = conversation if conversation.over else staying[0]
                staying.remove(leaving)
                del server.present[leaving]
                leaving.leave()
        if case.chance.random() < 0.01:
            await asyncio.sleep(case.chance.randrange(60))

    yield play
    for conversation in staying:
        del server.present[conversation]
        conversation.leave()
    await asyncio.sleep(_LONGEST_SESSION)
    assert not server.sessions.ids, "sessions outlive their time"
    server.sessions.close()


def _nothing() -> None:
    pass


TARGET = Target(name="zookeeper", side=Side.SERVER, share=0.08, world=world, chapter=1000)
