"""Record batches against those of kafka-python, and hostile ones."""

from __future__ import annotations

import tracemalloc
import warnings
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import crc32c as reference
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.crc32c import crc32c
from mskaudit.wire.records import (
    NO_PRODUCER,
    Batch,
    Compression,
    LegacyMessage,
    Producer,
    Record,
    batches,
    build,
    records,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
    from kafka.record.legacy_records import LegacyRecordBatchBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

OCTETS = st.none() | st.binary(max_size=200)
TIMES = st.integers(0, 2**50)
RECORDS = st.lists(
    st.builds(
        Record,
        key=OCTETS,
        value=OCTETS,
        headers=st.lists(
            st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), OCTETS), max_size=3
        ).map(tuple),
        timestamp=TIMES,
    ),
    min_size=1,
    max_size=5,
)
PRODUCERS = st.just(NO_PRODUCER) | st.builds(
    Producer,
    identity=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 2**15 - 1),
    base_sequence=st.integers(0, 2**31 - 1),
)
ONE = build([Record(key=b"k", value=b"v", timestamp=1000, headers=(("h", b"x"),))])


def only(content: bytes) -> Batch:
    """Return the one batch of magic 2 that ``content`` is."""
    (batch,) = batches(content)
    assert isinstance(batch, Batch)
    return batch


def resealed(content: bytes | bytearray) -> bytes:
    """Return the bytes with the check sum and the size they should have."""
    size = len(content) - 12
    checked = bytes(content[21:])
    return (
        bytes(content[:8])
        + size.to_bytes(4, "big")
        + bytes(content[12:17])
        + crc32c(checked).to_bytes(4, "big")
        + checked
    )


def numbered(content: list[Record], base_offset: int) -> tuple[Record, ...]:
    """Return the records with the offsets they get."""
    return tuple(replace(record, offset=base_offset + place) for place, record in enumerate(content))


@given(content=st.binary(max_size=600))
def test_the_check_sum_is_that_of_the_crc32c_package(content: bytes) -> None:
    assert crc32c(content) == reference.crc32c(content)
    assert crc32c(memoryview(content)[1:]) == reference.crc32c(content[1:])


def test_the_check_sum_of_the_catalogue() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@given(content=RECORDS, producer=PRODUCERS, transactional=st.booleans())
def test_kafka_python_builds_the_same_bytes(content: list[Record], producer: Producer, *, transactional: bool) -> None:
    theirs = DefaultRecordBatchBuilder(
        2, 0, transactional, producer.identity, producer.epoch, producer.base_sequence, 2**20
    )
    for place, record in enumerate(content):
        theirs.append(place, record.timestamp, record.key, record.value, list(record.headers))
    expected = bytes(theirs.build())
    # kafka-python leaves the epoch of the leader at 0, where Kafka's own clients write -1.
    assert build(content, leader_epoch=0, producer=producer, transactional=transactional) == expected


@given(content=RECORDS, producer=PRODUCERS, base_offset=st.integers(0, 2**62), transactional=st.booleans())
def test_what_is_built_is_read(
    content: list[Record], producer: Producer, base_offset: int, *, transactional: bool
) -> None:
    batch = only(
        build(content, base_offset=base_offset, leader_epoch=7, producer=producer, transactional=transactional)
    )
    assert records(batch) == numbered(content, base_offset)
    assert (batch.base_offset, batch.last_offset) == (base_offset, base_offset + len(content) - 1)
    assert (batch.producer, batch.leader_epoch, batch.transactional) == (producer, 7, transactional)
    assert (batch.count, batch.compression, batch.control, batch.append_time) == (
        len(content),
        Compression.NONE,
        False,
        False,
    )
    assert batch.max_timestamp == max(record.timestamp for record in content)


@given(content=RECORDS, base_offset=st.integers(0, 2**62), leader_epoch=st.integers(-1, 2**31 - 1))
def test_kafka_python_reads_a_placed_batch(content: list[Record], base_offset: int, leader_epoch: int) -> None:
    placed = only(build(content)).placed(base_offset=base_offset, leader_epoch=leader_epoch)
    assert only(placed.content) == placed
    theirs = DefaultRecordBatch(placed.content)
    assert theirs.validate_crc()
    assert theirs.leader_epoch == leader_epoch
    assert [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in theirs] == [
        (r.offset, r.timestamp, r.key, r.value, r.headers) for r in numbered(content, base_offset)
    ]


@pytest.mark.parametrize(("codec", "compression"), [(1, Compression.GZIP)], ids=["gzip"])
def test_compressed_batches_are_recognised_and_not_read(codec: int, compression: Compression) -> None:
    theirs = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 2**20)
    for place in range(50):
        theirs.append(place, 1, b"k", b"v" * 100, [])
    batch = only(bytes(theirs.build()))
    assert (batch.compression, batch.count, batch.last_offset) == (compression, 50, 49)
    with pytest.raises(LocalWireError, match="gzip"):
        records(batch)


@pytest.mark.parametrize("magic", [0, 1])
def test_messages_of_old_formats_are_told_by_their_magic(magic: int) -> None:
    theirs = LegacyRecordBatchBuilder(magic, 0, 2**20)
    theirs.append(0, 5 if magic else None, b"k", b"v")
    theirs.append(1, 5 if magic else None, b"k", b"w")
    content = bytes(theirs.build())
    first, second, batch = batches(content + ONE)
    assert isinstance(first, LegacyMessage)
    assert isinstance(second, LegacyMessage)
    assert (first.magic, first.base_offset, second.base_offset) == (magic, 0, 1)
    assert first.content + second.content == content
    assert batch == only(ONE)


