"""What one listener does for a client that has no credentials at all.

At most three connections, each a few bytes long, and no request that could change anything: a TLS handshake, and over
it or in clear ApiVersions, SaslHandshake with a mechanism nobody has, and Metadata for no topic.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from mskaudit.errors import CannotLook, RemoteWireError
from mskaudit.gather.live.tls import TlsSession
from mskaudit.gather.source import Source
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import Kind, gathered, listener_key
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import (
    ApiKey,
    ApiVersionsRequest,
    ApiVersionsResponse,
    ErrorCode,
    MetadataRequest,
    MetadataResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mskaudit.gather.live.dial import Dialer, Stream
    from mskaudit.gather.target import Address
    from mskaudit.wire.messages import Request, Response

    Seen = dict[str, Any]
    Start = Callable[[Stream], Awaitable["Channel | None"]]

PATHS: Final = gathered(Kind.LISTENER, Column.OBSERVED)
NO_MECHANISM: Final = "MSKAUDIT-PROBE"
# Metadata before version 1 cannot ask for no topics, and after 9 gains nothing a probe needs.
_METADATA: Final = range(1, 10)
_FORBIDS_CREATION: Final = 4
# Every answer is short: some sixty APIs, a handful of mechanisms, some hundred brokers and no topic.
_FRAME_LIMIT: Final = 1 << 18
# RFC 4422, section 3.1, allows upper case and 20 characters; Kafka takes any text for mechanisms of its users' making.
_MECHANISM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_MECHANISMS: Final = 64

R = TypeVar("R", bound="Response")


class Channel(Protocol):
    """Something that carries bytes both ways; nothing received means the end."""

    async def send(self, data: bytes) -> None:
        """Write."""

    async def receive(self) -> bytes:
        """Read."""


def listener(cluster: str, address: Address, dialer: Dialer) -> Source:
    """The source of everything observed of one listener."""

    async def look() -> Mapping[str, Any]:
        return await probe(address, dialer)

    return Source(
        subject=listener_key(cluster, str(address)),
        origin=f"tcp://{address}",
        column=Column.OBSERVED,
        promises=PATHS,
        look=look,
        deadline=6 * dialer.limits.connection,
    )


async def probe(address: Address, dialer: Dialer) -> Seen:
    """Every observed path of a listener, through TLS if it speaks TLS and in clear otherwise."""
    seen = await _through_tls(address, dialer)
    return seen if seen is not None else await _in_clear(address, dialer)


async def _through_tls(address: Address, dialer: Dialer) -> Seen | None:
    """What is seen through TLS, or None if the answer to a hello is not TLS."""
    async with dialer.open(address) as stream:
        session = TlsSession(stream)
        finished = await session.handshake()
        if not session.spoken:
            return None
        asked = session.certificate_requested
        seen = await _anonymous_session(Conversation(session, address)) if finished else None
    if seen is None:
        return _refused(address, session, finished=finished, asked=asked)
    await _skip_login(seen, address, dialer, _encrypt)
    return {
        "observed.transport": "tls",
        "observed.client_certificate": "requested" if asked else "off",
        **seen,
    }


def _refused(address: Address, session: TlsSession, *, finished: bool, asked: bool) -> Seen:
    """A session that ended before an answer: for want of a certificate, or for a reason that leaves all else open."""
    if asked and session.lacks_certificate:
        hidden = f"{address} shows its SASL mechanisms only to clients with a certificate"
        return {
            "observed.transport": "tls",
            "observed.client_certificate": "required",
            "observed.serves_anonymous": False,
            "observed.sasl_mechanisms": CannotLook(Reason.UNRESOLVED, hidden),
        }
    how = f"with the alert {session.alert}" if session.alert else "without an alert"
    if asked:
        why = f"{address} asked for a client certificate, and the session ended {how}; it may require one"
    elif finished:
        why = f"{address} closed the TLS session {how} and without answering ApiVersions; it may not be Kafka"
    else:
        why = f"the TLS handshake with {address} ended {how} and not as it should"
    return {**dict.fromkeys(PATHS, CannotLook(Reason.UNRESOLVED, why)), "observed.transport": "tls"}


async def _in_clear(address: Address, dialer: Dialer) -> Seen:
    async with dialer.open(address) as stream:
        seen = await _anonymous_session(Conversation(stream, address))
    if seen is None:
        raise CannotLook(
            Reason.UNRESOLVED,
            f"{address} closes TLS hellos and clear-text requests alike; a TLS listener whose versions or suites its "
            "own runtime refuses does that, and so does a port that is not Kafka",
        )
    await _skip_login(seen, address, dialer, _leave_clear)
    return {"observed.transport": "clear", "observed.client_certificate": "off", **seen}


async def _anonymous_session(conversation: Conversation) -> Seen | None:
    """SASL mechanisms and, where there are none, whether Metadata is served; None if ApiVersions is not answered.

    Whoever answers ApiVersions is Kafka: what it breaks afterwards leaves gaps, but not in that.
    """
    versions = await conversation.ask(ApiVersionsRequest(), ApiVersionsResponse, version=0)
    if versions is None:
        return None
    conversation.learn(versions)
    try:
        return await _login_offer(conversation)
    except RemoteWireError as error:
        return dict.fromkeys(
            ("observed.sasl_mechanisms", "observed.serves_anonymous"), _broken(conversation.address, error)
        )


async def _login_offer(conversation: Conversation) -> Seen:
    handshake = await conversation.ask(SaslHandshakeRequest(mechanism=NO_MECHANISM), SaslHandshakeResponse, version=1)
    if handshake is None:
        raise RemoteWireError("it closed on SaslHandshake, which every listener answers")
    match handshake.error_code:
        case ErrorCode.UNSUPPORTED_SASL_MECHANISM:
            return {"observed.sasl_mechanisms": _mechanisms(handshake), "observed.serves_anonymous": False}
        case ErrorCode.ILLEGAL_SASL_STATE:
            served = await _serves(conversation) or _unserved(conversation.address)
            return {"observed.sasl_mechanisms": [], "observed.serves_anonymous": served}
        case code:
            raise RemoteWireError(f"it answered SaslHandshake with error {code}")


def _mechanisms(handshake: SaslHandshakeResponse) -> list[str]:
    """The mechanisms on offer: at least one, or there would be nothing to log in with."""
    offered = sorted(set(handshake.mechanisms))
    if not 0 < len(offered) <= _MOST_MECHANISMS or not all(map(_MECHANISM.fullmatch, offered)):
        raise RemoteWireError("it offered SASL mechanisms that cannot be any")
    return offered


async def _skip_login(seen: Seen, address: Address, dialer: Dialer, start: Start) -> None:
    """Add whether Metadata is served without the login; that it is not says something only where a login is offered."""
    offered = seen["observed.sasl_mechanisms"]
    if offered == []:
        return
    served = await _skips_sasl(address, dialer, start)
    if served or not isinstance(offered, CannotLook):
        seen["observed.serves_anonymous"] = served


async def _skips_sasl(address: Address, dialer: Dialer, start: Start) -> bool | CannotLook:
    """Whether a listener serves Metadata to somebody who has not logged in, asked on a connection of its own.

    When that connection fails, what the first one showed still stands.
    """
    try:
        async with dialer.open(address) as stream:
            channel = await start(stream)
            return _again(address) if channel is None else await _asks_metadata(Conversation(channel, address))
    except CannotLook as error:
        return error
    except RemoteWireError as error:
        return _broken(address, error)


async def _leave_clear(stream: Stream) -> Stream:
    return stream


async def _encrypt(stream: Stream) -> TlsSession | None:
    session = TlsSession(stream)
    return session if await session.handshake() else None


async def _asks_metadata(conversation: Conversation) -> bool | CannotLook:
    versions = await conversation.ask(ApiVersionsRequest(), ApiVersionsResponse, version=0)
    if versions is None:
        return _again(conversation.address)
    conversation.learn(versions)
    return await _serves(conversation)


def _again(address: Address) -> CannotLook:
    return CannotLook(Reason.UNRESOLVED, f"{address} answered one connection and closed the next; probe it again")


def _unserved(address: Address) -> CannotLook:
    return CannotLook(Reason.UNRESOLVED, f"{address} has no SASL and yet closed on Metadata without an answer")


def _broken(address: Address, error: RemoteWireError) -> CannotLook:
    return CannotLook(Reason.MALFORMED, f"{address} broke the protocol: {error}")


async def _serves(conversation: Conversation) -> bool | CannotLook:
    version = conversation.metadata_version
    if version is None:
        return CannotLook(
            Reason.UNSUPPORTED, f"{conversation.address} speaks no version of Metadata that mskaudit knows"
        )
    request = MetadataRequest(topics=(), allow_auto_topic_creation=version < _FORBIDS_CREATION)
    return await conversation.ask(request, MetadataResponse, version=version) is not None


class Conversation:
    """Requests and answers over a channel, one at a time."""

    def __init__(self, channel: Channel, address: Address) -> None:
        self._channel = channel
        self._connection = ClientConnection(limit=_FRAME_LIMIT)
        self.address = address
        self.metadata_version: int | None = None

    async def ask(self, request: Request, expected: type[R], *, version: int) -> R | None:
        """The answer, or None if the peer closes instead.

        Raises:
            RemoteWireError: the answer is not one.
        """
        if self._connection.fault:
            raise self._connection.fault
        await self._channel.send(self._connection.send(request, version=version))
        while True:
            piece = await self._channel.receive()
            if not piece:
                self._connection.end()
                return None
            for answer in self._connection.receive(piece):
                if not isinstance(answer.message, expected):
                    raise RemoteWireError(f"{self.address} answered with {type(answer.message).__name__}")
                return answer.message

    def learn(self, versions: ApiVersionsResponse) -> None:
        """Choose the newest version of Metadata that both sides speak, if there is one."""
        for api in versions.api_keys:
            if api.api_key == ApiKey.METADATA:
                common = [version for version in _METADATA if api.min_version <= version <= api.max_version]
                self.metadata_version = common[-1] if common else None
