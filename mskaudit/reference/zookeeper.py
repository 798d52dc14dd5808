"""A reference ZooKeeper on loopback, in clear and behind TLS, that lives in one task tree and ends with its context.

A client can hold one connection, the bytes of one packet, a session and bounded shares of nodes and watches.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.reference.channel import check_tls
from mskaudit.reference.listening import accept, address_of, bind, with_farewell, working
from mskaudit.reference.tls_settings import DEFAULT_TLS, TlsSettings
from mskaudit.reference.zookeeper_channel import Door, FrontChannel, enter
from mskaudit.reference.zookeeper_conversation import Conversation
from mskaudit.reference.zookeeper_server import Present, Server

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator

    from mskaudit.reference.channel import Channel
    from mskaudit.reference.listening import Visitor
    from mskaudit.reference.znodes import Tree
    from mskaudit.reference.zookeeper_settings import ZooKeeperSettings

_TURNED_AWAY: Final = 16
# A client that has a session is watched by its session's clock; one that takes no answer is not worth more than this.
_LONGEST_SESSION: Final = 2 * 20 * 60.0


class ZooKeeperAddresses(Struct, frozen=True, kw_only=True):
    """Where a running ZooKeeper is: `host:port` in clear and behind TLS."""

    clear: str | None
    tls: str | None


@asynccontextmanager
async def serve_zookeeper(
    settings: ZooKeeperSettings,
    tree: Tree,
    *,
    clear_port: int | None = 0,
    tls_port: int | None = None,
    tls: TlsSettings = DEFAULT_TLS,
) -> AsyncIterator[ZooKeeperAddresses]:
    """A running ZooKeeper; port 0 is any free one, None is no such port.

    All connections are closed at the end, which does not wait for clients; an exception of the server itself is a bug
    and raised there.

    Raises:
        UsageError: a port is taken, or the installed OpenSSL cannot serve `tls`.
    """
    with ExitStack() as held:
        ports = {door: held.enter_context(bind(port=port)) for door, port in _doors(settings, clear_port, tls_port)}
        clear, secure = ports.get(_clear_door(settings)), ports.get(Door.TLS)
        if ports.keys() - {Door.CLEAR}:
            check_tls(settings.client_certificate, tls)
        server = Server(settings, tree, ports=(_port(clear), _port(secure)))
        held.callback(server.sessions.close)
        async with working(_run(server, tls, ports), "reference ZooKeeper"):
            yield ZooKeeperAddresses(clear=_address(clear), tls=_address(secure))


async def _run(server: Server, tls: TlsSettings, ports: dict[Door, socket.socket]) -> None:
    """Serve until cancelled."""
    clients = _Clients(server, tls)
    async with asyncio.TaskGroup() as tasks:
        for door, bound in ports.items():
            # Those beyond the limit are not kept waiting but closed, so there are more places than that.
            places = asyncio.Semaphore(server.settings.connections + _TURNED_AWAY)
            tasks.create_task(accept(bound, partial(clients.attend, door), places=places), name=f"ZooKeeper, {door}")


def _clear_door(settings: ZooKeeperSettings) -> Door:
    return Door.EITHER if settings.port_unification else Door.CLEAR


def _doors(settings: ZooKeeperSettings, clear: int | None, tls: int | None) -> Iterator[tuple[Door, int]]:
    if clear is not None:
        yield _clear_door(settings), clear
    if tls is not None:
        yield Door.TLS, tls


def _port(bound: socket.socket | None) -> int | None:
    return None if bound is None else int(bound.getsockname()[1])


def _address(bound: socket.socket | None) -> str | None:
    return None if bound is None else address_of(bound)


class _Clients:
    """All clients of a server."""

    def __init__(self, server: Server, tls: TlsSettings) -> None:
        self._server = server
        self._tls = tls
        self._present = 0

    async def attend(self, door: Door, visitor: Visitor) -> None:
        """Serve a client, unless there are too many."""
        settings = self._server.settings
        if self._present >= settings.connections:
            return
        self._present += 1
        try:
            front = FrontChannel(visitor.peer, patience=settings.patience)
            await with_farewell(front, self._serve(front, door, visitor))
        finally:
            self._present -= 1

    async def _serve(self, front: FrontChannel, door: Door, visitor: Visitor) -> None:
        channel, subject = await enter(front, door, self._server.settings.client_certificate, self._tls)
        await _Client(self._server, front, channel).converse(f"{visitor.host}:{visitor.port}", subject)


class _Client:
    """One client that has been let in: what it asks is answered, and what it watches is told in between."""

    def __init__(self, server: Server, front: FrontChannel, channel: Channel) -> None:
        self._server = server
        self._front = front
        self._channel = channel
        self._turn = asyncio.Lock()
        self._waiting = asyncio.Event()

    async def converse(self, address: str, subject: str | None) -> None:
        """Listen and answer until one of both has enough."""
        host = address.rpartition(":")[0]
        conversation = Conversation(self._server, address=host, certificate=subject)
        listening = asyncio.create_task(self._listen(conversation), name="a client asks")
        telling = asyncio.create_task(self._tell(conversation), name="a client is told")
        self._server.present[conversation] = Present(address, wake=self._waiting.set, end=listening.cancel)
        try:
            await asyncio.wait((listening, telling), return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._server.present[conversation]
            conversation.leave()
            for task in (listening, telling):
                task.cancel()
            results = await asyncio.gather(listening, telling, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        await self._channel.close()

    async def _listen(self, conversation: Conversation) -> None:
        while not conversation.over and (chunk := await self._channel.receive()):
            for said in conversation.hear(chunk):
                await self._say(conversation, said)
            if conversation.has_session:
                self._front.wait_longer(_LONGEST_SESSION)

    async def _tell(self, conversation: Conversation) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            await self._say(conversation, b"")

    async def _say(self, conversation: Conversation, said: bytes) -> None:
        """Send what was noticed so far, and then `said`: a client hears of a change before what came after it."""
        async with self._turn:
            content = conversation.events() + said
            if content:
                await self._channel.send(content)
