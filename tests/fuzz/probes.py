"""Attacks on the probe of a listener: peers on loopback whose every answer is spoilt."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from mskaudit.errors import CannotLook, RemoteWireError
from mskaudit.gather.live.dial import Dialer, Limits
from mskaudit.gather.live.listener import probe
from mskaudit.gather.target import Address
from mskaudit.reference.pki import server_context
from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.wire.apis import api
from mskaudit.wire.frames import frame
from mskaudit.wire.messages import (
    ApiKey,
    ApiVersion,
    ApiVersionsResponse,
    MetadataBroker,
    MetadataResponse,
    SaslHandshakeResponse,
)
from mskaudit.wire.schema import encode
from tests.fuzz import clients
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.mutation import Chance, mutate, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mskaudit.reference.tls_session import ServerSession
    from mskaudit.wire.messages import Response
    from tests.fuzz.campaign import Play

_LIMITS = Limits(connect=1.0, connection=2.0, received=1 << 20)
_PATIENCE = 60.0
_HANDSHAKE = 0x16


@asynccontextmanager
async def world(_: int) -> AsyncIterator[Play]:
    """A peer that plays the part of the case that is on."""
    on: list[Case] = []
    attending: set[asyncio.Task[None] | None] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attending.add(task := asyncio.current_task())
        try:
            with suppress(OSError, EOFError):
                await _Peer(on[-1], reader, writer).attend()
        finally:
            attending.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(attend, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])

    async def play(case: Case) -> None:
        on[:] = [case]
        async with asyncio.timeout(_PATIENCE):
            with suppress(CannotLook, RemoteWireError):
                await probe(address, Dialer([address], _LIMITS))
        # What the peer still does is part of this case.
        await asyncio.sleep(0)
        await asyncio.gather(*(task for task in attending if task is not None), return_exceptions=True)

    try:
        yield play
    finally:
        server.close()
        await server.wait_closed()


class _Peer:
    """One connection of the case."""

    def __init__(self, case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._case = case
        self._reader = reader
        self._writer = writer

    async def attend(self) -> None:
        """Answer as if this were Kafka, in clear or behind TLS, with something wrong."""
        chance = self._case.chance
        first = await self._reader.read(1 << 16)
        if first[:1] != bytes([_HANDSHAKE]):
            await self._answer(first)
        elif chance.random() < 0.35:
            return
        elif chance.random() < 0.4:
            await self._say(mutate(chance, clients.flight(chance)))
            await asyncio.sleep(chance.choice((0, 0, 5)))
        else:
            await self._shake_hands(first)

    async def _answer(self, heard: bytes) -> None:
        while len(heard) >= 12:
            said = frame(_said(self._case, heard))
            await self._say(mutate(self._case.chance, said) if self._case.chance.random() < 0.1 else said)
            heard = await self._reader.read(1 << 16)

    async def _say(self, content: bytes) -> None:
        if content:
            self._case.note(content)
        for piece in pieces(self._case.chance, content):
            self._writer.write(piece)
            await self._writer.drain()

    async def _shake_hands(self, first: bytes) -> None:
        """Real TLS, whose bytes are sometimes spoilt on their way."""
        wanted = self._case.chance.choice(tuple(ClientCertificate))
        session = server_context(wanted).session()
        session.feed(first)
        await self._drive(session)

    async def _drive(self, session: ServerSession) -> None:
        done = False
        with suppress(OSError):  # errors of TLS are among them
            while True:
                try:
                    done = done or session.handshake() is not None
                    heard = session.read() if done else None
                    if heard == b"":
                        return
                    if heard is not None:
                        session.write(frame(_said(self._case, heard)))
                finally:
                    await self._flush(session)
                chunk = b"" if heard is not None else await self._reader.read(1 << 16)
                if heard is None and not chunk:
                    return
                if chunk:
                    session.feed(chunk)

    async def _flush(self, session: ServerSession) -> None:
        said = session.outgoing()
        await self._say(mutate(self._case.chance, said) if said and self._case.chance.random() < 0.15 else said)


def _said(case: Case, heard: bytes) -> bytes:
    """The content of an answer to a frame, spoilt or not."""
    key, version = int.from_bytes(heard[4:6], "big"), int.from_bytes(heard[6:8], "big")
    header = heard[8:12] + (b"\0" if api(key).response_header(version) else b"")
    if case.chance.random() < 0.3:
        body = clients.response(case.chance, key, version)
    else:
        body = encode(_proper(case.chance, key), version=version)
    whole = header + body
    return mutate(case.chance, whole) if case.chance.random() < 0.4 else whole


def _proper(chance: Chance, key: int) -> Response:
    match key:
        case ApiKey.API_VERSIONS:
            highest = chance.choice((0, 9, 13))
            return ApiVersionsResponse(
                api_keys=(ApiVersion(api_key=ApiKey.METADATA, min_version=0, max_version=highest),)
            )
        case ApiKey.SASL_HANDSHAKE:
            return SaslHandshakeResponse(error_code=chance.choice((33, 34, 34, 0)), mechanisms=("PLAIN",))
        case _:
            return MetadataResponse(brokers=(MetadataBroker(node_id=1, host="b", port=9092),))


TARGET = Target(name="probes", side=Side.CLIENT, share=0.02, world=world, chapter=200)
