"""What one listener does for a client that has no credentials at all.

At most three connections, each a few bytes long, and no request that could change anything: a TLS handshake, and over
it or in clear ApiVersions, SaslHandshake with a mechanism nobody has, and Metadata for no topic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from mskaudit.errors import CannotLook, RemoteWireError
from mskaudit.gather.live.tls import TlsSession
from mskaudit.gather.source import Source
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import Kind, SubjectKey, gathered, listener_key
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
from mskaudit.wire.tls import FirstByte

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.gather.live.dial import Dialer
    from mskaudit.gather.target import Address
    from mskaudit.wire.messages import Request, Response

    Seen = dict[str, Any]

PATHS: Final = gathered(Kind.LISTENER, Column.OBSERVED)
NO_MECHANISM: Final = "MSKAUDIT-PROBE"
# Metadata before version 1 cannot ask for no topics, and after 9 gains nothing a probe needs.
_METADATA: Final = range(1, 10)
_FORBIDS_CREATION: Final = 4

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
        subject=SubjectKey(*listener_key(cluster, str(address))),
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
        if not session.seen or FirstByte.of(bytes(session.seen[:1])) is FirstByte.OTHER:
            return None
        asked = session.certificate_requested
        if not finished:
            return _refused(address, session, asked=asked)
        seen = await _anonymous_session(Conversation(session, address))
    if seen is None:
        return _without_certificate(address, asked=asked)
    if seen["observed.sasl_mechanisms"]:
        seen["observed.serves_anonymous"] = await _skips_sasl_through_tls(address, dialer)
    return {
        "observed.transport": "tls",
        "observed.client_certificate": "requested" if asked else "off",
        **seen,
    }


def _refused(address: Address, session: TlsSession, *, asked: bool) -> Seen:
    """A handshake that did not end: for want of a certificate, or for a reason that leaves all else open."""
    if asked:
        return _without_certificate(address, asked=True)
    how = f"the alert {session.alert}" if session.alert else "closing the connection"
    return _tls_only(f"{address} refused the TLS handshake by {how}")


def _without_certificate(address: Address, *, asked: bool) -> Seen:
    if not asked:
        return _tls_only(f"{address} closed the TLS session without answering ApiVersions; it may not be Kafka")
    hidden = CannotLook(Reason.UNRESOLVED, f"{address} shows its SASL mechanisms only to clients with a certificate")
    return {
        "observed.transport": "tls",
        "observed.client_certificate": "required",
        "observed.serves_anonymous": False,
        "observed.sasl_mechanisms": hidden,
    }


def _tls_only(why: str) -> Seen:
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
    if seen["observed.sasl_mechanisms"]:
        async with dialer.open(address) as stream:
            seen["observed.serves_anonymous"] = await _skips_sasl(Conversation(stream, address))
    return {"observed.transport": "clear", "observed.client_certificate": "off", **seen}


async def _anonymous_session(conversation: Conversation) -> Seen | None:
    """SASL mechanisms and, where there are none, whether Metadata is served; None if ApiVersions is not answered."""
    versions = await conversation.ask(ApiVersionsRequest(), ApiVersionsResponse, version=0)
    if versions is None:
        return None
    conversation.learn(versions)
    handshake = await conversation.ask(SaslHandshakeRequest(mechanism=NO_MECHANISM), SaslHandshakeResponse, version=1)
    if handshake is None:
        raise RemoteWireError("the broker closed on SaslHandshake, which every listener answers")
    match handshake.error_code:
        case ErrorCode.UNSUPPORTED_SASL_MECHANISM:
            return {"observed.sasl_mechanisms": sorted(handshake.mechanisms), "observed.serves_anonymous": False}
        case ErrorCode.ILLEGAL_SASL_STATE:
            return {"observed.sasl_mechanisms": [], "observed.serves_anonymous": await _serves(conversation)}
        case code:
            raise RemoteWireError(f"the broker answered SaslHandshake with error {code}")


async def _skips_sasl_through_tls(address: Address, dialer: Dialer) -> bool | CannotLook:
    async with dialer.open(address) as stream:
        session = TlsSession(stream)
        return await session.handshake() and await _skips_sasl(Conversation(session, address))


async def _skips_sasl(conversation: Conversation) -> bool | CannotLook:
    """Whether a SASL listener serves Metadata to somebody who has not logged in."""
    versions = await conversation.ask(ApiVersionsRequest(), ApiVersionsResponse, version=0)
    if versions is None:
        return False
    conversation.learn(versions)
    return await _serves(conversation)


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
        self._connection = ClientConnection()
        self.address = address
        self.metadata_version: int | None = None

    async def ask(self, request: Request, expected: type[R], *, version: int) -> R | None:
        """The answer, or None if the peer closes instead.

        Raises:
            RemoteWireError: the answer is not one.
        """
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
