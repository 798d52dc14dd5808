"""Peers for probes on loopback: servers that say whatever a test wants, in clear or behind TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from OpenSSL import SSL

from mskaudit.gather.collect import Gatherer, Part, dossier
from mskaudit.gather.target import Address
from mskaudit.reference.pki import pki
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, frame
from mskaudit.wire.messages import (
    ApiKey,
    ApiVersion,
    ApiVersionsResponse,
    MetadataBroker,
    MetadataResponse,
    Response,
    SaslHandshakeResponse,
)
from mskaudit.wire.schema import encode

if TYPE_CHECKING:
    from mskaudit.gather.live.dial import Limits
    from mskaudit.model.dossier import Dossier, Sighting

AT: Final = "2026-11-23T08:00:00Z"
HOST: Final = "127.0.0.1"
GUARD: Final = 30.0
"""Seconds after which a test is stuck; far beyond every limit that a probe has in these tests."""

Attend = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Script = Mapping[int, Callable[[bytes], bytes | None]]
"""By API key: from the correlation id's four bytes to the bytes of the answer; None closes."""


def clock() -> str:
    """A day on which nothing happens."""
    return AT


class Unwatched:
    """Follows the progress and remembers it."""

    def __init__(self) -> None:
        self.expected = 0
        self.asked: list[str] = []

    def expect(self, steps: int) -> None:
        """More looks."""
        self.expected += steps

    def done(self, what: str) -> None:
        """One fewer."""
        self.asked.append(what)


@asynccontextmanager
async def serving(
    attend: Attend, *, host: str = HOST, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Address]:
    """A server for the time of the block; its connections end with a reset unless `attend` ends them before."""
    attending: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError, ssl.SSLError):
                await attend(reader, writer)
        finally:
            writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not left to asyncio, whose own task logs its cancellation as an error.
        task = asyncio.create_task(one(reader, writer))
        attending.add(task)
        task.add_done_callback(attending.discard)

    server = await asyncio.start_server(begin, host, port, ssl=tls)
    try:
        yield Address(host, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        left = tuple(attending)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)


async def look(*addresses: Address, limits: Limits) -> Part:
    """What the whole gatherer makes of addresses; a run that does not end fails."""
    gatherer = Gatherer(clock=clock, limits=limits, watch=Unwatched())
    async with asyncio.timeout(GUARD):
        return await gatherer.brokers("kafka://test", addresses)


async def sighted(address: Address, limits: Limits) -> tuple[Sighting, Dossier]:
    """The one sighting of an address, and the dossier it came in."""
    part = await look(address, limits=limits)
    _, listener = part.subjects
    (sighting,) = listener.sightings
    return sighting, dossier([part], at=AT)


# Clear peers


async def linger(writer: asyncio.StreamWriter) -> None:
    """Close as a well-behaved peer does: everything sent arrives first."""
    await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def asked(attend: Attend) -> Attend:
    """A peer that waits for the first bytes, whatever they are."""

    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        await attend(reader, writer)

    return first


def in_clear(attend: Attend) -> Attend:
    """A peer that closes a TLS hello without a word, as Kafka in clear does, and attends to what else comes first."""

    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.read(1 << 16))[:1] != b"\x16":
            await attend(reader, writer)

    return first


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take all and say nothing."""
    while await reader.read(1 << 16):
        pass


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close with RST."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(content: bytes, *, then: Attend | None = None) -> Attend:
    """Say `content`, and close unless told otherwise."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        await (then or _farewell)(reader, writer)

    return attend


async def _farewell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await linger(writer)


