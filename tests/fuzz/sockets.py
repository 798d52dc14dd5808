"""Attacks on a whole world over loopback: brokers in clear and behind TLS, ZooKeeper, side doors and AWS."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit

from mskaudit.reference.broker import Limits
from mskaudit.reference.cluster import Mechanism, Protocol
from mskaudit.reference.pki import client_context, pki
from mskaudit.reference.spoken import Spoken
from mskaudit.reference.worlds import run, turned
from mskaudit.wire.frames import frame
from tests.fuzz import hellos, planes, zookeepers
from tests.fuzz import speech as speaking
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.mutation import mutate, pieces, sometimes
from tests.fuzz.speech import USERS, Speech
from tests.fuzz.virtual import HangError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mskaudit.reference.worlds import RunningWorld
    from tests.fuzz.campaign import Play

_PATIENCE = 1e6
_MECHANISMS = [mechanism.value for mechanism in Mechanism]
_TURNS: dict[str, Any] = {
    "brokers.users": USERS,
    "brokers.listeners": {
        "plaintext": {"protocol": "PLAINTEXT", "bootstrap": "Plaintext"},
        "tls": {"protocol": "SSL", "bootstrap": "Tls"},
        "mtls": {"protocol": "SSL", "client_certificate": "required"},
        "sasl": {"protocol": "SASL_PLAINTEXT", "mechanisms": _MECHANISMS},
        "sasl_tls": {"protocol": "SASL_SSL", "mechanisms": _MECHANISMS, "bootstrap": "SaslScram"},
        "script": {"protocol": "SSL", "tls": {"script": "silent-refusal"}},
        "broken": {"protocol": "SSL", "tls": {"broken": True}},
    },
    "zookeeper.tls": {},
    "zookeeper.client_certificate": "requested",
}


class Kind(StrEnum):
    """What is spoken at an address."""

    KAFKA = "kafka"
    ZOOKEEPER = "zookeeper"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere to connect to."""

    kind: Kind
    address: str
    tls: bool = False
    mechanisms: tuple[Mechanism, ...] = ()


@asynccontextmanager
async def world(number: int) -> AsyncIterator[Play]:
    """A running world with every kind of listener; its servers must still be there after every case."""
    doors = turned("self-managed", {}).doors if number == 0 else {}
    made = turned("legacy-zookeeper", {**_TURNS, "doors": {}})
    made = type(made)(**{name: getattr(made, name) for name in made.__struct_fields__} | {"doors": doors})
    before = asyncio.all_tasks()
    async with run(made, limits=Limits(login_delay=0.3), endpoint=True) as running:
        servers = asyncio.all_tasks() - before
        places = tuple(_places(running))
        assert made.brokers is not None
        speech = Speech(apis={key: spoken.versions for key, spoken in Spoken(made.brokers.profile).items()})
        context = client_context(pki().client)

        async def play(case: Case) -> None:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await _attack(case, case.chance.choice(places), speech, context)
            except TimeoutError:
                raise HangError("a server neither answers nor closes") from None
            for server in servers:
                if server.done():
                    raise HangError(f"{server.get_name()} has ended") from (
                        None if server.cancelled() else server.exception()
                    )

        yield play


def _places(running: RunningWorld) -> list[Place]:
    brokers, zookeeper = running.world.brokers, running.zookeeper
    assert brokers is not None
    assert zookeeper is not None
    found = [
        Place(
            kind=Kind.KAFKA,
            address=address,
            tls=listener.protocol in {Protocol.SSL, Protocol.SASL_SSL},
            mechanisms=listener.mechanisms,
        )
        for name, listener in brokers.listeners.items()
        for address in running.listener_addresses(name)[:1]
    ]
    found += [Place(kind=Kind.ZOOKEEPER, address=address) for address in (zookeeper.clear, zookeeper.tls) if address]
    for url in (running.aws_endpoint, *running.doors.values()):
        assert url is not None
        split = urlsplit(url if "//" in url else f"tcp://{url}")
        found.append(Place(kind=Kind.HTTP, address=split.netloc, tls=split.scheme == "https"))
    return found


async def _attack(case: Case, place: Place, speech: Speech, context: ssl.SSLContext) -> None:
    chance = case.chance
    host, _, port = place.address.partition(":")
    if place.tls and chance.random() < 0.6:
        await _raw(case, await asyncio.open_connection(host, int(port)), hellos.flight(chance))
        return
    try:
        connected = await asyncio.open_connection(host, int(port), ssl=context if place.tls else None)
    except (OSError, ssl.SSLError):
        return  # a listener whose TLS is only a front
    match place.kind:
        case Kind.KAFKA if chance.random() < 0.4 and place.mechanisms:
            await _logged_in(case, connected, speech, place.mechanisms)
        case Kind.KAFKA:
            said = b"".join(frame(_request(case, speech)) for _ in range(chance.randint(1, 4)))
            await _raw(case, connected, said)
        case Kind.ZOOKEEPER:
            await _raw(case, connected, zookeepers.stream(case))
        case Kind.HTTP:
            await _raw(case, connected, planes.raw(chance))
        case _:
            assert_never(place.kind)


def _request(case: Case, speech: Speech) -> bytes:
    """A request, most often spoilt, counted as sent."""
    made = speaking.request(case.chance, speech.apis)
    return case.note(sometimes(case.chance, made, other=speaking.request(case.chance, speech.apis)))


Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _raw(case: Case, connected: Connected, content: bytes) -> None:
    """Say something, listen or not, and go in one of the ways there are to go."""
    reader, writer = connected
    chance = case.chance
    whole = mutate(chance, content) if chance.random() < 0.3 else content
    if not case.sent:
        case.note(whole)
    try:
        with suppress(OSError, ssl.SSLError):
            for piece in pieces(chance, whole):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if chance.random() < 0.1:
                return
            if writer.can_write_eof() and chance.random() < 0.7:
                writer.write_eof()
            while await reader.read(1 << 16):
                pass
    finally:
        await _close(writer, case)


async def _close(writer: asyncio.StreamWriter, case: Case) -> None:
    if case.chance.random() < 0.3:
        writer.transport.abort()
    writer.close()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


async def _logged_in(case: Case, connected: Connected, speech: Speech, mechanisms: tuple[Mechanism, ...]) -> None:
    reader, writer = connected

    async def say(content: bytes) -> bytes | None:
        try:
            writer.write(frame(case.note(content)))
            await writer.drain()
            size = int.from_bytes(await reader.readexactly(4), "big")
            return await reader.readexactly(size)
        except (OSError, EOFError, ssl.SSLError):
            return None

    try:
        if await speaking.log_in(case.chance, say, speech, mechanisms):
            await speaking.converse(case.chance, say, speech)
    finally:
        await _close(writer, case)


TARGET = Target(name="sockets", side=Side.SERVER, share=0.04, world=world, chapter=500)
