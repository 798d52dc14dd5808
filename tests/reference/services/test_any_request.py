"""Whatever can be asked about logs and groups is answered, in the version it was asked in, and does no lasting harm."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.reference.batches import accept
from mskaudit.reference.state import topic_id
from mskaudit.wire.apis import api
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, ApiKey
from mskaudit.wire.records import Batch, Producer, Record, build
from tests.reference.services.desk import ROOT, Desk, cluster
from tests.wire.strategies import table_values

KEYS = (
    ApiKey.PRODUCE,
    ApiKey.INIT_PRODUCER_ID,
    ApiKey.FETCH,
    ApiKey.LIST_OFFSETS,
    ApiKey.OFFSET_FOR_LEADER_EPOCH,
    ApiKey.DELETE_RECORDS,
    ApiKey.FIND_COORDINATOR,
    ApiKey.OFFSET_COMMIT,
    ApiKey.OFFSET_FETCH,
    ApiKey.DESCRIBE_GROUPS,
    ApiKey.LIST_GROUPS,
    ApiKey.DELETE_GROUPS,
    ApiKey.JOIN_GROUP,
    ApiKey.SYNC_GROUP,
    ApiKey.HEARTBEAT,
    ApiKey.LEAVE_GROUP,
)
BATCHES = [
    build([Record(value=b"v", timestamp=5)] * 2),
    *(
        build((Record(value=b"v"),), producer=Producer(identity=5, epoch=epoch, base_sequence=sequence))
        for epoch in (0, 1)
        for sequence in (0, 1)
    ),
]
CHOICES = {
    "name": st.sampled_from(["orders", "secrets", "missing", "__consumer_offsets"]),
    "topic": st.sampled_from(["orders", "missing"]),
    "topic_id": st.sampled_from([topic_id("orders"), NO_UUID]),
    "partition": st.sampled_from([0, 2, 3, -1]),
    "partition_index": st.sampled_from([0, 2, 3, -1]),
    "index": st.sampled_from([0, 2, 3, -1]),
    "records": st.sampled_from([None, b"", *BATCHES]) | st.binary(max_size=80),
    "acks": st.sampled_from([-1, 0, 1, 2]),
    "group_id": st.sampled_from(["team", ""]),
    "member_id": st.sampled_from(["", "x"]),
    "session_timeout_ms": st.sampled_from([6000, 6000, -1]),
    "rebalance_timeout_ms": st.sampled_from([0, 5, -1, -(2**31)]),
    "protocol_type": st.sampled_from(["consumer", "connect", ""]),
    "max_wait_ms": st.sampled_from([0, 2, -1]),
    "transactional_id": st.sampled_from([None, "", "pay"]),
    "key_type": st.sampled_from([0, 1, 2, 9]),
}


def choice(field: str) -> st.SearchStrategy[object] | None:
    """Names that exist, and times that are short: most other values are refused at the door."""
    return CHOICES[field] if field in CHOICES else None


@pytest.mark.parametrize("release", ["2.8", "3.9", "4.4"])
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_any_request_is_answered(key: ApiKey, release: str) -> None:
    versions = Desk(cluster(release)).apis[key].versions
    asked = st.sampled_from(versions).flatmap(
        lambda version: st.tuples(st.just(version), table_values(api(key).request, version, choice))
    )

    @settings(max_examples=20, deadline=None)
    @given(requests=st.lists(asked, min_size=1, max_size=4))
    def answered(requests: list[tuple[int, object]]) -> None:
        async def talk() -> None:
            desk = Desk(cluster(release, brokers=2))
            desk.state.add_topic("__consumer_offsets", 1)
            for version, request in requests:
                reply, answer = await desk.put(request, version, who=ROOT)  # type: ignore[arg-type]  # a Request
                said_nothing = reply.last or reply.silent or key is ApiKey.PRODUCE
                assert (answer is not None) or said_nothing
            for topic in desk.state.topics.values():
                assert not any(partition.watchers for partition in topic.partitions)

        asyncio.run(talk())

    answered()


@given(content=st.sampled_from(BATCHES), at=st.integers(0, 200), octet=st.integers(1, 255), version=st.integers(0, 13))
def test_a_batch_with_a_wrong_byte_is_no_batch(content: bytes, at: int, octet: int, version: int) -> None:
    place = at % len(content)
    spoilt = content[:place] + bytes([content[place] ^ octet]) + content[place + 1 :]
    outside_the_checksum = place < 8 or 12 <= place < 16
    assert isinstance(accept(spoilt, version=version), Batch) is outside_the_checksum


@given(content=st.binary(max_size=200), version=st.integers(0, 13))
def test_noise_is_refused(content: bytes, version: int) -> None:
    assert accept(content, version=version) in {
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.INVALID_RECORD,
        ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
    }