def floods(content: bytes) -> Attend:
    """Say `content` for ever, as fast as it is taken."""

    async def attend(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(content)
            await writer.drain()
            await asyncio.sleep(0)

    return attend


def drips(content: bytes) -> Attend:
    """Say `content` for ever, one byte every 50 ms."""

    async def attend(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in cycle(content):
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.05)

    return attend


# Kafka peers


def kafka(script: Script) -> Attend:
    """A peer that answers requests by a script, and closes on TLS hellos and where the script has nothing."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (size := int.from_bytes(await reader.readexactly(4), "big")) <= BROKER_FRAME_LIMIT:
            request = await reader.readexactly(size)
            answer = script.get(int.from_bytes(request[:2], "big"), _nothing)(request[4:8])
            if answer is None:
                break
            writer.write(answer)
            await writer.drain()
        await linger(writer)

    return attend


def _nothing(_: bytes) -> None:
    return None


def reply(body: bytes) -> Callable[[bytes], bytes]:
    """An answer with a body of any kind behind the right correlation id."""
    return lambda correlation: frame(correlation + body)


def answers(response: Response, *, version: int, flexible: bool = False) -> Callable[[bytes], bytes]:
    """An answer with a proper body."""
    return reply(b"\0" * flexible + encode(response, version=version))


SPEAKS: Final = answers(
    ApiVersionsResponse(
        api_keys=(
            ApiVersion(api_key=ApiKey.METADATA, min_version=0, max_version=13),
            ApiVersion(api_key=ApiKey.SASL_HANDSHAKE, min_version=0, max_version=1),
            ApiVersion(api_key=ApiKey.API_VERSIONS, min_version=0, max_version=4),
        )
    ),
    version=0,
)
SERVES: Final = answers(
    MetadataResponse(brokers=(MetadataBroker(node_id=1, host="b", port=9092),), cluster_id="x"),
    version=9,
    flexible=True,
)


def offers(*mechanisms: str, error: int = 33) -> Callable[[bytes], bytes]:
    """An answer to SaslHandshake."""
    return answers(SaslHandshakeResponse(error_code=error, mechanisms=mechanisms), version=1)


NO_SASL: Final = offers(error=34)
OPEN: Final[Script] = {ApiKey.API_VERSIONS: SPEAKS, ApiKey.SASL_HANDSHAKE: NO_SASL, ApiKey.METADATA: SERVES}
GUARDED: Final[Script] = {ApiKey.API_VERSIONS: SPEAKS, ApiKey.SASL_HANDSHAKE: offers("PLAIN")}


# TLS peers


def tls_context(*, version: ssl.TLSVersion | None = None, wanted: ssl.VerifyMode = ssl.CERT_NONE) -> ssl.SSLContext:
    """A server's context of the standard library with the reference world's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = version or ssl.TLSVersion.TLSv1_2
    context.maximum_version = version or ssl.TLSVersion.TLSv1_3
    context.verify_mode = wanted
    if wanted is not ssl.CERT_NONE:
        context.load_verify_locations(cadata=pki().authority)
    with _credential() as (certificate, _):
        context.load_cert_chain(certificate)
    return context


def openssl_context(*, version: int, suite: bytes | None = None, verify: int = SSL.VERIFY_NONE) -> SSL.Context:
    """A server's context of pyOpenSSL, for what the standard library cannot set; `suite` is for TLS 1.3."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if suite is not None:
        context.set_tls13_ciphersuites(suite)
    context.set_verify(verify, lambda *_: True)
    with _credential() as (certificate, key):
        context.use_certificate_chain_file(certificate)
        context.use_privatekey_file(key)
    return context


class _credential:  # noqa: N801  used like a function
    """The broker's certificate and key as a file, twice the same, for the time of a block."""

    def __enter__(self) -> tuple[str, str]:
        self._folder = TemporaryDirectory()
        path = Path(self._folder.name) / "broker.pem"
        path.write_text(pki().broker.key + pki().broker.certificate)
        return str(path), str(path)

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


class TlsEnd:
    """The server's end of TLS over streams, one record at a time."""

    def __init__(self, context: SSL.Context, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.openssl = SSL.Connection(context, None)
        self.openssl.set_accept_state()

    async def handshake(self) -> None:
        """Shake hands; EOFError if the client does not."""
        await self._drive(self.openssl.do_handshake)

    async def receive(self) -> bytes:
        """The next bytes."""
        received = b""

        def step() -> None:
            nonlocal received
            received = self.openssl.recv(1 << 16)

        await self._drive(step)
        return received

    async def send(self, content: bytes) -> None:
        """Encrypt and write."""
        self.openssl.sendall(content)
        await self.flush()

    async def flush(self) -> None:
        """Write what is due."""
        with suppress(SSL.WantReadError):
            while True:
                self._writer.write(self.openssl.bio_read(1 << 16))
        await self._writer.drain()

    async def _drive(self, step: Callable[[], None]) -> None:
        while True:
            try:
                step()
            except SSL.WantReadError:
                await self.flush()
                piece = await self._reader.read(1 << 16)
                if not piece:
                    raise EOFError from None
                self.openssl.bio_write(piece)
            except SSL.Error:
                await self.flush()
                raise EOFError from None
            else:
                await self.flush()
                return


Talk = Callable[[TlsEnd], Awaitable[None]]


def behind_tls(context: SSL.Context, talk: Talk) -> Attend:
    """A peer that shakes hands with pyOpenSSL and then talks."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = TlsEnd(context, reader, writer)
        await end.handshake()
        await talk(end)
        await linger(writer)

    return attend


def speaks(script: Script) -> Talk:
    """Kafka by a script, behind TLS."""

    async def talk(end: TlsEnd) -> None:
        while request := await end.receive():
            answer = script.get(int.from_bytes(request[4:6], "big"), _nothing)(request[8:12])
            if answer is None:
                return
            await end.send(answer)

    return talk
