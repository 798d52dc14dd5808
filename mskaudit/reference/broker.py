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
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.errors import RemoteWireError, UsageError
from mskaudit.facts.listeners import KINDS
from mskaudit.reference.asking import Asking, Node
from mskaudit.reference.channel import ClearChannel, TlsChannel, secured
from mskaudit.reference.gates import authority_of, identity_of, realm_of
from mskaudit.reference.misbehaviour import spoil
from mskaudit.reference.releases import Mode, profile
from mskaudit.reference.session import Place, Reply, Session
from mskaudit.reference.state import State
from mskaudit.reference.tls_scripts import script_named
from mskaudit.reference.tls_session import tls_context
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, FrameBuffer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mskaudit.reference.channel import Channel
    from mskaudit.reference.cluster import Cluster, Listener

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_PAUSE: Final = 0.01
_OTHER_PORTS: Final = 19092


class Manner(StrEnum):
    """Whether the brokers answer at all."""

    ANSWERING = "answering"
    REFUSING = "refusing"
    SILENT = "silent"


class Ports(StrEnum):
    """Where the listeners are.

    `fixed` gives broker n the address 127.0.0.n and the ports that MSK uses: 9092, 9094, 9096, 9098 and, for public
    ones, 9194, 9196, 9198; listeners that MSK has no port for follow from 19092 on.
    """

    EPHEMERAL = "ephemeral"
    FIXED = "fixed"


class Limits(Struct, frozen=True, kw_only=True):
    """How much a broker puts up with.

    `login_delay` holds back the answer to a failed login, as long as Kafka was seen to; `patience` is the wait for a
    peer that neither sends nor takes (Kafka: 600 s); both in seconds. Beyond so many `connections` at one port a peer
    waits to be accepted.
    """

    login_delay: float = 0.3
    patience: float = 60.0
    connections: int = 64


DEFAULT_LIMITS: Final = Limits()


