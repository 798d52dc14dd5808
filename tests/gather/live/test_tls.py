"""TLS 1.3 as published traces have it, and names as servers take them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import RemoteWireError
from mskaudit.gather.live.dial import Dialer, Limits, Stream
from mskaudit.gather.live.tls import TlsSession, _expand, encrypted_kinds
from mskaudit.gather.target import Address
from mskaudit.wire.tls_registry import HandshakeType
from tests.gather.live.peers import GUARD, serving, silent, tls_context

if TYPE_CHECKING:
    import ssl

AES_128 = "TLS_AES_128_GCM_SHA256"

# RFC 8448, section 3, "Simple 1-RTT Handshake".
SERVER_HANDSHAKE = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
CLIENT_HANDSHAKE = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"
CLIENT_FINISHED = bytes.fromhex(
    "1703030035 75ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f8"
    "0338ac98fc46deb384bd1caeacab6867d726c40546"
)


@pytest.mark.parametrize(
    ("secret", "key", "vector"),
    [
        (SERVER_HANDSHAKE, "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"),
        (CLIENT_HANDSHAKE, "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f"),
        (
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
            "9f02283b6c9c07efc26bb9f2ac92e356",
            "cf782b88dd83549aadf1e984",
        ),
    ],
    ids=["server handshake", "client handshake", "server application"],
)
def test_keys_are_those_of_the_published_trace(secret: str, key: str, vector: str) -> None:
    expanded = [_expand(bytes.fromhex(secret), b"key", 16, hashes.SHA256())]
    expanded.append(_expand(bytes.fromhex(secret), b"iv", 12, hashes.SHA256()))
    assert [value.hex() for value in expanded] == [key, vector]


def test_a_record_of_the_published_trace_is_read() -> None:
    kinds = encrypted_kinds(CLIENT_FINISHED, suite=AES_128, secret=bytes.fromhex(CLIENT_HANDSHAKE))
    assert list(kinds) == [HandshakeType.FINISHED]


@pytest.mark.parametrize(
    ("seen", "suite", "secret"),
    [
        (CLIENT_FINISHED, AES_128, SERVER_HANDSHAKE),
        (CLIENT_FINISHED, "TLS_AES_256_GCM_SHA384", CLIENT_HANDSHAKE),
        (CLIENT_FINISHED, "TLS_CHACHA20_POLY1305_SHA256", CLIENT_HANDSHAKE),
        (CLIENT_FINISHED, "TLS_AES_128_CCM_SHA256", CLIENT_HANDSHAKE),
        (CLIENT_FINISHED, None, CLIENT_HANDSHAKE),
        (CLIENT_FINISHED, AES_128, ""),
        (CLIENT_FINISHED[:-1], AES_128, CLIENT_HANDSHAKE),
        (CLIENT_FINISHED[:-1] + b"\0", AES_128, CLIENT_HANDSHAKE),
        (b"\x17\3\3\0\0", AES_128, CLIENT_HANDSHAKE),
        (b"\x17\3\3\0\x05short", AES_128, CLIENT_HANDSHAKE),
        (b"", AES_128, CLIENT_HANDSHAKE),
    ],
)
def test_what_cannot_be_decrypted_tells_nothing(seen: bytes, suite: str | None, secret: str) -> None:
    assert list(encrypted_kinds(seen, suite=suite, secret=bytes.fromhex(secret))) == []


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=64))
def test_no_bytes_make_decryption_raise_anything_but_a_fault_of_the_peer(seen: bytes, secret: bytes) -> None:
    with suppress(RemoteWireError):
        assert list(encrypted_kinds(b"\x17\3\3\0\x20" + seen, suite=AES_128, secret=secret)) == []


@pytest.mark.parametrize(
    ("host", "named"),
    [("127.0.0.1", None), ("localhost", "localhost"), ("localhost.", "localhost"), ("LOCALHOST", "LOCALHOST")],
)
async def test_a_server_is_named_without_the_final_dot_and_never_by_its_address(host: str, named: str | None) -> None:
    names: list[str | None] = []

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        names.append(name)

    context = tls_context()
    context.sni_callback = note
    async with serving(silent, tls=context) as there, asyncio.timeout(GUARD):
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        session = TlsSession(Stream(Address(host, there.port), reader, writer, budget=1 << 20))
        assert await session.handshake()
        writer.transport.abort()
    assert [name and name.lower() for name in names] == [named and named.lower()]


async def test_what_comes_after_the_handshake_is_not_kept() -> None:
    async def floods(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in [bytes(60_000)] * 10:
            writer.write(piece)
            await writer.drain()
        writer.close()

    limits = Limits(connect=GUARD, connection=GUARD)
    async with serving(floods, tls=tls_context()) as address, Dialer([address], limits).open(address) as stream:
        session = TlsSession(stream)
        assert await session.handshake()
        received = 0
        while piece := await session.receive():
            received += len(piece)
        assert received == 600_000
        assert len(session._seen) <= 1 << 18
        assert session.certificate_requested is False
        await session.send(b"to nobody")
        assert await session.receive() == b""
