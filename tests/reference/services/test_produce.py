"""Records are taken from those who may write, once, in the order of their producer, and refused in Kafka's codes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from mskaudit.reference.session import Reply
from mskaudit.reference.state import MOST_RECORD_BYTES, topic_id
from mskaudit.wire.apis.logs import (
    InitProducerIdRequest,
    InitProducerIdResponse,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, ApiKey
from mskaudit.wire.records import Producer, Record, batches, build, records
from tests.reference.services.desk import ALICE, BOB, MALLORY, RELEASES, ROOT, Desk, cluster

ONE = build((Record(key=b"k", value=b"v", timestamp=1000),))
BROKEN = ONE[:-1] + b"?"


def of(producer: int, sequence: int, *, epoch: int = 0, count: int = 1, transactional: bool = False) -> bytes:
    """Records of a producer that counts them."""
    who = Producer(identity=producer, epoch=epoch, base_sequence=sequence)
    return build([Record(value=b"v", timestamp=5)] * count, producer=who, transactional=transactional)


def with_magic(magic: int) -> bytes:
    return ONE[:16] + bytes([magic]) + ONE[17:]


def request(content: bytes | None = ONE, **changes: Any) -> ProduceRequest:
    """Records for one partition."""
    given: dict[str, Any] = {"topic": "orders", "topic_id": NO_UUID, "index": 0, "acks": -1, "transactional_id": None}
    given |= changes
    data = PartitionProduceData(index=given["index"], records=content)
    topic = TopicProduceData(name=given["topic"], topic_id=given["topic_id"], partition_data=(data,))
    return ProduceRequest(
        acks=given["acks"], timeout_ms=1000, transactional_id=given["transactional_id"], topic_data=(topic,)
    )


async def produce(
    desk: Desk, asked: ProduceRequest, *, version: int = 9, at: int = 1, who: str = ALICE
) -> PartitionProduceResponse:
    answer = await desk.ask(ProduceResponse, asked, version, at=at, who=who)
    return answer.responses[0].partition_responses[0]


REFUSED = {
    "may not write": (request(), {"who": BOB}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "may not know": (request(topic="missing"), {"who": MALLORY}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "no topic": (request(topic="missing"), {"who": ROOT}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "no partition": (request(index=9), {}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "negative partition": (request(index=-1), {}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "no such id": (request(topic_id=UUID(int=7)), {"version": 13}, ErrorCode.UNKNOWN_TOPIC_ID),
    "id of another's": (request(topic_id=topic_id("secrets")), {"version": 13}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "another leader": (request(), {"at": 2}, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    "acks of 2": (request(acks=2), {}, ErrorCode.INVALID_REQUIRED_ACKS),
    "check sum": (request(BROKEN), {}, ErrorCode.CORRUPT_MESSAGE),
    "magic 7": (request(with_magic(7)), {}, ErrorCode.CORRUPT_MESSAGE),
    "magic 1": (request(with_magic(1)), {}, ErrorCode.INVALID_RECORD),
    "nothing": (request(b""), {}, ErrorCode.INVALID_RECORD),
    "cut off": (request(ONE[:-2]), {}, ErrorCode.INVALID_RECORD),
    "two batches": (request(ONE + ONE), {}, ErrorCode.INVALID_RECORD),
    "tiny length": (request(ONE[:8] + b"\0\0\0\3" + ONE[12:]), {}, ErrorCode.CORRUPT_MESSAGE),
    "negative length": (request(ONE[:8] + b"\xff\xff\xff\xf0" + ONE[12:]), {}, ErrorCode.CORRUPT_MESSAGE),
    "negative sequence": (request(of(5, -2)), {}, ErrorCode.INVALID_RECORD),
    "too large": (request(build((Record(value=bytes(3000)),))), {}, ErrorCode.MESSAGE_TOO_LARGE),
    "transaction without id": (
        request(of(5, 0, transactional=True)),
        {},
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
    "transaction of another": (
        request(of(5, 0, transactional=True), transactional_id="theirs"),
        {},
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
    "transaction unknown": (
        request(of(5, 0, transactional=True), transactional_id="pay"),
        {},
        ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_refused_in_kafkas_codes(case: tuple[ProduceRequest, dict[str, Any], ErrorCode]) -> None:
    asked, manner, error = case
    desk = Desk(cluster())
    answer = await produce(desk, asked, **manner)
    assert (answer.error_code, answer.base_offset) == (error, -1)
    assert desk.state.record_bytes == 0


@pytest.mark.parametrize("release", RELEASES)
async def test_every_version_of_a_release_writes(release: str) -> None:
    desk = Desk(cluster(release))
    versions = desk.apis[ApiKey.PRODUCE].versions
    for offset, version in enumerate(versions[3:]):
        answer = await produce(desk, request(topic_id=topic_id("orders")), version=version)
        assert (answer.error_code, answer.base_offset) == (ErrorCode.NONE, offset)
    stored = [record for kept in desk.state.topics["orders"].partitions[0].batches for record in _records(kept.content)]
    assert [(record.offset, record.key, record.value) for record in stored] == [
        (offset, b"k", b"v") for offset in range(len(versions) - 3)
    ]


def _records(content: bytes) -> tuple[Record, ...]:
    (batch,) = batches(content)
    return records(batch)  # type: ignore[arg-type]  # mypy cannot know that nothing old is stored


@pytest.mark.parametrize(("release", "closes"), [("2.8", False), ("3.9", False), ("4.0", True), ("4.4", True)])
async def test_kafka_4_shows_versions_that_it_does_not_serve(release: str, *, closes: bool) -> None:
    desk = Desk(cluster(release))
    for version in range(3):
        reply, _ = await desk.put(request(), version)
        assert reply.last is closes


async def test_formats_before_batches_are_not_converted() -> None:
    answer = await produce(Desk(cluster("3.9")), request(with_magic(1)), version=2)
    assert answer.error_code == ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT


async def test_the_right_leader_is_told() -> None:
    answer = await Desk(cluster()).ask(ProduceResponse, request(), 10, at=3)
    assert answer.responses[0].partition_responses[0].current_leader.leader_id == 1
    assert [(node.node_id, node.host, node.port) for node in answer.node_endpoints] == [(1, "127.0.0.1", 9092)]


async def test_without_acks_nothing_is_said_and_the_next_request_is_heard() -> None:
    desk = Desk(cluster())
    assert (await desk.put(request(acks=0), 9))[0] == Reply()
    assert (await produce(desk, request())).base_offset == 1


async def test_without_acks_the_end_of_the_connection_tells_of_a_failure() -> None:
    reply, _ = await Desk(cluster()).put(request(acks=0), 9, who=MALLORY)
    assert reply.last


@pytest.mark.parametrize(("who", "silent"), [(ALICE, True), (MALLORY, False)])
async def test_null_for_records_is_never_answered(who: str, *, silent: bool) -> None:
    reply, _ = await Desk(cluster()).put(request(None), 9, who=who)
    assert reply.silent is silent


@pytest.mark.parametrize(
    ("client_id", "error"), [("desk", ErrorCode.INVALID_TOPIC_EXCEPTION), ("__admin_client", ErrorCode.NONE)]
)
async def test_internal_topics_are_written_by_whoever_calls_itself_admin(client_id: str, error: ErrorCode) -> None:
    desk = Desk(cluster())
    desk.state.add_topic("__consumer_offsets", 1)
    asked = request(topic="__consumer_offsets")
    answer = await desk.ask(ProduceResponse, asked, 9, who=ROOT, client_id=client_id)
    assert answer.responses[0].partition_responses[0].error_code == error


LAST = 2**31 - 1
SEQUENCES: dict[str, list[tuple[bytes, ErrorCode, int]]] = {
    "in order": [(of(5, 0), ErrorCode.NONE, 0), (of(5, 1, count=3), ErrorCode.NONE, 1), (of(5, 4), ErrorCode.NONE, 4)],
    "again": [(of(5, 0), ErrorCode.NONE, 0), (of(5, 1), ErrorCode.NONE, 1), (of(5, 0), ErrorCode.NONE, 0)],
    "a gap": [(of(5, 0), ErrorCode.NONE, 0), (of(5, 2), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)],
    "anywhere at first": [(of(5, 7), ErrorCode.NONE, 0), (of(5, 8), ErrorCode.NONE, 1)],
    "new epoch": [(of(5, 3), ErrorCode.NONE, 0), (of(5, 0, epoch=1), ErrorCode.NONE, 1)],
    "new epoch from the middle": [
        (of(5, 3), ErrorCode.NONE, 0),
        (of(5, 4, epoch=1), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1),
    ],
    "old epoch": [(of(5, 0, epoch=1), ErrorCode.NONE, 0), (of(5, 1), ErrorCode.INVALID_PRODUCER_EPOCH, -1)],
    "after the last": [(of(5, LAST - 1, count=2), ErrorCode.NONE, 0), (of(5, 0), ErrorCode.NONE, 2)],
    "another producer": [(of(5, 0), ErrorCode.NONE, 0), (of(6, 0), ErrorCode.NONE, 1)],
    "too long ago": [
        *[(of(5, number), ErrorCode.NONE, number) for number in range(6)],
        (of(5, 1), ErrorCode.NONE, 1),
        (of(5, 0), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1),
    ],
}


@pytest.mark.parametrize("steps", SEQUENCES.values(), ids=SEQUENCES)
async def test_sequences(steps: list[tuple[bytes, ErrorCode, int]]) -> None:
    desk = Desk(cluster())
    for content, error, offset in steps:
        answer = await produce(desk, request(content))
        assert (answer.error_code, answer.base_offset) == (error, offset)


async def test_records_are_dropped_when_there_are_too_many() -> None:
    desk = Desk(cluster())
    content = build((Record(value=bytes(1800)),))
    partition = desk.state.topics["orders"].partitions[0]
    kept = len(content) + 256
    partition.cost = desk.state.record_bytes = MOST_RECORD_BYTES - 3 * kept
    for _ in range(5):
        await produce(desk, request(content))
    assert desk.state.record_bytes <= MOST_RECORD_BYTES
    assert partition.start_offset > 0
    assert partition.batches[0].base_offset == partition.start_offset
    assert partition.end_offset == 5


IDENTITIES = {
    "may write somewhere": (InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1), ALICE, 0),
    "may write nowhere": (
        InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1),
        BOB,
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ),
    "half an identity": (
        InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1, producer_id=5),
        ALICE,
        ErrorCode.INVALID_REQUEST,
    ),
    "another's id": (
        InitProducerIdRequest(transactional_id="theirs", transaction_timeout_ms=1),
        ALICE,
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
    "may only see": (
        InitProducerIdRequest(transactional_id="pay", transaction_timeout_ms=1),
        BOB,
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
    "no time": (
        InitProducerIdRequest(transactional_id="pay", transaction_timeout_ms=0),
        ALICE,
        ErrorCode.INVALID_TRANSACTION_TIMEOUT,
    ),
    "too much time": (
        InitProducerIdRequest(transactional_id="pay", transaction_timeout_ms=900_001),
        ALICE,
        ErrorCode.INVALID_TRANSACTION_TIMEOUT,
    ),
    "empty id": (InitProducerIdRequest(transactional_id="", transaction_timeout_ms=1), ROOT, ErrorCode.INVALID_REQUEST),
    "no coordinator yet": (
        InitProducerIdRequest(transactional_id="pay", transaction_timeout_ms=1),
        ALICE,
        ErrorCode.NOT_COORDINATOR,
    ),
}


@pytest.mark.parametrize("case", IDENTITIES.values(), ids=IDENTITIES)
async def test_who_gets_a_producer_id(case: tuple[InitProducerIdRequest, str, int]) -> None:
    asked, who, error = case
    answer = await Desk(cluster()).ask(InitProducerIdResponse, asked, 4, who=who)
    assert answer.error_code == error
    assert (answer.producer_id == -1) is bool(error)


async def test_a_transactional_id_fences_whoever_had_it() -> None:
    desk = Desk(cluster(brokers=1))
    desk.state.add_topic("__transaction_state", 3)
    asked = InitProducerIdRequest(transactional_id="pay", transaction_timeout_ms=1000)
    first = await desk.ask(InitProducerIdResponse, asked, 4)
    second = await desk.ask(InitProducerIdResponse, asked, 4)
    assert (first.producer_epoch, second.producer_epoch) == (0, 1)
    assert first.producer_id == second.producer_id
    stale = InitProducerIdRequest(
        transactional_id="pay", transaction_timeout_ms=1000, producer_id=first.producer_id, producer_epoch=0
    )
    assert (await desk.ask(InitProducerIdResponse, stale, 4)).error_code == ErrorCode.PRODUCER_FENCED
    assert (await desk.ask(InitProducerIdResponse, stale, 3)).error_code == ErrorCode.INVALID_PRODUCER_EPOCH
    current = request(of(first.producer_id, 0, epoch=1, transactional=True), transactional_id="pay")
    assert (await produce(desk, current)).error_code == ErrorCode.INVALID_TXN_STATE
    fenced = request(of(first.producer_id, 0, transactional=True), transactional_id="pay")
    assert (await produce(desk, fenced)).error_code == ErrorCode.INVALID_PRODUCER_EPOCH


async def test_every_producer_has_an_id_of_its_own() -> None:
    desk = Desk(cluster())
    asked = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1)
    versions = desk.apis[ApiKey.INIT_PRODUCER_ID].versions
    answers = [await desk.ask(InitProducerIdResponse, asked, version) for version in versions]
    assert len({answer.producer_id for answer in answers}) == len(versions)
    assert {answer.producer_epoch for answer in answers} == {0}
