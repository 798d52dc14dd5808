"""How a reference ZooKeeper takes a connection: in clear, behind TLS, or whichever a client begins with."""

from __future__ import annotations

import asyncio
import ssl
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from mskaudit.reference.channel import Channel, ClearChannel, TlsChannel, secured
from mskaudit.wire.tls_registry import ContentType

if TYPE_CHECKING:
    import socket

    from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings

_RECORD_HEADER: Final = 5
_HELLO: Final = bytes([ContentType.HANDSHAKE])


class Door(StrEnum):
    """What a port takes."""

    CLEAR = "clear"
    TLS = "tls"
    EITHER = "either"


class FrontChannel(ClearChannel):
    """A socket whose first bytes can be looked at, and to which two tasks may send."""

    def __init__(self, peer: socket.socket, *, patience: float) -> None:
        super().__init__(peer, patience=patience)
        self._ahead = b""
        self._sending = asyncio.Lock()

    async def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; they are received again."""
        while len(self._ahead) < size and (chunk := await super().receive()):
            self._ahead += chunk
        return self._ahead

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end."""
        if self._ahead:
            chunk, self._ahead = self._ahead, b""
            return chunk
        return await super().receive()

    async def send(self, content: bytes) -> None:
        """Hand over all of `content`, whole."""
        async with self._sending:
            await super().send(content)

    def wait_longer(self, patience: float) -> None:
        """Wait for so many seconds from now on."""
        self._patience = patience


async def enter(
    front: FrontChannel, door: Door, wanted: ClientCertificate, tls: TlsSettings
) -> tuple[Channel, str | None]:
    """Let a client in; return its channel and the name in its certificate.

    Clear bytes at a TLS port are met with silence until they could begin a record, and then with nothing at all.
    """
    match door:
        case Door.CLEAR:
            return front, None
        case Door.EITHER:
            if (await front.peek(1))[:1] != _HELLO:
                return front, None
        case Door.TLS:
            if (await front.peek(_RECORD_HEADER))[:1] != _HELLO:
                raise ssl.SSLError("the client does not speak TLS")
        case _:
            assert_never(door)
    channel = secured(front, wanted, tls)
    await channel.open()
    return channel, channel.peer.subject if isinstance(channel, TlsChannel) else None
