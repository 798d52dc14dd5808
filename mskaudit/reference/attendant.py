"""Who attends to the peers of one listener of one broker: frames in, replies out, and how much is put up with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.errors import RemoteWireError
from mskaudit.reference.asking import Asking, Node
from mskaudit.reference.channel import ClearChannel, TlsChannel, secured
from mskaudit.reference.gates import authority_of, identity_of, realm_of
from mskaudit.reference.listening import with_farewell
from mskaudit.reference.misbehaviour import spoil
from mskaudit.reference.releases import Mode, profile
from mskaudit.reference.session import Place, Reply, Session
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, FrameBuffer

if TYPE_CHECKING:
    from mskaudit.reference.channel import Channel
    from mskaudit.reference.cluster import Cluster
    from mskaudit.reference.listening import Visitor
    from mskaudit.reference.misbehaviour import Fault
    from mskaudit.reference.state import State


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


def place_at(state: State, name: str, nodes: tuple[Node, ...], node: Node, arn: str | None) -> Place:
    """A listener of a broker, as those who come there see it."""
    cluster = state.cluster
    listener = cluster.listeners[name]
    spoken = profile(cluster.release, Mode.CONTROLLER if listener.controller else cluster.mode)
    asking = Asking(
        state=state,
        profile=spoken,
        nodes=nodes,
        node=node,
        listener_name=name,
        listener=listener,
        authority=authority_of(state, listener, spoken.release, arn),
    )
    limit = cluster.number("socket.request.max.bytes", BROKER_FRAME_LIMIT)
    return Place(asking=asking, realm=realm_of(state, listener, node), frame_limit=limit)


class Attendant:
    """Attends to peers, one call for each; without a place it takes all and says nothing."""

    def __init__(self, cluster: Cluster, limits: Limits, place: Place | None) -> None:
        self._cluster = cluster
        self._limits = limits
        self._place = place

    @property
    def places(self) -> int:
        """How many peers are attended to at once."""
        own = None if self._place is None else self._place.asking.listener.max_connections
        return own or self._limits.connections

    @property
    def _patience(self) -> float:
        """Seconds for a peer that does nothing: Kafka's `connections.max.idle.ms` where it is shorter."""
        return min(self._limits.patience, self._cluster.number("connections.max.idle.ms", 600_000) / 1000)

    async def __call__(self, visitor: Visitor) -> None:
        """Attend to a peer until one of both has enough."""
        clear = ClearChannel(visitor.peer, patience=self._patience)
        talk = _ignore(clear) if self._place is None else self._talk(clear, self._place.seen_from(visitor.host))
        await with_farewell(clear, talk)

    async def _talk(self, clear: ClearChannel, place: Place) -> None:
        listener = place.asking.listener
        channel: Channel = clear
        wrong = self._cluster.misbehaviour
        if wrong is not None and wrong.at_once:
            await _misbehave(clear, wrong.fault, b"")
            return
        if listener.protocol.has_tls:
            host = listener.advertised or place.asking.node.addresses[place.asking.listener_name][0]
            channel = secured(clear, listener.client_certificate, listener.tls, host=host)
        await channel.open()
        who = identity_of(listener, channel.peer if isinstance(channel, TlsChannel) else None)
        await self._converse(channel, Session(place, who))
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
        wrong = self._cluster.misbehaviour
        if wrong is None or reply.api_key is None or not wrong.concerns(reply.api_key):
            if reply.content:
                await channel.send(reply.content)
            return
        if reply.content:
            await _misbehave(channel, wrong.fault, reply.content)


async def _misbehave(channel: Channel, fault: Fault, content: bytes) -> None:
    spoilt = spoil(fault, content)
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
