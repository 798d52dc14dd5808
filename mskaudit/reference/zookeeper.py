"""A reference ZooKeeper on loopback, in clear and behind TLS, that lives in one task tree and ends with its context.

A client can hold one connection, the bytes of one packet, a session and bounded shares of nodes and watches.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.errors import UsageError
from mskaudit.reference.tls_session import tls_context
from mskaudit.reference.tls_settings import DEFAULT_TLS, TlsSettings
from mskaudit.reference.zookeeper_channel import Door, FrontChannel, enter
from mskaudit.reference.zookeeper_conversation import Conversation
from mskaudit.reference.zookeeper_server import Present, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mskaudit.reference.channel import Channel
    from mskaudit.reference.znodes import Tree
    from mskaudit.reference.zookeeper_settings import ZooKeeperSettings

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_PAUSE: Final = 0.01
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
        ports = {door: held.enter_context(_bind(port)) for door, port in _doors(settings, clear_port, tls_port)}
        clear, secure = ports.get(_clear_door(settings)), ports.get(Door.TLS)
        if ports.keys() - {Door.CLEAR}:
            _try(settings, tls)
        server = Server(settings, tree, ports=(_port(clear), _port(secure)))
        held.callback(server.sessions.close)
        clients = _Clients(server, tls)
        held.callback(clients.close)
        serving = asyncio.create_task(clients.run(ports), name="reference ZooKeeper")
        try:
            yield ZooKeeperAddresses(clear=_address(clear), tls=_address(secure))
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            if not serving.cancelled():
                serving.result()


def _clear_door(settings: ZooKeeperSettings) -> Door:
    return Door.EITHER if settings.port_unification else Door.CLEAR


def _doors(settings: ZooKeeperSettings, clear: int | None, tls: int | None) -> Iterator[tuple[Door, int]]:
    if clear is not None:
        yield _clear_door(settings), clear
    if tls is not None:
        yield Door.TLS, tls


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen(_BACKLOG)
    except OSError as cause:
        bound.close()
        raise UsageError(f"ZooKeeper cannot listen on {HOST}:{port}: {cause.strerror}; choose another port") from cause
    return bound


def _try(settings: ZooKeeperSettings, tls: TlsSettings) -> None:
    """Raise UsageError now if this TLS cannot be served, not when the first client comes."""
    if not tls.broken and tls.script is None:
        tls_context(settings.client_certificate, tls)


def _port(bound: socket.socket | None) -> int | None:
    return None if bound is None else int(bound.getsockname()[1])


def _address(bound: socket.socket | None) -> str | None:
    return None if bound is None else f"{HOST}:{_port(bound)}"


class _Clients:
    """All clients of a server."""

    def __init__(self, server: Server, tls: TlsSettings) -> None:
        self._server = server
        self._tls = tls
        self._peers: set[socket.socket] = set()

    def close(self) -> None:
        """Close what is left: a connection whose task was cancelled before it began."""
        for peer in self._peers:
            peer.close()

    async def run(self, ports: dict[Door, socket.socket]) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for door, listening in ports.items():
                tasks.create_task(self._accept(listening, door, tasks), name=f"ZooKeeper {_address(listening)}")

    async def _accept(self, listening: socket.socket, door: Door, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, (host, port) = await loop.sock_accept(listening)
            except OSError:  # the client gave up, or the process is out of descriptors for now
                await asyncio.sleep(_PAUSE)
                continue
            if len(self._peers) >= self._server.settings.connections:
                peer.close()
                continue
            self._peers.add(peer)
            tasks.create_task(self._attend(peer, door, f"{host}:{port}"), name="a client")

    async def _attend(self, peer: socket.socket, door: Door, address: str) -> None:
        try:
            with suppress(OSError):  # clients go away and stall as they like
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                front = FrontChannel(peer, patience=self._server.settings.patience)
                with suppress(ssl.SSLError):  # and what they say need not be TLS
                    channel, subject = await enter(front, door, self._server.settings.client_certificate, self._tls)
                    await _Client(self._server, front, channel).converse(address, subject)
                await front.linger()
        finally:
            peer.close()
            self._peers.discard(peer)


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