class Serving(Struct, frozen=True, kw_only=True):
    """A running cluster: by listener, `host:port` of every broker in the order of their ids, and what they hold."""

    by_listener: Mapping[str, tuple[str, ...]]
    nodes: tuple[Node, ...]
    state: State

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address, sorted."""
        return tuple(sorted(address for addresses in self.by_listener.values() for address in addresses))


@asynccontextmanager
async def serve(
    cluster: Cluster,
    *,
    manner: Manner = Manner.ANSWERING,
    limits: Limits = DEFAULT_LIMITS,
    ports: Ports = Ports.EPHEMERAL,
    host: str | None = None,
    arn: str | None = None,
) -> AsyncIterator[Serving]:
    """A running cluster; all connections are closed at the end, which does not wait for peers.

    `host` is an address to listen on instead of loopback; `arn` is that of the cluster for policies of IAM. An
    exception of the brokers themselves is a bug, ends them and is raised at the end.

    Raises:
        UsageError: a port is taken, or the installed OpenSSL cannot serve what a listener wants.
    """
    for listener in cluster.listeners.values():
        _try(listener)
    with ExitStack() as sockets:
        bound = {
            name: [
                sockets.enter_context(_bind(*_place(cluster, name, number, ports=ports, host=host), manner))
                for number in range(cluster.count)
            ]
            for name in cluster.listeners
        }
        nodes = tuple(
            Node(
                number=number + 1,
                rack=None,
                addresses={name: listening[number].getsockname()[:2] for name, listening in bound.items()},
            )
            for number in range(cluster.count)
        )
        state = State(cluster)
        brokers = _Brokers(cluster, state, nodes, limits, arn)
        sockets.callback(brokers.close)
        serving = asyncio.create_task(brokers.run(bound, manner), name=f"reference cluster {cluster.cluster_id}")
        try:
            yield Serving(
                by_listener={name: tuple(map(_address, listening)) for name, listening in bound.items()},
                nodes=nodes,
                state=state,
            )
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            if not serving.cancelled():
                serving.result()


def _try(listener: Listener) -> None:
    """Raise UsageError now if this TLS cannot be served, not when the first client comes."""
    if listener.tls.script is not None:
        script_named(listener.tls.script)
    elif listener.protocol.has_tls and not listener.tls.broken:
        tls_context(listener.client_certificate, listener.tls)


def _place(cluster: Cluster, name: str, number: int, *, ports: Ports, host: str | None) -> tuple[str, int]:
    """The address and port of a listener of the broker at a position."""
    if ports is Ports.EPHEMERAL:
        return host or HOST, 0
    listener = cluster.listeners[name]
    port = KINDS[listener.bootstrap].port if listener.bootstrap is not None else 0
    if not port:
        port = _OTHER_PORTS + list(cluster.listeners).index(name)
    return (host, port + 100 * number) if host is not None else (f"127.0.0.{number + 1}", port)


def _bind(host: str, port: int, manner: Manner) -> socket.socket:
    """A socket on a port of its own; one that does not listen refuses, and keeps the port from anybody else."""
    bound = socket.socket()
    bound.setblocking(False)
    if port:  # a fixed port is asked for again right after a run that left connections behind
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {host}:{port} ({error.strerror}); use ephemeral ports") from None
    if manner is not Manner.REFUSING:
        bound.listen(_BACKLOG)
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()
    return f"{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """One listener of one broker, ready for clients."""

    listener: Listener
    place: Place


class _Brokers:
    """All brokers of a cluster at work."""

    def __init__(
        self, cluster: Cluster, state: State, nodes: tuple[Node, ...], limits: Limits, arn: str | None
    ) -> None:
        self._cluster = cluster
        self._state = state
        self._nodes = nodes
        self._limits = limits
        self._arn = arn
        self._peers: set[socket.socket] = set()

    def close(self) -> None:
        """Close what is left: a connection whose task was cancelled before it began."""
        for peer in self._peers:
            peer.close()

    async def run(self, bound: Mapping[str, list[socket.socket]], manner: Manner) -> None:
        """Serve until cancelled."""
        if manner is Manner.REFUSING:
            return
        async with asyncio.TaskGroup() as tasks:
            for name, listening in bound.items():
                for node, port in zip(self._nodes, listening, strict=True):
                    post = self._post(name, node) if manner is Manner.ANSWERING else None
                    tasks.create_task(self._accept(port, post, tasks), name=f"{name} of broker {node.number}")

    def _post(self, name: str, node: Node) -> _Post:
        listener = self._cluster.listeners[name]
        mode = Mode.CONTROLLER if listener.controller else self._cluster.mode
        spoken = profile(self._cluster.release, mode)
        asking = Asking(
            state=self._state,
            profile=spoken,
            nodes=self._nodes,
            node=node,
            listener_name=name,
            listener=listener,
            authority=authority_of(self._state, listener, spoken.release, self._arn),
        )
        realm = realm_of(self._state, listener, node)
        limit = self._cluster.number("socket.request.max.bytes", BROKER_FRAME_LIMIT)
        return _Post(listener=listener, place=Place(asking=asking, realm=realm, frame_limit=limit))

    async def _accept(self, listening: socket.socket, post: _Post | None, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        most = self._limits.connections if post is None else post.listener.max_connections or self._limits.connections
        places = asyncio.Semaphore(most)
        while True:
            await places.acquire()
            try:
                peer, (host, _) = await loop.sock_accept(listening)
            except OSError:  # the peer gave up, or the process is out of descriptors for now
                places.release()
                await asyncio.sleep(_PAUSE)
                continue
            self._peers.add(peer)
            attending = tasks.create_task(self._attend(peer, host, post), name="a peer")
            attending.add_done_callback(lambda _: places.release())

    async def _attend(self, peer: socket.socket, host: str, post: _Post | None) -> None:
        try:
            with suppress(OSError):  # peers go away and stall as they like
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clear = ClearChannel(peer, patience=self._patience)
                with suppress(ssl.SSLError):  # and what they say need not be TLS
                    await (_ignore(clear) if post is None else self._talk(clear, host, post))
                await clear.linger()
        finally:
            peer.close()
            self._peers.discard(peer)

    @property
    def _patience(self) -> float:
        """Seconds for a peer that does nothing: Kafka's `connections.max.idle.ms` where it is shorter."""
        return min(self._limits.patience, self._cluster.number("connections.max.idle.ms", 600_000) / 1000)

    async def _talk(self, clear: ClearChannel, host: str, post: _Post) -> None:
        channel: Channel = clear
        if post.listener.protocol.has_tls:
            channel = secured(clear, post.listener.client_certificate, post.listener.tls)
        await channel.open()
        who = identity_of(post.listener, channel.peer if isinstance(channel, TlsChannel) else None)
        await self._converse(channel, Session(post.place.seen_from(host), who))
        await channel.close()

    async def _converse(self, channel: Channel, session: Session) -> None:
        frames = FrameBuffer(limit=session.frame_limit)
        while chunk := await channel.receive():
            for content in _pieces(frames, chunk):
                reply = await session.answer(content)
                await self._say(channel, reply)
                if reply.last:
                    return
                frames.limit = session.frame_limit
            if frames.fault:
                if session.logging_in:
                    await asyncio.sleep(self._limits.login_delay)
                return

    async def _say(self, channel: Channel, reply: Reply) -> None:
        if reply.late:
            await asyncio.sleep(self._limits.login_delay)
        if reply.silent:
            await _ignore(channel)
            return
        fault = self._cluster.misbehaviour
        if fault is None or reply.api_key is None or not fault.concerns(reply.api_key) or not reply.content:
            if reply.content:
                await channel.send(reply.content)
            return
        spoilt = spoil(fault.fault, reply.content)
        for piece in spoilt.pieces:
            await asyncio.sleep(spoilt.pause)
            await channel.send(piece)
        if spoilt.silent:
            await _ignore(channel)
        if spoilt.closes:
            raise ConnectionAbortedError("the world wants this connection to end here")


def _pieces(frames: FrameBuffer, chunk: bytes) -> list[bytes]:
    """The frames that a chunk completes; a refused one is left to `fault`, so that those before it are answered."""
    try:
        return frames.feed(chunk)
    except RemoteWireError:
        return []


async def _ignore(channel: Channel) -> None:
    """Take all and say nothing."""
    while await channel.receive():
        pass
