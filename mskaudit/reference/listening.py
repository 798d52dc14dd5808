"""A port on loopback where every peer is talked to for a bounded time, in clear or behind TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.errors import UsageError
from mskaudit.reference.channel import Channel, ClearChannel, TlsChannel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mskaudit.reference.tls_session import TlsContext

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_PAUSE: Final = 0.01


class Bounds(Struct, frozen=True, kw_only=True):
    """How much is put up with.

    `patience` is the wait for a peer that neither sends nor takes, in seconds; beyond so many `connections` a peer
    waits to be accepted.
    """

    patience: float = 30.0
    connections: int = 64


DEFAULT_BOUNDS: Final = Bounds()


@asynccontextmanager
async def listen(
    talk: Callable[[Channel], Awaitable[None]],
    *,
    port: int = 0,
    tls_context: TlsContext | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> AsyncIterator[int]:
    """The port where `talk` has every peer, one call for each; all connections end with the context.

    What `talk` raises as OSError ends that connection only; any other exception is a bug, ends the port and is raised
    at the end.

    Raises:
        UsageError: the port is not to be had.
    """
    with _bind(port) as listening:
        server = _Server(talk, tls_context, bounds)
        serving = asyncio.create_task(server.run(listening), name="a side port")
        try:
            yield listening.getsockname()[1]
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            server.close()
            if not serving.cancelled():
                serving.result()


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setblocking(False)
    # A fixed port is asked for again right after a run that left connections behind.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {HOST}:{port} ({error.strerror}); choose another port, or 0") from None
    bound.listen(_BACKLOG)
    return bound


class _Server:
    """One port at work."""

    def __init__(
        self, talk: Callable[[Channel], Awaitable[None]], tls_context: TlsContext | None, bounds: Bounds
    ) -> None:
        self._talk = talk
        self._tls_context = tls_context
        self._bounds = bounds
        self._peers: set[socket.socket] = set()

    def close(self) -> None:
        """Close what is left: a connection whose task was cancelled before it began."""
        for peer in self._peers:
            peer.close()

    async def run(self, listening: socket.socket) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        places = asyncio.Semaphore(self._bounds.connections)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await places.acquire()
                try:
                    peer, _ = await loop.sock_accept(listening)
                except OSError:  # the peer gave up, or the process is out of descriptors for now
                    places.release()
                    await asyncio.sleep(_PAUSE)
                    continue
                self._peers.add(peer)
                attending = tasks.create_task(self._attend(peer), name="a peer")
                attending.add_done_callback(lambda _: places.release())

    async def _attend(self, peer: socket.socket) -> None:
        try:
            with suppress(OSError):  # peers go away and stall as they like
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clear = ClearChannel(peer, patience=self._bounds.patience)
                with suppress(ssl.SSLError):  # and what they say need not be TLS
                    await self._converse(clear)
                await clear.linger()
        finally:
            peer.close()
            self._peers.discard(peer)

    async def _converse(self, clear: ClearChannel) -> None:
        channel: Channel = clear if self._tls_context is None else TlsChannel(clear, self._tls_context)
        await channel.open()
        await self._talk(channel)
        await channel.close()
