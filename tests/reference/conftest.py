"""A cluster with every kind of listener, and a client that speaks to it byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from mskaudit.errors import RemoteWireError
from mskaudit.reference.broker import Limits, Serving, serve
from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.pki import ClientCertificate, client_context, pki
from mskaudit.reference.releases import Mode
from mskaudit.wire.connection import Answer, ClientConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from mskaudit.wire.messages import Request

EVERY_MECHANISM = tuple(Mechanism)
TLS = ("tls", "requested", "required", "sasl_tls")


class Peer:
    """A client: streams, and what it understands of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.wire = ClientConnection()

    async def say(self, content: bytes) -> None:
        """Send bytes."""
        self.writer.write(content)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """All bytes until the broker closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    async def ask(self, request: Request, *, version: int) -> Answer | None:
        """The answer to a request, None if the broker closes instead."""
        await self.say(self.wire.send(request, version=version))
        async with asyncio.timeout(10):
            while chunk := await self.reader.read(1 << 16):
                for answer in self.wire.receive(chunk):
                    return answer
        return None

    async def is_closed(self) -> bool:
        """Whether the broker closes without another byte."""
        return await self.rest() == b""


Calling = Callable[..., AbstractAsyncContextManager[Peer]]
Connecting = Callable[[str], AbstractAsyncContextManager[Peer]]


@asynccontextmanager
async def _call(address: str, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with suppress(OSError, RemoteWireError):
            await writer.wait_closed()


@pytest.fixture
def call() -> Calling:
    """Connect to `host:port`, behind TLS if a context is given."""
    return _call


@pytest.fixture
def cluster() -> Cluster:
    """Three brokers with every kind of listener."""
    return Cluster(
        count=3,
        cluster_id="every-kind",
        release="4.4",
        mode=Mode.KRAFT,
        users={"billing": "secret", "audit": "sésame, öffne dich"},
        topics={"orders": 3, "payments": 1},
        listeners={
            "plaintext": Listener(protocol=Protocol.PLAINTEXT),
            "tls": Listener(protocol=Protocol.SSL),
            "requested": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUESTED),
            "required": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUIRED),
            "sasl_plaintext": Listener(protocol=Protocol.SASL_PLAINTEXT, mechanisms=EVERY_MECHANISM),
            "sasl_tls": Listener(protocol=Protocol.SASL_SSL, mechanisms=(Mechanism.SCRAM_SHA_512,)),
        },
    )


@pytest.fixture
async def addresses(cluster: Cluster) -> AsyncIterator[Serving]:
    """That cluster, running."""
    async with serve(cluster, limits=Limits(login_delay=0.01)) as serving:
        yield serving


@pytest.fixture
def connect(addresses: Serving, call: Calling) -> Connecting:
    """Connect to the first broker of a listener, with a trusted certificate."""
    return lambda name: call(addresses.by_listener[name][0], client_context(pki().client) if name in TLS else None)
