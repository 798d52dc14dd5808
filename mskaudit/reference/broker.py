"""A reference Kafka cluster on loopback: every broker with every listener, each on a port of its own.

All of it lives in one task tree that ends with the context. A peer can hold one connection, the bytes of one request
and the broker's patience, and nothing else.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.reference.channel import Channel, ClearChannel, TlsChannel
from mskaudit.reference.conversation import Conversation, Surroundings, topic_id
from mskaudit.reference.pki import server_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mskaudit.reference.cluster import Cluster, Listener

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_PAUSE: Final = 0.01


class Manner(StrEnum):
    """Whether the brokers answer at all."""

    ANSWERING = "answering"
    REFUSING = "refusing"
    SILENT = "silent"


class Limits(Struct, frozen=True, kw_only=True):
    """How much a broker puts up with.

    `login_delay` holds back the answer to a failed login (Kafka: about 0.3 s); `patience` is the wait for a peer that
    neither sends nor takes (Kafka: 600 s); both in seconds. Beyond so many `connections` at one port a peer waits to be
    accepted.
    """

    login_delay: float = 0.01
    patience: float = 60.0
    connections: int = 64


DEFAULT_LIMITS: Final = Limits()


class Addresses(Struct, frozen=True, kw_only=True):
    """Where a running cluster is: by listener, `host:port` of every broker in the order of their ids."""

    by_listener: Mapping[str, tuple[str, ...]]

    @property
    def all(self) -> tuple[str, ...]:
        """Every address, sorted."""
        return tuple(sorted(address for addresses in self.by_listener.values() for address in addresses))


@asynccontextmanager
async def serve(
    cluster: Cluster, *, manner: Manner = Manner.ANSWERING, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[Addresses]:
    """A running cluster; all connections are closed at the end, which does not wait for peers.

    An exception of the brokers themselves is a bug, ends them and is raised at the end.
    """
    for listener in cluster.listeners.values():
        _context(listener)
    with ExitStack() as sockets:
        ports = {
            name: [sockets.enter_context(_bind(manner)) for _ in range(cluster.count)] for name in cluster.listeners
        }
        brokers = _Brokers(cluster, ports, limits)
        sockets.callback(brokers.close)
        serving = asyncio.create_task(brokers.run(manner), name=f"reference cluster {cluster.cluster_id}")
        try:
            yield Addresses(by_listener={name: tuple(map(_address, bound)) for name, bound in ports.items()})
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            if not serving.cancelled():
                serving.result()


def _bind(manner: Manner) -> socket.socket:
    """A socket on a port of its own; one that does not listen refuses, and keeps the port from anybody else."""
    bound = socket.socket()
    bound.setblocking(False)
    bound.bind((HOST, 0))
    if manner is not Manner.REFUSING:
        bound.listen(_BACKLOG)
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()
    return f"{host}:{port}"


class _Brokers:
    """All brokers of a cluster at work."""

    def __init__(self, cluster: Cluster, ports: Mapping[str, list[socket.socket]], limits: Limits) -> None:
        self._cluster = cluster
        self._ports = ports
        self._limits = limits
        self._peers: set[socket.socket] = set()

    def close(self) -> None:
        """Close what is left: a connection whose task was cancelled before it began."""
        for peer in self._peers:
            peer.close()

    async def run(self, manner: Manner) -> None:
        """Serve until cancelled."""
        if manner is Manner.REFUSING:
            return
        async with asyncio.TaskGroup() as tasks:
            for name, bound in self._ports.items():
                around = self._surroundings(name) if manner is Manner.ANSWERING else None
                for listening in bound:
                    tasks.create_task(self._accept(listening, around, tasks), name=f"{name} {_address(listening)}")

    def _surroundings(self, name: str) -> Surroundings:
        return Surroundings(
            cluster_id=self._cluster.cluster_id,
            listener=self._cluster.listeners[name],
            brokers=tuple(bound.getsockname() for bound in self._ports[name]),
            topics=self._cluster.topics,
            topic_names={topic_id(topic): topic for topic in self._cluster.topics},
            users=self._cluster.users,
        )

    async def _accept(self, listening: socket.socket, around: Surroundings | None, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        places = asyncio.Semaphore(self._limits.connections)
        while True:
            await places.acquire()
            try:
                peer, _ = await loop.sock_accept(listening)
            except OSError:  # the peer gave up, or the process is out of descriptors for now
                places.release()
                await asyncio.sleep(_PAUSE)
                continue
            self._peers.add(peer)
            attending = tasks.create_task(self._attend(peer, around), name="a peer")
            attending.add_done_callback(lambda _: places.release())

    async def _attend(self, peer: socket.socket, around: Surroundings | None) -> None:
        try:
            with suppress(OSError):  # peers go away and stall as they like
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clear = ClearChannel(peer, patience=self._limits.patience)
                with suppress(ssl.SSLError):  # and what they say need not be TLS
                    await self._talk(clear, around)
                await clear.linger()
        finally:
            peer.close()
            self._peers.discard(peer)

    async def _talk(self, clear: ClearChannel, around: Surroundings | None) -> None:
        if around is None:
            await _ignore(clear)
            return
        channel = _channel(clear, around.listener)
        await channel.open()
        await self._converse(channel, Conversation(around))
        await channel.close()

    async def _converse(self, channel: Channel, conversation: Conversation) -> None:
        while chunk := await channel.receive():
            for reply in conversation.hear(chunk):
                if reply.late:
                    await asyncio.sleep(self._limits.login_delay)
                if reply.content:
                    await channel.send(reply.content)
                if reply.last:
                    return


def _context(listener: Listener) -> ssl.SSLContext | None:
    return server_context(listener.client_certificate) if listener.protocol.has_tls else None


def _channel(clear: ClearChannel, listener: Listener) -> Channel:
    context = _context(listener)
    return clear if context is None else TlsChannel(clear, context)


async def _ignore(clear: ClearChannel) -> None:
    """Take all and say nothing."""
    while await clear.receive():
        pass
