from __future__ import annotations

import asyncio
import http.client
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.reference.http import HttpLimits, Reply, Request, Silence, serve_http
from mskaudit.reference.pki import ClientCertificate, client_context, pki, server_context

if TYPE_CHECKING:
    import ssl
    from contextlib import AbstractAsyncContextManager

LIMITS = HttpLimits(head_bytes=2048, body_bytes=4096, request_seconds=5.0)
PATIENT = 20


def echo(request: Request) -> Reply | Silence:
    """What was understood, as the body."""
    if request.path == "/silent":
        return Silence()
    told = f"{request.method} {request.path} {request.query} ".encode()
    return Reply(headers={"content-type": "text/plain"}, body=told + request.body)


async def say(url: str, *parts: bytes, end: bool = True, context: ssl.SSLContext | None = None) -> bytes:
    """Everything the server answers to these bytes until it closes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=context)
    try:
        async with asyncio.timeout(PATIENT):
            for part in parts:
                writer.write(part)
                await writer.drain()
            if end and context is None:
                writer.write_eof()
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def get(target: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def serving(limits: HttpLimits = LIMITS) -> AbstractAsyncContextManager[str]:
    return serve_http(echo, limits=limits)


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        pytest.param(get("/a/b?c=d%20e"), b"200", b"GET /a/b c=d%20e ", id="get"),
        pytest.param(get("/", "Content-Length: 3", method="POST", body=b"abc"), b"200", b"POST /  abc", id="post"),
        pytest.param(
            get("/", "Transfer-Encoding: chunked", method="PUT", body=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
            b"200",
            b"PUT /  abc",
            id="chunked",
        ),
        pytest.param(get("http://elsewhere/a?b=c"), b"200", b"GET /a b=c ", id="as to a proxy"),
        pytest.param(get("/a", method="HEAD"), b"200", b"", id="head"),
        pytest.param(get("/a", "Content-Length: 1", method="HEAD"), b"400", b"", id="head, cut off"),
        pytest.param(get("/a") + get("/a", "Content-Length: 1")[:9], b"200", None, id="cut off after a good one"),
        pytest.param(get("/a", method="BREW"), b"501", b"The request was not understood.\n", id="method"),
        pytest.param(get("x:1", method="CONNECT"), b"501", b"The request was not understood.\n", id="connect"),
        pytest.param(b"GET /a HTTP/1.1\r\n\r\n", b"400", b"The request was not understood.\n", id="no host"),
        pytest.param(b"\x16\x03\x01\x00\x05hello", b"400", b"The request was not understood.\n", id="a TLS hello"),
        pytest.param(b"GET / HTTP/1.1\r\nHost", b"400", b"The request was not understood.\n", id="cut off"),
        pytest.param(
            get("/", "Content-Length: 3", "Content-Length: 4", method="POST", body=b"abcd"),
            b"400",
            b"The request was not understood.\n",
            id="two lengths",
        ),
        pytest.param(
            get("/", *(f"X-{n}: {'v' * 90}" for n in range(99))),
            b"431",
            b"The request was not understood.\n",
            id="a large head",
        ),
        pytest.param(
            get("/", "Content-Length: 9999", method="POST", body=b"x" * 9999),
            b"413",
            b"The request was not understood.\n",
            id="a large body",
        ),
        pytest.param(b"GET /a HTTP/1.0\r\n\r\n", b"200", b"GET /a  ", id="the older version"),
    ],
)
async def test_request_is_answered(asked: bytes, status: bytes, body: bytes | None) -> None:
    async with serving() as url:
        answer = await say(url, asked)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert body is None or rest == body


async def test_head_tells_the_length_that_get_would_have() -> None:
    async with serving() as url:
        assert b"content-length: 11\r\n" in (await say(url, get("/abc", method="HEAD"))).lower()


async def test_connection_is_kept_and_requests_may_queue() -> None:
    async with serving() as url:
        answer = await say(url, get("/1") + get("/2"), get("/3"))
    assert [f"GET /{n}  ".encode() in answer for n in (1, 2, 3)] == [True] * 3
    assert answer.count(b"200") == 3


async def test_one_who_waits_to_be_asked_for_the_body_is_asked() -> None:
    async with serving() as url:
        asked = get("/", "Expect: 100-continue", "Content-Length: 1", "Connection: close", method="POST")
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(asked)
        async with asyncio.timeout(PATIENT):
            assert await reader.readline() == b"HTTP/1.1 100 \r\n"
            writer.write(b"z")
            assert (await reader.read()).endswith(b"POST /  z")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", get("/", "Content-Length: 9", method="POST", body=b"1")])
async def test_one_who_stalls_is_left(sent: bytes) -> None:
    async with serving(HttpLimits(request_seconds=0.05)) as url:
        assert await say(url, sent, end=False) == b""


async def test_one_who_drips_is_left() -> None:
    async with serving(HttpLimits(request_seconds=0.2)) as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        ending = asyncio.create_task(reader.read())
        async with asyncio.timeout(PATIENT):
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
            while not ending.done():
                writer.write(b"x")
                await asyncio.wait([ending], timeout=0.02)
        writer.transport.abort()
        with pytest.raises(ConnectionError) if ending.exception() else _nothing():
            assert ending.result() == b""


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


async def test_silence_is_a_closed_connection() -> None:
    async with serving() as url:
        assert await say(url, get("/silent"), end=False) == b""


async def test_a_standard_client_over_tls_is_answered() -> None:
    context = server_context(ClientCertificate.NONE)
    async with serve_http(echo, tls_context=context) as url:
        address = urlsplit(url)
        assert address.scheme == "https"

        def ask() -> bytes:
            calling = http.client.HTTPSConnection("127.0.0.1", address.port, context=client_context(pki().client))
            try:
                calling.request("GET", "/over?tls")
                return calling.getresponse().read()
            finally:
                calling.close()

        assert await asyncio.to_thread(ask) == b"GET /over tls "


async def test_clear_text_at_a_tls_port_gets_no_answer_in_clear() -> None:
    async with serve_http(echo, tls_context=server_context(ClientCertificate.NONE)) as url:
        assert b"HTTP" not in await say(url, get("/"))


async def test_connections_beyond_the_limit_wait() -> None:
    async with serving(HttpLimits(connections=1, request_seconds=PATIENT)) as url:
        address = urlsplit(url)
        _, first = await asyncio.open_connection(address.hostname, address.port)
        second = asyncio.create_task(say(url, get("/")))
        done, _ = await asyncio.wait([second], timeout=0.1)
        assert not done
        first.transport.abort()
        assert b"200" in await second


async def test_a_port_in_use_is_told() -> None:
    async with serving() as url:
        with pytest.raises(UsageError, match="free it, or let any"):
            async with serve_http(echo, port=int(url.rpartition(":")[2])):
                raise AssertionError("it listens twice")


async def test_a_bug_of_the_answerer_is_raised_at_the_end() -> None:
    def broken(_: Request) -> Reply:
        raise LookupError("a bug")

    with pytest.raises(ExceptionGroup):
        async with serve_http(broken) as url:
            assert await say(url, get("/")) == b""


hostile = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda method, target, name, value, body: (
            b"%s %s HTTP/1.1\r\nHost: x\r\n%s: %s\r\n\r\n%s" % (method, target, name, value, body)
        ),
        st.sampled_from([b"GET", b"POST", b"HEAD", b"CONNECT", b"\xff"]),
        st.binary(max_size=40),
        st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"Connection", b"Expect", b"Upgrade"]),
        st.sampled_from([b"0", b"-1", b"99999999999999999999", b"chunked", b"close", b"100-continue", b"h2c", b"\x00"]),
        st.binary(max_size=99),
    ),
)


@settings(max_examples=300)
@given(st.lists(hostile, min_size=1, max_size=3))
def test_hostile_bytes_end_the_connection_and_nothing_else(parts: list[bytes]) -> None:
    async def attack() -> bytes:
        async with serving() as url:
            await say(url, *parts)
            return await say(url, get("/still/here"))

    assert asyncio.run(attack()).endswith(b"GET /still/here  ")
