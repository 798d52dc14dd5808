"""TLS listeners of the reference, alone: they tell a client what the handshake came to, in one line of JSON."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from mskaudit.reference.channel import Channel, ClearChannel, TlsChannel, secured
from mskaudit.reference.tls_settings import ClientCertificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mskaudit.reference.tls_settings import TlsSettings

PATIENCE = 30.0


@asynccontextmanager
async def listening(settings: TlsSettings, wanted: ClientCertificate = ClientCertificate.NONE) -> AsyncIterator[int]:
    """The port of a listener."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        bound.setblocking(False)
        peers: list[socket.socket] = []
        accepting = asyncio.create_task(_accept(bound, peers, partial(secured, wanted=wanted, settings=settings)))
        try:
            yield bound.getsockname()[1]
        finally:
            accepting.cancel()
            with suppress(asyncio.CancelledError):
                await accepting
            for peer in peers:
                peer.close()


async def _accept(bound: socket.socket, peers: list[socket.socket], secure: Callable[[ClearChannel], Channel]) -> None:
    async with asyncio.TaskGroup() as tasks:
        while True:
            peer, _ = await asyncio.get_running_loop().sock_accept(bound)
            peers.append(peer)
            tasks.create_task(_attend(peer, secure))


async def _attend(peer: socket.socket, secure: Callable[[ClearChannel], Channel]) -> None:
    clear = ClearChannel(peer, patience=PATIENCE)
    channel = secure(clear)
    with peer, suppress(OSError):
        peer.setblocking(False)
        with suppress(ssl.SSLError):
            await channel.open()
            assert isinstance(channel, TlsChannel)
            await channel.receive()
            await channel.send(msgspec.json.encode(channel.peer) + b"\n")
            await channel.close()
        await clear.linger()
