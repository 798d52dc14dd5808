"""Connections are opened to allowed addresses only, within their limits, and never left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mskaudit.errors import CannotLook, LocalWireError, RemoteWireError
from mskaudit.gather.live.dial import PIECE, Dialer, Limits
from mskaudit.gather.target import Address
from mskaudit.model.evidence import Reason
from tests.gather.live.peers import GUARD, HOST, asked, drips, floods, resets, says, serving, silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mskaudit.gather.live.dial import Stream

LONG = Limits(connect=GUARD, connection=GUARD)
SHORT = Limits(connect=0.2, connection=0.2)


@pytest.fixture
def nobody() -> Iterator[Address]:
    """An address where nobody listens, and where nobody else can begin to."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        yield Address(HOST, bound.getsockname()[1])


@pytest.fixture
def crowded() -> Iterator[Address]:
    """An address whose queue is full: the kernel does not answer another connection."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((HOST, 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield Address(HOST, listening.getsockname()[1])


@asynccontextmanager
async def connected(address: Address, limits: Limits = LONG) -> AsyncIterator[Stream]:
    async with asyncio.timeout(GUARD), Dialer([address], limits).open(address) as stream:
        yield stream


async def drain(address: Address, pieces: list[bytes], limits: Limits = LONG) -> None:
    """Take all pieces that a peer sends until it closes."""
    async with connected(address, limits) as stream:
        while piece := await stream.receive():
            pieces.append(piece)


async def failure(address: Address, limits: Limits = LONG) -> CannotLook:
    with pytest.raises(CannotLook) as caught:
        await drain(address, [], limits)
    assert str(address) in caught.value.detail
    assert caught.value.__cause__ is None
    return caught.value


async def test_bytes_go_both_ways() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(5))[::-1])
        await writer.drain()

    async with serving(echo) as address, connected(address) as stream:
        await stream.send(b"hello")
        assert await stream.receive() == b"olleh"


@pytest.mark.parametrize("other", [("127.0.0.1", 1), ("localhost", 0), ("127.0.0.2", 0)])
async def test_an_address_that_was_not_asked_for_is_not_called(other: tuple[str, int]) -> None:
    calls = 0

    async def count(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1

    async with serving(count) as address:
        host, port = other
        dialer = Dialer([Address(host, port or address.port)])
        with pytest.raises(LocalWireError, match="not an address this audit may connect to"):
            async with dialer.open(address):
                pass
    assert calls == 0


async def test_nobody_there_is_refused(nobody: Address) -> None:
    assert (await failure(nobody)).reason is Reason.REFUSED


async def test_a_connection_that_is_not_taken_is_timed_out(crowded: Address) -> None:
    error = await failure(crowded, SHORT)
    assert error.reason is Reason.TIMED_OUT
    assert "did not take a connection within 0.2 s" in error.detail


@pytest.mark.parametrize(
    "host",
    ["a..b", "-..-", "a" * 64 + ".invalid", ".".join(["a" * 63] * 4)],
    ids=["empty label", "dots", "long label", "long name"],
)
async def test_a_host_that_cannot_be_is_unreachable(host: str) -> None:
    error = await failure(Address(host, 9092))
    assert error.reason is Reason.UNREACHABLE
    assert "has no address" in error.detail


async def test_a_host_that_cannot_be_called_is_unreachable() -> None:
    error = await failure(Address("255.255.255.255", 9092))
    assert error.reason is Reason.UNREACHABLE
    assert "cannot be reached: " in error.detail


def resolving(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses."""

    async def getaddrinfo(_: str, port: int, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_a_host_whose_every_address_refuses_is_refused(nobody: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "127.0.0.1", "127.0.0.2", "127.0.0.3")
    error = await failure(Address("b-1.example", nobody.port))
    assert error.reason is Reason.REFUSED
    assert error.detail == f"b-1.example:{nobody.port} refused the connection"


async def test_the_next_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(says(b"here")) as there:
        resolving(monkeypatch, "255.255.255.255", "127.0.0.3", HOST)
        async with connected(Address("b-1.example", there.port)) as stream:
            assert await stream.receive() == b"here"


async def test_a_host_without_addresses_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch)
    assert (await failure(Address("b-1.example", 9092))).reason is Reason.UNREACHABLE


@pytest.mark.parametrize("peer", [silent, drips(b"x")], ids=["silence", "drips"])
async def test_a_connection_has_an_end_whatever_the_peer_does(peer: Any) -> None:
    async with serving(peer) as address:
        error = await failure(address, Limits(connect=5, connection=0.2))
    assert error.reason is Reason.TIMED_OUT
    assert "gave no answer in 0.2 s" in error.detail


@pytest.mark.parametrize("budget", [0, 1, 1000, PIECE, 300_000])
async def test_no_more_is_taken_than_the_budget(budget: int) -> None:
    pieces: list[bytes] = []
    limits = Limits(connect=GUARD, connection=GUARD, received=budget)
    async with serving(floods(bytes(5000))) as address:
        with pytest.raises(RemoteWireError, match="more than a probe takes"):
            await drain(address, pieces, limits)
    assert sum(map(len, pieces)) <= budget


async def test_all_of_the_budget_may_be_used() -> None:
    pieces: list[bytes] = []
    limits = Limits(connect=GUARD, connection=GUARD, received=300_000)
    async with serving(says(bytes(300_000))) as address:
        await drain(address, pieces, limits)
    assert b"".join(pieces) == bytes(300_000)
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("peer", [resets, asked(resets), says(b"", then=resets)])
async def test_a_reset_reads_as_the_end(peer: Any) -> None:
    async with serving(peer) as address, connected(address) as stream:
        for _ in range(10):
            await stream.send(b"x" * 100_000)
        assert await stream.receive() == b""
        assert await stream.receive() == b""


async def test_the_end_of_the_block_resets_the_connection() -> None:
    ended = asyncio.Event()

    async def until_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(100):
                pass
        finally:
            ended.set()

    async with asyncio.timeout(GUARD), serving(until_the_end) as address:
        async with connected(address):
            assert not ended.is_set()
        await ended.wait()


async def test_an_exception_of_the_block_is_not_wrapped() -> None:
    async with serving(silent) as address:
        with pytest.raises(KeyError, match="mine"):
            async with connected(address):
                raise KeyError("mine")


@pytest.mark.parametrize("moment", ["connecting", "receiving", "sending"])
async def test_cancellation_leaves_no_task_and_no_socket(moment: str, crowded: Address) -> None:
    async def never_reads(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # the only way to stop a stream
        await asyncio.sleep(GUARD)

    async def use(address: Address) -> None:
        async with connected(address) as stream:
            under_way.set()
            while moment == "sending":
                await stream.send(bytes(1 << 16))
            await stream.receive()

    async with serving(never_reads) as address:
        under_way = asyncio.Event()
        before = asyncio.all_tasks()
        using = asyncio.create_task(use(crowded if moment == "connecting" else address))
        if moment != "connecting":
            await under_way.wait()
        await asyncio.sleep(0.05)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        await asyncio.sleep(0)
        left = {task for task in asyncio.all_tasks() - before if "one" not in repr(task.get_coro())}
        assert left == set()
    gc.collect()  # an open socket would warn now, and warnings are errors
