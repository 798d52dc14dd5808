"""Sockets that a reference broker has accepted, in clear or behind TLS.

TLS runs over memory buffers instead of asyncio's own TLS, because that drops the alert that tells a client why its
handshake failed, and the alert is what an audit reads.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from mskaudit.wire.tls_registry import ContentType

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK: Final = 1 << 16
"""Bytes taken from a peer at once."""

_LINGERING: Final = 1.0
# What a JVM answers to bytes that begin no TLS record; OpenSSL says nothing.
_INTERNAL_ERROR: Final = bytes.fromhex("15030300020250")

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

    def __init__(self, clear: ClearChannel, context: ssl.SSLContext) -> None:
        self._clear = clear
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def open(self) -> None:
        """Shake hands; when that fails the peer has got the alert."""
        first = await self._clear.receive()
        if first and first[0] != ContentType.HANDSHAKE:
            await self._clear.send(_INTERNAL_ERROR)
            raise ssl.SSLError("the peer does not speak TLS")
        self._take(first)
        await self._drive(self._tls.do_handshake)

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        return await self._drive(lambda: self._tls.read(CHUNK))

    async def send(self, content: bytes) -> None:
        """Hand over all of `content`."""
        await self._drive(lambda: self._tls.write(content))

    async def close(self) -> None:
        """Send close_notify."""
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()

    async def _drive(self, step: Callable[[], T]) -> T:
        """Repeat a step of TLS until it has the bytes it needs."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                self._take(await self._clear.receive())
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return result

    def _take(self, chunk: bytes) -> None:
        if chunk:
            self._incoming.write(chunk)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._clear.send(self._outgoing.read())