def test_times_are_the_brokers_where_the_header_says_so() -> None:
    content = bytearray(ONE)
    content[22] |= 0x08
    content[35:43] = (5000).to_bytes(8, "big")
    batch = only(resealed(content))
    assert batch.append_time
    assert [record.timestamp for record in records(batch)] == [5000]


def test_nothing_is_no_batch() -> None:
    assert batches(b"") == ()


@pytest.mark.parametrize("size", range(1, len(ONE)))
def test_a_batch_cut_off_is_refused(size: int) -> None:
    for content in (ONE[:size], ONE + ONE[:size]):
        with pytest.raises(RemoteWireError):
            batches(content)


def changed(place: int, value: str, *, content: bytes = ONE) -> bytes:
    """Return the batch with other bytes at a place, and the check sum it should then have."""
    other = bytes.fromhex(value)
    return resealed(content[:place] + other + content[place + len(other) :])


REFUSED = {
    "check-sum": ONE[:-1] + b"\x01",
    "size-negative": ONE[:8] + b"\xff\xff\xff\xff" + ONE[12:],
    "size-too-small": ONE[:8] + b"\x00\x00\x00\x30" + ONE[12:],
    "size-too-big": ONE[:8] + b"\x7f\xff\xff\xff" + ONE[12:],
    "size-of-legacy-too-small": bytes(8) + b"\x00\x00\x00\x0d" + bytes(13),
    "magic": changed(16, "03"),
    "magic-negative": changed(16, "ff"),
    "compression": changed(21, "0005"),
    "count-negative": changed(57, "ffffffff"),
    "last-offset-negative": changed(23, "ffffffff"),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_batch_that_contradicts_itself_is_refused(content: bytes) -> None:
    with pytest.raises(RemoteWireError):
        batches(content)


RECORD = 61
MALFORMED = {
    "count-too-high": changed(57, "7fffffff"),
    "count-too-low": changed(57, "00000000"),
    "record-longer-than-batch": changed(RECORD, "7e"),
    "record-shorter-than-fields": changed(RECORD, "04"),
    "record-of-negative-size": changed(RECORD, "01"),
    "record-beyond-the-last": changed(RECORD + 3, "02"),
    "record-before-the-first": changed(RECORD + 3, "01"),
    "key-too-long": changed(RECORD + 4, "7e"),
    "headers-negative": changed(RECORD + 8, "01"),
    "headers-too-many": changed(RECORD + 8, "7e"),
    "header-without-name": changed(RECORD + 9, "01"),
    "header-not-utf8": changed(RECORD + 10, "ff"),
    "varint-too-long": changed(RECORD, "ffffffffff01"),
    "varlong-too-long": changed(RECORD + 2, "ffffffffffffffffffff"),
    "varlong-above-64-bits": resealed(ONE[: RECORD + 2] + b"\xff" * 9 + b"\x7f" + ONE[RECORD + 3 :]),
    "bytes-after-the-records": resealed(ONE + b"\x00"),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_records_that_contradict_their_batch_are_refused(content: bytes) -> None:
    batch = only(content)
    with pytest.raises(RemoteWireError):
        records(batch)


@given(seed=st.integers(0, 2**32))
def test_mutants_raise_nothing_but_remote_errors_in_little_memory(seed: int) -> None:
    random = Random(seed)  # noqa: S311  to be repeatable is the point
    content = bytearray(ONE + build([Record(value=b"x" * 9, timestamp=place) for place in range(4)]))
    for _ in range(random.randint(1, 5)):
        content[random.randrange(len(content))] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)])
    crc32c(b"ab")  # makes its table outside the measurement
    tracemalloc.start()
    try:
        read_all(bytes(content))
        read_all(resealed(content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 65_536


def read_all(content: bytes) -> None:
    """Read what can be read of batches; RemoteWireError is what the rest may raise."""
    try:
        for batch in batches(content):
            if isinstance(batch, Batch) and batch.compression is Compression.NONE:
                records(batch)
    except RemoteWireError:
        pass


UNSENDABLE: dict[str, Callable[[], object]] = {
    "no-records": lambda: build([]),
    "timestamp-too-big": lambda: build([Record(value=b"", timestamp=2**63)]),
    "timestamps-too-far-apart": lambda: build(
        [Record(value=b"", timestamp=-(2**63)), Record(value=b"", timestamp=2**63 - 1)]
    ),
    "offset-too-big": lambda: build([Record(value=b"")], base_offset=2**63),
    "epoch-too-big": lambda: only(ONE).placed(base_offset=0, leader_epoch=2**31),
    "header-surrogate": lambda: build([Record(value=b"", headers=(("\ud800", None),))]),
    "producer-epoch-too-big": lambda: build([Record(value=b"")], producer=Producer(identity=1, epoch=2**15)),
}


@pytest.mark.parametrize("attempt", UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_a_batch_cannot_carry_is_a_local_error(attempt: Callable[[], object]) -> None:
    with pytest.raises(LocalWireError):
        attempt()
