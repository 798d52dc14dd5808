"""Sockets that a reference broker has accepted, in clear or behind TLS.

TLS runs over memory buffers instead of asyncio's own TLS, because that drops the alert that tells a client why its
handshake failed, and the alert is what an audit reads.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from mskaudit.errors import RemoteWireError
from mskaudit.reference.tls_script import Script, answer
from mskaudit.reference.tls_scripts import script_named
from mskaudit.reference.tls_session import TlsContext, TlsPeer, tls_context
from mskaudit.reference.tls_settings import DEFAULT_TLS, ClientCertificate, TlsSettings
from mskaudit.wire.tls_registry import ContentType
from mskaudit.wire.tls_server import ClientHello, ClientHelloBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK: Final = 1 << 16
"""Bytes taken from a peer at once."""

_LINGERING: Final = 1.0
# What a JVM answers to bytes that begin no TLS record; OpenSSL says nothing.
_INTERNAL_ERROR: Final = bytes.fromhex("15030300020250")
_HANDSHAKE_FAILURE: Final = bytes.fromhex("15030300020228")
_ILLEGAL_PARAMETER: Final = bytes.fromhex("1503030002022f")

T = TypeVar("T")


class Channel(Protocol):
    """Bytes to and from a peer; everything raises OSError when the peer is gone, too slow or breaks TLS."""

    async def open(self) -> None:
        """Do what comes before the first byte."""

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""

    async def send(self, content: bytes) -> None:
        """Hand over all of `content`."""

    async def close(self) -> None:
        """Say goodbye, as far as the protocol has a word for it."""


class ClearChannel:
    """A socket as it is; `patience` is in seconds and for each call.

    A socket that is ready is read and written at once, so each call lets others have a turn first: a flood must not
    stop them.
    """

    def __init__(self, peer: socket.socket, *, patience: float) -> None:
        self._peer = peer
        self._patience = patience

    async def open(self) -> None:
        """Nothing comes before the first byte."""

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        await asyncio.sleep(0)
        async with asyncio.timeout(self._patience):
            return await asyncio.get_running_loop().sock_recv(self._peer, CHUNK)

    async def send(self, content: bytes) -> None:
        """Hand over all of `content`."""
        await asyncio.sleep(0)
        async with asyncio.timeout(self._patience):
            await asyncio.get_running_loop().sock_sendall(self._peer, content)

    async def close(self) -> None:
        """Nothing is said at the end."""

    async def linger(self) -> None:
        """Say that nothing more comes and wait a moment for the peer to go.

        Closing at once resets the connection when more bytes come in, and the peer may never read why it was refused.
        """
        self._peer.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(_LINGERING):
            while await self.receive():
                pass


class TlsChannel:
    """A socket behind TLS, as its server."""

    def __init__(self, clear: ClearChannel, context: TlsContext) -> None:
        self._clear = clear
        self._tls = context.session()
        self._peer: TlsPeer | None = None

    @property
    def peer(self) -> TlsPeer:
        """Who is there, and in which TLS; only after `open`."""
        assert self._peer is not None
        return self._peer

    async def open(self) -> None:
        """Shake hands; when that fails the peer has got the alert."""
        first = await self._clear.receive()
        if first and first[0] != ContentType.HANDSHAKE:
            await self._clear.send(_INTERNAL_ERROR)
            raise ssl.SSLError("the peer does not speak TLS")
        self._take(first)
        self._peer = await self._drive(self._tls.handshake)

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        return await self._drive(self._tls.read)

    async def send(self, content: bytes) -> None:
        """Hand over all of `content`."""
        while content:
            sent = await self._drive(partial(self._tls.write, content))
            content = content[sent:]

    async def close(self) -> None:
        """Send close_notify."""
        with suppress(ssl.SSLError):
            self._tls.shutdown()
        await self._flush()

    async def _drive(self, step: Callable[[], T | None]) -> T:
        """Repeat a step of TLS until it has the bytes it needs."""
        while True:
            try:
                result = step()
            finally:
                await self._flush()
            if result is not None:
                return result
            self._take(await self._clear.receive())

    def _take(self, chunk: bytes) -> None:
        if not chunk:
            raise ssl.SSLEOFError("the peer ended the connection without a word")
        self._tls.feed(chunk)

    async def _flush(self) -> None:
        if content := self._tls.outgoing():
            await self._clear.send(content)


class BrokenChannel:
    """A listener that starts and then closes whatever comes, as a JVM does whose suites are all disabled."""

    def __init__(self, clear: ClearChannel) -> None:
        self._clear = clear

    async def open(self) -> None:
        """Wait for the first bytes and fail without an alert."""
        await self._clear.receive()
        raise ssl.SSLError("this listener's TLS is broken")

    async def receive(self) -> bytes:
        """Nothing ever comes."""
        return b""

    async def send(self, content: bytes) -> None:
        """Nothing is ever sent."""

    async def close(self) -> None:
        """Nothing is said at the end."""


class ScriptedChannel:
    """A listener that answers hellos as its script says; opening always fails, with everything said."""

    def __init__(self, clear: ClearChannel, script: Script) -> None:
        self._clear = clear
        self._script = script

    async def open(self) -> None:
        """Answer a hello, and another after a HelloRetryRequest."""
        if await self._answer_hello() and await self._answer_hello():
            await self._clear.send(_ILLEGAL_PARAMETER)
        raise ssl.SSLError("this listener's TLS goes no further")

    async def _answer_hello(self) -> bool:
        """Whether the answer asks for another hello."""
        hello = await self._hello()
        found = answer(self._script, hello)
        if not found.content:
            return False
        await self._clear.send(found.content)
        # A client that goes on is told that this is the end; one that has seen enough goes by itself.
        if not found.again and not _is_alert(found.content) and await self._clear.receive():
            await self._clear.send(_HANDSHAKE_FAILURE)
        return found.again

    async def _hello(self) -> ClientHello:
        buffer = ClientHelloBuffer()
        while chunk := await self._clear.receive():
            try:
                hello = buffer.feed(chunk)
            except RemoteWireError as fault:
                await self._clear.send(_INTERNAL_ERROR)
                raise ssl.SSLError(str(fault)) from fault
            if hello is not None:
                return hello
        raise ssl.SSLEOFError("the peer ended the connection without a hello")

    async def receive(self) -> bytes:
        """Nothing ever comes."""
        return b""

    async def send(self, content: bytes) -> None:
        """Nothing is ever sent."""

    async def close(self) -> None:
        """Nothing is said at the end."""


def _is_alert(content: bytes) -> bool:
    return content[0] == ContentType.ALERT


def check_tls(wanted: ClientCertificate, settings: TlsSettings) -> None:
    """Raise UsageError now if TLS like this cannot be served, not when the first client comes."""
    if settings.script is not None:
        script_named(settings.script)
    elif not settings.broken:
        tls_context(wanted, settings)


def secured(
    clear: ClearChannel, wanted: ClientCertificate, settings: TlsSettings = DEFAULT_TLS, *, host: str = ""
) -> Channel:
    """The channel of a peer at a TLS listener; UsageError if the installed OpenSSL cannot serve the settings."""
    if settings.broken:
        return BrokenChannel(clear)
    if settings.script is not None:
        return ScriptedChannel(clear, script_named(settings.script))
    return TlsChannel(clear, tls_context(wanted, settings, host))
