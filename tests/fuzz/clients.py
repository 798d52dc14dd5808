"""Attacks on what reads a server's bytes: answers of every API, records, TLS flights, ZooKeeper packets, logins."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from mskaudit.errors import RemoteWireError
from mskaudit.reference.tls_script import answer
from mskaudit.reference.tls_scripts import SCRIPTS
from mskaudit.wire import zookeeper_packets as packets
from mskaudit.wire.apis import APIS, api, every
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.frames import FrameBuffer, frame
from mskaudit.wire.messages import ApiKey, ResponseHeader
from mskaudit.wire.msk_iam import MskIamClient, success
from mskaudit.wire.oauthbearer import OauthClient
from mskaudit.wire.records import NO_PRODUCER, Batch, Compression, batches, records
from mskaudit.wire.sasl import PlainClient, ScramLogin
from mskaudit.wire.schema import encode
from mskaudit.wire.scram import ScramClient, ScramCredential, ScramMechanism, ScramRefusal, ScramServer
from mskaudit.wire.tls import FirstByte, ServerFlight
from mskaudit.wire.zookeeper import ConnectResponse, WatchEvent
from tests.fuzz import hellos, values
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.mutation import Chance, mutate, pieces, sometimes
from tests.fuzz.speech import AWS, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mskaudit.wire.messages import Request, Response
    from mskaudit.wire.sasl import SaslClient
    from tests.fuzz.campaign import Play, World

_LIMIT = 1 << 20
_MOST_ITERATIONS = 8192
_NONCE = "fyko+d2lbbFgONRv9qkxdawL"
_SCRAM = {kind: ScramCredential.derive(kind, "pencil", salt=b"NaCl") for kind in ScramMechanism}


def without_state(read: Callable[[Case], None]) -> World:
    """A world that is one function, which may raise RemoteWireError and nothing else."""

    @asynccontextmanager
    async def world(_: int) -> AsyncIterator[Play]:
        async def play(case: Case) -> None:
            with suppress(RemoteWireError):
                read(case)

        yield play

    return world


def response(chance: Chance, key: int, version: int) -> bytes:
    """What follows the header of an answer."""
    kind: Any = api(key).response
    made: Response = values.table(kind, version)(chance)
    return encode(made, version=version)


def _answers(case: Case) -> None:
    """Requests one behind the other, and their answers in a stream that is cut anyhow."""
    chance = case.chance
    connection = ClientConnection(apis=APIS, limit=_LIMIT)
    whole = b""
    for number in range(1, chance.choice((1, 1, 2, 4)) + 1):
        known = chance.choice(every())
        version = chance.choice(known.versions)
        kind: Any = known.request
        asked: Request = values.table(kind, version)(chance)
        connection.send(asked, version=version)
        header = encode(ResponseHeader(correlation_id=number), version=known.response_header(version))
        body = response(chance, known.key, version)
        if known.key == ApiKey.API_VERSIONS and chance.random() < 0.3:
            body = b"\0\x23" + response(chance, known.key, 0)[2:]
        whole += frame(case.note(sometimes(chance, header + body, other=body)))
    for chunk in pieces(chance, mutate(chance, whole) if chance.random() < 0.2 else whole):
        connection.receive(chunk)
    connection.end()


def _batches(case: Case) -> None:
    content = b"".join(values.batch(case.chance) for _ in range(case.chance.randint(1, 3)))
    for found in batches(case.note(sometimes(case.chance, content, other=content))):
        if isinstance(found, Batch) and found.compression is Compression.NONE:
            records(found)
    # What a check sum would keep out is read as well.
    spoilt = bytearray(content)
    if len(spoilt) > 61:
        at = case.chance.randrange(57, len(spoilt))
        spoilt[at:] = mutate(case.chance, bytes(spoilt[at:]))
        whole = Batch(
            **{**_PLAIN, "content": bytes(spoilt), "count": int.from_bytes(spoilt[57:61], "big", signed=True)}
        )
        records(whole)


_PLAIN: dict[str, Any] = {
    "base_offset": 2**62,
    "leader_epoch": 0,
    "compression": Compression.NONE,
    "append_time": False,
    "transactional": False,
    "control": False,
    "last_offset_delta": 0,
    "base_timestamp": 2**62,
    "max_timestamp": 2**62,
    "producer": NO_PRODUCER,
}


def flight(chance: Chance) -> bytes:
    """What a scripted front answers to a hello, where it answers at all."""
    said = answer(SCRIPTS[chance.choice(hellos._NAMES)], hellos.hello(chance)).content
    return said or b"\x15\x03\x03\x00\x02\x02\x28"


def _flights(case: Case) -> None:
    content = case.note(sometimes(case.chance, flight(case.chance), other=flight(case.chance)))
    if content:
        FirstByte.of(content)
    reading = ServerFlight()
    for chunk in pieces(case.chance, content):
        for event in reading.feed(chunk):
            repr(event)


def _packets(case: Case) -> None:
    chance = case.chance
    kind = packets.REQUESTS[chance.choice(sorted(packets.REQUESTS))]
    if chance.random() < 0.1:
        content = packets.pack_record(values.packet(ConnectResponse, chance))
        packets.parse_connect_response(case.note(sometimes(chance, content)))
        return
    error = chance.choice((0, 0, 0, -101, 77))
    xid = chance.choice((1, 1, -1, -2))
    body = values.packet(WatchEvent if xid == -1 else kind.reply, chance) if error == 0 else None
    content = packets.pack_reply(packets.Reply(xid=xid, zxid=1, error=error, body=body))
    whole = frame(case.note(sometimes(chance, content, other=content)))
    for packet in FrameBuffer(limit=_LIMIT).feed(whole):
        packets.parse_reply(packet, request=kind)


def _logins(case: Case) -> None:
    """A login whose challenges are spoilt; the server of SCRAM is a real one."""
    chance = case.chance
    match chance.randrange(8):
        case 0:
            client: SaslClient = PlainClient("alice", "secret")
            challenge = chance.choice((b"", b"x"))
        case 1 | 2 | 3:
            client = OauthClient("token")
            challenge = chance.choice(
                (b"", b'{"status":"invalid_token","scope":["a"]}', b'{"a":' * 900, b"[" * 100_000)
            )
        case 4 | 5 | 6:
            client = MskIamClient(AWS.keys, host="b-1", region=REGION, now=NOW)
            challenge = success("0e5c7d9a")
        case _:
            _scram(case)
            return
    client.first()
    client.respond(case.note(sometimes(chance, challenge)))


def _scram(case: Case) -> None:
    kind = case.chance.choice(tuple(ScramMechanism))
    client = ScramLogin(
        ScramClient(mechanism=kind, username="u", password="pencil", nonce=_NONCE, max_iterations=_MOST_ITERATIONS)
    )
    server = ScramServer(mechanism=kind, credentials={"u": _SCRAM[kind]})
    challenge = server.challenge(client.first())
    assert isinstance(challenge, bytes)
    spoilt = case.chance.random() < 0.5
    proof = client.respond(case.note(mutate(case.chance, challenge) if spoilt else challenge))
    assert proof is not None
    last = b"v=AAAA" if spoilt else server.conclude(proof)
    client.respond(case.note(sometimes(case.chance, b"e=no" if isinstance(last, ScramRefusal) else last)))


TARGETS = (
    Target(name="answers", side=Side.CLIENT, share=0.6, world=without_state(_answers)),
    Target(name="records", side=Side.CLIENT, share=0.06, world=without_state(_batches)),
    Target(name="flights", side=Side.CLIENT, share=0.12, world=without_state(_flights)),
    Target(name="packets", side=Side.CLIENT, share=0.12, world=without_state(_packets)),
    Target(name="logins", side=Side.CLIENT, share=0.08, world=without_state(_logins)),
)
