"""Frames come out the same however the bytes come in, and bad lengths are refused at once."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import RemoteWireError
from mskaudit.wire.frames import SCANNER_FRAME_LIMIT, FrameBuffer, frame


def cut(stream: bytes, chunks: list[bytes], limit: int) -> tuple[list[bytes], str | None]:
    """Return the frames and the fault of a stream fed in chunks, and check that the buffer keeps only the rest."""
    buffer = FrameBuffer(limit=limit)
    frames: list[bytes] = []
    try:
        for chunk in chunks:
            frames += buffer.feed(chunk)
    except RemoteWireError as fault:
        return frames, str(fault)
    if buffer.fault is None:
        assert buffer.pending == len(stream) - sum(len(content) + 4 for content in frames)
    return frames, str(buffer.fault) if buffer.fault else None


@settings(deadline=None)
@given(
    contents=st.lists(st.binary(max_size=30), max_size=6),
    tail=st.binary(max_size=12),
    cuts=st.lists(st.integers(0, 200)),
)
def test_chunking_changes_nothing(contents: list[bytes], tail: bytes, cuts: list[int]) -> None:
    stream = b"".join(frame(content) for content in contents) + tail
    places = [0, *sorted(place for place in cuts if place < len(stream)), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    whole = cut(stream, [stream], 30)
    assert cut(stream, pieces, 30) == whole
    assert cut(stream, [stream[i : i + 1] for i in range(len(stream))], 30) == whole
    assert whole[0][: len(contents)] == contents


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("ffffffff", id="minus-one"),
        pytest.param("80000000", id="lowest"),
        pytest.param("7fffffff", id="highest"),
        pytest.param("02000001", id="limit-plus-one"),
        pytest.param("16030100", id="a-tls-record"),
        pytest.param("48545450", id="http"),
    ],
)
def test_bad_lengths_are_refused_from_four_bytes(header: str) -> None:
    buffer = FrameBuffer()
    assert buffer.feed(bytes.fromhex(header)[:3]) == []
    with pytest.raises(RemoteWireError, match="limit"):
        buffer.feed(bytes.fromhex(header)[3:])
    with pytest.raises(RemoteWireError, match="limit"):
        buffer.feed(b"")


def test_the_limit_itself_is_accepted() -> None:
    assert FrameBuffer(limit=3).feed(frame(b"abc")) == [b"abc"]
    with pytest.raises(RemoteWireError):
        FrameBuffer(limit=2).feed(frame(b"abc"))


def test_frames_before_a_fault_come_first() -> None:
    buffer = FrameBuffer()
    assert buffer.feed(frame(b"abc") + b"\xff\xff\xff\xff") == [b"abc"]
    assert buffer.fault is not None
    with pytest.raises(RemoteWireError):
        buffer.feed(b"")


def test_an_announced_frame_allocates_nothing() -> None:
    buffer = FrameBuffer()
    tracemalloc.start()
    try:
        assert buffer.feed(SCANNER_FRAME_LIMIT.to_bytes(4, "big")) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_384
