"""Ports of a reference world, where every peer is attended to for a bounded time, whatever it does."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.errors import UsageError
from mskaudit.reference.channel import Channel, ClearChannel, TlsChannel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from mskaudit.reference.tls_session import TlsContext

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_PAUSE: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A peer that was accepted, and the address it came from."""

    peer: socket.socket
    host: str
    port: int


class Bounds(Struct, frozen=True, kw_only=True):
    """How much is put up with.

    `patience` is the wait for a peer that neither sends nor takes, in seconds; beyond so many `connections` a peer
    waits to be accepted.
    """

    patience: float = 30.0
    connections: int = 64


DEFAULT_BOUNDS: Final = Bounds()


def bind(host: str = HOST, port: int = 0, *, listens: bool = True) -> socket.socket:
    """A socket on a port, 0 for any that is free; one that does not listen refuses, and keeps the port from others.

    Raises:
        UsageError: the address is not to be had.
    """
    bound = socket.socket()
    bound.setblocking(False)
    if port:  # a fixed port is asked for again right after a run that left connections behind
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        if listens:
            bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"cannot listen on {host}:{port} ({error.strerror}); free it, or let any free port be taken"
        ) from None
    return bound


def address_of(bound: socket.socket) -> str:
    """`host:port` of a socket."""
    host, port = bound.getsockname()
    return f"{host}:{port}"


async def accept(
    bound: socket.socket, attend: Callable[[Visitor], Awaitable[None]], *, places: asyncio.Semaphore
) -> None:
    """Attend to every peer until cancelled; beyond the places that there are, peers wait to be accepted.

    What `attend` raises as OSError (a TLS error is one) ends that connection only; any other exception is a bug and
    ends the port.
    """
    loop = asyncio.get_running_loop()
    peers: set[socket.socket] = set()

    async def one(visitor: Visitor) -> None:
        try:
            with suppress(OSError):  # peers go away and stall as they like
                visitor.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await attend(visitor)
        finally:
            visitor.peer.close()
            peers.discard(visitor.peer)

    try:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await places.acquire()
                try:
                    peer, (host, port) = await loop.sock_accept(bound)
                except OSError:  # the peer gave up, or the process is out of descriptors for now
                    places.release()
                    await asyncio.sleep(_PAUSE)
                    continue
                peers.add(peer)
                attending = tasks.create_task(one(Visitor(peer=peer, host=host, port=port)), name="a peer")
                attending.add_done_callback(lambda _: places.release())
    finally:
        for peer in peers:  # a connection whose task was cancelled before it began
            peer.close()


@asynccontextmanager
async def working(work: Coroutine[None, None, None], name: str) -> AsyncIterator[None]:
    """Something that goes on until the block ends; its own fault ends the block, and is raised there."""
    task = asyncio.create_task(work, name=name)
    block, inside = asyncio.current_task(), True
    assert block is not None  # this is a coroutine

    def end_block(ended: asyncio.Task[None]) -> None:
        if inside and _has_failed(ended):
            block.cancel()

    task.add_done_callback(end_block)
    try:
        yield
    except asyncio.CancelledError:
        if task.done() and _has_failed(task):
            block.uncancel()
        raise
    finally:
        inside = False
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


def _has_failed(ended: asyncio.Task[None]) -> bool:
    return not ended.cancelled() and ended.exception() is not None


async def with_farewell(clear: ClearChannel, talk: Awaitable[None]) -> None:
    """Talk, in whatever way it ends but for a peer that is gone, and then let the peer read what was said."""
    with suppress(ssl.SSLError):  # what peers say need not be TLS
        await talk
    await clear.linger()


@asynccontextmanager
async def listen(
    talk: Callable[[Channel], Awaitable[None]],
    *,
    port: int = 0,
    tls_context: TlsContext | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> AsyncIterator[int]:
    """The port on loopback where `talk` has every peer, one call for each; all connections end with the context.

    Raises:
        UsageError: the port is not to be had.
    """

    async def attend(visitor: Visitor) -> None:
        clear = ClearChannel(visitor.peer, patience=bounds.patience)
        await with_farewell(clear, _through(clear, tls_context, talk))

    with bind(port=port) as bound:
        places = asyncio.Semaphore(bounds.connections)
        async with working(accept(bound, attend, places=places), "a side port"):
            yield bound.getsockname()[1]


async def _through(
    clear: ClearChannel, tls_context: TlsContext | None, talk: Callable[[Channel], Awaitable[None]]
) -> None:
    channel: Channel = clear if tls_context is None else TlsChannel(clear, tls_context)
    await channel.open()
    await talk(channel)
    await channel.close()
