"""Hostile, slow and gone peers: the reference broker outlives them, and nothing of it is left at the end."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from mskaudit.reference.broker import Limits, Manner, Serving, serve
from mskaudit.reference.cluster import Cluster, Listener, Protocol
from mskaudit.reference.pki import client_context
from mskaudit.reference.session import SASL_FRAME_LIMIT
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, frame
from mskaudit.wire.messages import ApiVersionsRequest, MetadataRequest, MetadataResponse, SaslHandshakeRequest

if TYPE_CHECKING:
    from tests.reference.conftest import Calling, Connecting

EVERY = ("plaintext", "sasl_plaintext", "tls", "requested", "required", "sasl_tls")
GREETING = ApiVersionsRequest(client_software_name="mskaudit", client_software_version="0.1.0")
API_VERSIONS_V0 = bytes.fromhex("00000012 0012 0000 00000001 0008 6d736b6175646974")
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(190)


@pytest.mark.parametrize("size", [-1, 0, BROKER_FRAME_LIMIT + 1, 2**31 - 1])
@pytest.mark.parametrize("name", ["plaintext", "tls", "sasl_plaintext"])
async def test_a_length_that_cannot_be_is_the_end(connect: Connecting, name: str, size: int) -> None:
    async with connect(name) as peer:
        await peer.say(size.to_bytes(4, "big", signed=True))
        assert await peer.is_closed()


async def test_a_sasl_listener_takes_smaller_requests(connect: Connecting) -> None:
    async with connect("sasl_plaintext") as peer:
        await peer.say((SASL_FRAME_LIMIT + 1).to_bytes(4, "big"))
        assert await peer.is_closed()


@pytest.mark.parametrize("name", ["plaintext", "tls"])
async def test_requests_come_in_any_pieces(connect: Connecting, name: str) -> None:
    async with connect(name) as peer:
        for octet in API_VERSIONS_V0 * 2:
            await peer.say(bytes([octet]))
        size = int.from_bytes(await peer.reader.readexactly(4), "big")
        first = await peer.reader.readexactly(size)
        assert (await peer.reader.readexactly(4 + size))[4:] == first


async def test_what_comes_before_a_fault_is_answered(connect: Connecting) -> None:
    async with connect("plaintext") as peer:
        await peer.say(API_VERSIONS_V0 + b"\xff" * 64)
        answered = await peer.rest()
        assert int.from_bytes(answered[:4], "big") == len(answered) - 4


async def test_a_refusal_always_arrives_before_the_end(addresses: Serving, call: Calling) -> None:
    async def refused() -> None:
        async with call(addresses.by_listener["sasl_plaintext"][0]) as peer:
            assert await peer.ask(SaslHandshakeRequest(mechanism="NO"), version=1) is not None

    await asyncio.gather(*(refused() for _ in range(50)))


async def test_an_answer_of_many_tls_records_arrives_whole(call: Calling) -> None:
    topics = {f"topic-{number}": 9 for number in range(3000)}
    cluster = Cluster(count=1, cluster_id="many", topics=topics, listeners={"tls": Listener(protocol=Protocol.SSL)})
    async with serve(cluster) as serving, call(serving.by_listener["tls"][0], client_context()) as peer:
        answer = await peer.ask(MetadataRequest(topics=None), version=9)
    assert answer is not None
    assert isinstance(answer.message, MetadataResponse)
    assert {topic.name for topic in answer.message.topics} == set(topics)


async def test_a_peer_that_says_nothing_is_left(cluster: Cluster, call: Calling) -> None:
    async with serve(cluster, limits=Limits(patience=0.02)) as serving:
        for name in EVERY:
            async with call(serving.by_listener[name][0]) as peer:
                assert await peer.is_closed()


async def test_a_peer_that_takes_nothing_is_left(call: Calling) -> None:
    topics = {f"topic-{number}": 500 for number in range(200)}
    cluster = Cluster(count=1, cluster_id="big", topics=topics, listeners={"c": Listener(protocol=Protocol.PLAINTEXT)})
    limits = Limits(patience=0.5)
    async with serve(cluster, limits=limits) as serving, call(serving.by_listener["c"][0]) as peer:
        assert await peer.ask(GREETING, version=0) is not None
        (attending,) = (task for task in asyncio.all_tasks() if task.get_name() == "a peer")
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]  # the only way to stop a stream
        await peer.say(peer.wire.send(MetadataRequest(topics=None), version=8) * 20)
        async with asyncio.timeout(10):
            await asyncio.wait([attending])


async def test_peers_beyond_the_limit_wait_for_a_place(cluster: Cluster, call: Calling) -> None:
    async with serve(cluster, limits=Limits(connections=2)) as serving:
        address = serving.by_listener["plaintext"][0]
        async with call(address) as first, call(address) as second, call(address) as waiting:
            for peer in (first, second, first):
                assert await peer.ask(GREETING, version=0) is not None
            asking = asyncio.create_task(waiting.ask(GREETING, version=0))
            assert await first.ask(GREETING, version=0) is not None
            assert not asking.done()
            second.writer.close()
            assert await asking is not None


@pytest.mark.parametrize("manner", Manner)
async def test_the_end_leaves_no_task_and_no_connection(cluster: Cluster, manner: Manner) -> None:
    before = asyncio.all_tasks()
    async with serve(cluster, manner=manner) as serving:
        assert len(set(serving.addresses)) == 18
        left = []
        if manner is not Manner.REFUSING:
            for address in serving.addresses:
                reader, writer = await asyncio.open_connection(*address.split(":"))
                left.append((reader, writer))
    assert asyncio.all_tasks() == before
    for reader, writer in left:
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    for address in serving.addresses:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address.split(":"))


async def test_brokers_that_refuse_have_addresses_where_nobody_listens(cluster: Cluster) -> None:
    async with serve(cluster, manner=Manner.REFUSING) as serving:
        for address in serving.addresses:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address.split(":"))


async def test_silent_brokers_accept_and_say_nothing(cluster: Cluster, call: Calling) -> None:
    async with serve(cluster, manner=Manner.SILENT) as serving:
        for name in cluster.listeners:
            async with call(serving.by_listener[name][0]) as peer:
                await peer.say(API_VERSIONS_V0)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await peer.reader.read(1)


async def test_an_exception_in_the_context_is_not_wrapped(cluster: Cluster) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with serve(cluster):
            raise KeyError("mine")


def hostile(chance: random.Random) -> bytes:
    """Bytes that look more or less like requests."""
    noise = chance.randbytes(chance.randrange(200))
    header = chance.choice([3, 17, 18, 36, 60]).to_bytes(2, "big") + chance.randrange(15).to_bytes(2, "big")
    match chance.randrange(4):
        case 0:
            return noise
        case 1:
            return frame(header + noise)
        case 2:
            return API_VERSIONS_V0 + frame(header + b"\x00\x00\x00\x01\xff\xff" + noise)
        case _:
            return CLIENT_HELLO[: chance.randrange(len(CLIENT_HELLO))] + noise


async def test_hostile_peers_stop_nobody_else(addresses: Serving, call: Calling, connect: Connecting) -> None:
    chance = random.Random(20261123)  # noqa: S311  the same peers every time

    async def attack(address: str) -> None:
        with suppress(OSError):
            async with call(address) as peer:
                await peer.say(hostile(chance))
                if chance.random() < 0.5:
                    await peer.reader.read(10)
                else:
                    peer.writer.transport.abort()

    async with asyncio.timeout(60):
        for address in addresses.addresses:
            tasks = [asyncio.create_task(attack(address)) for _ in range(20)]
            _, stuck = await asyncio.wait(tasks, timeout=0.2)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for name in EVERY:
            async with connect(name) as peer:
                assert await peer.ask(GREETING, version=4) is not None
