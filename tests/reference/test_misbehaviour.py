"""Every fault is brought about on the wire, and the audit's own probe survives each as evidence that is missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mskaudit.errors import CannotLook, RemoteWireError
from mskaudit.gather.live.dial import Dialer
from mskaudit.gather.live.dial import Limits as ProbeLimits
from mskaudit.gather.live.listener import probe
from mskaudit.gather.target import Address
from mskaudit.reference.broker import Serving, serve
from mskaudit.reference.cluster import Cluster, Listener, Protocol
from mskaudit.reference.misbehaviour import Fault, Misbehaviour, spoil
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.frames import frame
from mskaudit.wire.messages import ApiVersionsRequest, MetadataRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 20
LIMITS = ProbeLimits(connect=5.0, connection=1.0)


def cluster(fault: Fault, at: str | None = None) -> Cluster:
    return Cluster(
        count=1,
        cluster_id="c",
        listeners={"open": Listener(protocol=Protocol.PLAINTEXT)},
        misbehaviour=Misbehaviour(fault=fault, at=at),
    )


def first(serving: Serving) -> Address:
    return Address.parse(serving.addresses[0])


@pytest.mark.parametrize("fault", Fault)
async def test_the_probe_takes_a_fault_for_missing_evidence(fault: Fault) -> None:
    async with serve(cluster(fault)) as serving:
        dialer = Dialer([first(serving)], LIMITS)
        with pytest.raises((CannotLook, RemoteWireError)):
            await probe(first(serving), dialer)


async def test_a_fault_concerns_the_apis_it_is_for() -> None:
    async with serve(cluster(Fault.CLOSED, "METADATA")) as serving:
        address = first(serving)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        client = ClientConnection()
        writer.write(client.send(ApiVersionsRequest(), version=0))
        answers = client.receive(await reader.read(1 << 16))
        writer.write(client.send(MetadataRequest(topics=()), version=1))
        assert len(answers) == 1
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(("fault", "said"), [(Fault.CLOSED, b""), (Fault.GARBAGE, b"HTTP/1.1 400 Bad Request\r\n\r\n")])
async def test_a_connection_goes_wrong_before_anything_is_asked(fault: Fault, said: bytes) -> None:
    async with serve(cluster(fault, "CONNECT")) as serving:
        address = first(serving)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == said
        writer.close()


def test_an_answer_that_is_not_there_yet_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="no answer yet"):
        Misbehaviour(fault=Fault.TRUNCATED, at="CONNECT")


def pieces() -> Iterator[tuple[Fault, bytes]]:
    for fault in Fault:
        yield fault, b"".join(spoil(fault, frame(b"\0\0\0\7answer")).pieces)


WIRE = dict(pieces())


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault.WRONG_CORRELATION_ID, b"\0\0\0\x0aZZZ]answer"),
        (Fault.NEGATIVE_LENGTH, b"\xff\xff\xff\xfe\0\0\0\7answer"),
        (Fault.OVERSIZED_LENGTH, b"\x7f\xff\xff\xff\0\0\0\7answer"),
        (Fault.TRUNCATED, b"\0\0\0\x0a\0\0\0"),
        (Fault.SLOW_DRIP, b"\0\0\0\x0a\0\0\0\7answer"),
        (Fault.GARBAGE, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        (Fault.CLOSED, b""),
        (Fault.SILENCE, b""),
    ],
)
def test_what_a_fault_sends(fault: Fault, sent: bytes) -> None:
    assert WIRE[fault] == sent


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("size", range(5))
def test_every_fault_befalls_frames_without_a_header(fault: Fault, size: int) -> None:
    # After version 0 of its handshake SASL speaks in bare frames, and PLAIN's last one is empty.
    assert spoil(fault, frame(bytes(size))).pieces is not None


def test_counts_are_hostile_behind_a_right_header() -> None:
    sent = WIRE[Fault.HOSTILE_COUNTS]
    assert int.from_bytes(sent[:4], "big") == len(sent) - 4
    assert sent[4:8] == b"\0\0\0\7"
    assert sent[8:].startswith(b"\xff\xff\xff\xff")


def test_an_api_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="'TELEPORT' is no API"):
        Misbehaviour(fault=Fault.CLOSED, at="TELEPORT")
