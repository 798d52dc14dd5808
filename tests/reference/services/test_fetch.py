"""Records are given to those who may read, found by time, and removed by those who may; readers wait for more."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from mskaudit.reference.log import append
from mskaudit.reference.state import topic_id
from mskaudit.wire.apis.logs import (
    FetchPartition,
    FetchPartitionData,
    FetchReplicaState,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from mskaudit.wire.apis.positions import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, ApiKey
from mskaudit.wire.records import Batch, Record, batches, build
from tests.reference.services.desk import ALICE, BOB, MALLORY, RELEASES, ROOT, Desk, cluster, until

TIMES = ((1000, 3000, 2000), (4000,), (2500, 2600))


def fill(desk: Desk) -> None:
    """Put three batches into the first partition of orders: offsets 0 to 2, 3, and 4 to 5."""
    for times in TIMES:
        (batch,) = batches(build([Record(value=b"v", timestamp=time) for time in times]))
        assert isinstance(batch, Batch)
        append(desk.state, desk.state.topics["orders"].partitions[0], batch)


@pytest.fixture
def desk() -> Desk:
    made = Desk(cluster())
    fill(made)
    return made


def request(version: int = 11, **changes: Any) -> FetchRequest:
    """Ask for one partition."""
    given: dict[str, Any] = {
        "topic": "orders",
        "topic_id": NO_UUID,
        "index": 0,
        "offset": 0,
        "epoch": -1,
        "room": 1 << 20,
    }
    given |= {"replica": -1, "session": (0, -1), "wait": 0, "least": 1, "most": 1 << 20, "isolation": 0} | changes
    replica: dict[str, Any] = {"replica_id": given["replica"]}
    if version >= 15:
        replica = {"replica_state": FetchReplicaState(replica_id=given["replica"])}
    partition = FetchPartition(
        partition=given["index"],
        current_leader_epoch=given["epoch"],
        fetch_offset=given["offset"],
        partition_max_bytes=given["room"],
    )
    return FetchRequest(
        max_wait_ms=given["wait"],
        min_bytes=given["least"],
        max_bytes=given["most"],
        isolation_level=given["isolation"],
        session_id=given["session"][0],
        session_epoch=given["session"][1],
        topics=(FetchTopic(topic=given["topic"], topic_id=given["topic_id"], partitions=(partition,)),),
        **replica,
    )


async def fetch(
    desk: Desk, asked: FetchRequest, *, version: int = 11, at: int = 1, who: str = ALICE
) -> FetchPartitionData:
    answer = await desk.ask(FetchResponse, asked, version, at=at, who=who)
    return answer.responses[0].partitions[0]


def offsets(data: FetchPartitionData) -> list[int]:
    """Where the batches in an answer begin."""
    return [batch.base_offset for batch in batches(data.records or b"")]


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], ErrorCode]] = {
    "may not read": ({}, {"who": BOB}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "may not know": ({"topic": "missing"}, {"who": MALLORY}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "no topic": ({"topic": "missing"}, {"who": ROOT}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "no partition": ({"index": 3}, {}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "no such id": ({"topic_id": UUID(int=7)}, {"version": 13}, ErrorCode.UNKNOWN_TOPIC_ID),
    "before the start": ({"offset": -1}, {}, ErrorCode.OFFSET_OUT_OF_RANGE),
    "behind the end": ({"offset": 7}, {}, ErrorCode.OFFSET_OUT_OF_RANGE),
    "later epoch": ({"epoch": 1}, {}, ErrorCode.UNKNOWN_LEADER_EPOCH),
    "another leader, old client": ({}, {"version": 10, "at": 2}, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    "pretended follower": ({"replica": 2}, {}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "follower of nothing": ({"replica": 9}, {"who": ROOT}, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    "follower at a follower": ({"replica": 3}, {"who": ROOT, "at": 2}, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    "follower of no topic": (
        {"replica": 2, "topic": "missing"},
        {"who": ROOT},
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ),
    "no batches for old clients": ({}, {"version": 4 - 1}, ErrorCode.UNSUPPORTED_VERSION),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_refused_in_kafkas_codes(case: tuple[dict[str, Any], dict[str, Any], ErrorCode]) -> None:
    changes, manner, error = case
    version = manner["version"] if "version" in manner else 11
    made = Desk(cluster("3.9" if version < 4 else "4.4"))
    fill(made)
    answer = await fetch(made, request(version, **changes), **manner)
    assert (answer.error_code, answer.records) == (error, b"")


READ: dict[str, tuple[dict[str, Any], dict[str, Any], list[int]]] = {
    "all": ({}, {}, [0, 3, 4]),
    "the batch that holds the offset": ({"offset": 2}, {}, [0, 3, 4]),
    "from a batch on": ({"offset": 3}, {}, [3, 4]),
    "the end": ({"offset": 6}, {}, []),
    "one at least": ({"room": 1}, {}, [0]),
    "one at least of all": ({"most": 1}, {}, [0]),
    "as many as fit": ({"room": 170}, {}, [0, 3]),
    "nothing that does not fit": ({"most": -5, "offset": 6}, {}, []),
    "from a follower": ({}, {"at": 3}, [0, 3, 4]),
    "as a follower": ({"replica": 2}, {"who": ROOT}, [0, 3, 4]),
    "committed": ({"isolation": 1}, {}, [0, 3, 4]),
    "by id": ({"topic_id": topic_id("orders")}, {"version": 18}, [0, 3, 4]),
}


@pytest.mark.parametrize("case", READ.values(), ids=READ)
async def test_read(desk: Desk, case: tuple[dict[str, Any], dict[str, Any], list[int]]) -> None:
    changes, manner, expected = case
    answer = await fetch(desk, request(manner["version"] if "version" in manner else 11, **changes), **manner)
    assert answer.error_code == ErrorCode.NONE
    assert offsets(answer) == expected
    assert (answer.high_watermark, answer.log_start_offset) == (6, 0)


@pytest.mark.parametrize("release", RELEASES)
async def test_every_version_of_a_release_reads(release: str) -> None:
    desk = Desk(cluster(release))
    fill(desk)
    for version in desk.apis[ApiKey.FETCH].versions:
        answer = await fetch(desk, request(version, topic_id=topic_id("orders")), version=version)
        assert offsets(answer) == ([0, 3, 4] if version >= 4 else [])


async def test_new_clients_are_told_who_leads() -> None:
    desk = Desk(cluster())
    desk.state.topics["orders"].partitions[0].replicas = (1,)
    answer = await desk.ask(FetchResponse, request(16, topic_id=topic_id("orders")), 16, at=2)
    (partition,) = answer.responses[0].partitions
    assert (partition.error_code, partition.current_leader.leader_id) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, 1)
    assert [node.node_id for node in answer.node_endpoints] == [1]


@pytest.mark.parametrize(("session", "error"), [((0, -1), 0), ((0, 0), 0), ((7, -1), 0), ((7, 3), 70), ((0, 3), 70)])
async def test_there_are_no_sessions(desk: Desk, session: tuple[int, int], error: int) -> None:
    answer = await desk.ask(FetchResponse, request(session=session), 11)
    assert (answer.error_code, answer.session_id, bool(answer.responses)) == (error, 0, not error)


async def test_a_reader_waits_for_more(desk: Desk) -> None:
    partition = desk.state.topics["orders"].partitions[0]
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(fetch(desk, request(offset=6, wait=60_000)))
        await until(lambda: bool(partition.watchers))
        assert not waiting.done()
        fill(desk)
    assert offsets(await waiting) == [6, 9, 10]
    assert not partition.watchers


async def test_a_reader_that_wants_much_waits_until_it_is_there(desk: Desk) -> None:
    partition = desk.state.topics["orders"].partitions[0]
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(fetch(desk, request(offset=6, wait=60_000, least=300)))
        await until(lambda: bool(partition.watchers))
        fill(desk)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        fill(desk)
    assert offsets(await waiting) == [6, 9, 10, 12, 15, 16]


async def test_a_reader_gives_up(desk: Desk) -> None:
    assert offsets(await fetch(desk, request(offset=6, wait=1))) == []
    assert not desk.state.topics["orders"].partitions[0].watchers


async def test_a_reader_whose_place_is_removed_is_told(desk: Desk) -> None:
    partition = desk.state.topics["orders"].partitions[0]
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(fetch(desk, request(offset=6, wait=60_000, least=1 << 20)))
        await until(lambda: bool(partition.watchers))
        fill(desk)
        await remove(desk, 9)
        fill(desk)
    assert (await waiting).error_code == ErrorCode.OFFSET_OUT_OF_RANGE


async def test_the_end_of_a_reader_leaves_nothing_behind(desk: Desk) -> None:
    partition = desk.state.topics["orders"].partitions[0]
    waiting = asyncio.create_task(fetch(desk, request(offset=6, wait=60_000)))
    await until(lambda: bool(partition.watchers))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not partition.watchers


PLACES = {
    "end": (-1, 7, ErrorCode.NONE, 6, -1),
    "start": (-2, 7, ErrorCode.NONE, 0, -1),
    "latest time": (-3, 7, ErrorCode.NONE, 3, 4000),
    "local start": (-4, 8, ErrorCode.NONE, 0, -1),
    "tiered end": (-5, 9, ErrorCode.NONE, -1, -1),
    "first time": (0, 7, ErrorCode.NONE, 0, 1000),
    "exact time": (3000, 7, ErrorCode.NONE, 1, 3000),
    "between times": (1500, 7, ErrorCode.NONE, 1, 3000),
    "in a later batch": (3001, 7, ErrorCode.NONE, 3, 4000),
    "after all": (4001, 7, ErrorCode.NONE, -1, -1),
    "too early a version": (-3, 6, ErrorCode.UNSUPPORTED_VERSION, -1, -1),
    "no such place": (-9, 9, ErrorCode.UNSUPPORTED_VERSION, -1, -1),
}


def place(time: int, *, topic: str = "orders", epoch: int = -1, index: int = 0) -> ListOffsetsRequest:
    partition = ListOffsetsPartition(partition_index=index, timestamp=time, current_leader_epoch=epoch)
    return ListOffsetsRequest(replica_id=-1, topics=(ListOffsetsTopic(name=topic, partitions=(partition,)),))


@pytest.mark.parametrize("case", PLACES.values(), ids=PLACES)
async def test_places_in_a_log(desk: Desk, case: tuple[int, int, ErrorCode, int, int]) -> None:
    time, version, error, offset, found = case
    answer = (await desk.ask(ListOffsetsResponse, place(time), version)).topics[0].partitions[0]
    assert (answer.error_code, answer.offset, answer.timestamp) == (error, offset, found)
    assert answer.leader_epoch == (0 if offset >= 0 else -1)


UNPLACED = {
    "may not know": (place(-1), MALLORY, 1, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "may see": (place(-1), BOB, 1, ErrorCode.NONE),
    "no topic": (place(-1, topic="missing"), ROOT, 1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "another leader": (place(-1), ALICE, 2, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    "later epoch": (place(-1, epoch=1), ALICE, 1, ErrorCode.UNKNOWN_LEADER_EPOCH),
    "earlier epoch": (place(-1, epoch=-4), ALICE, 1, ErrorCode.FENCED_LEADER_EPOCH),
}


@pytest.mark.parametrize("case", UNPLACED.values(), ids=UNPLACED)
async def test_who_is_told_places(desk: Desk, case: tuple[ListOffsetsRequest, str, int, ErrorCode]) -> None:
    asked, who, at, error = case
    answer = await desk.ask(ListOffsetsResponse, asked, 9, who=who, at=at)
    assert answer.topics[0].partitions[0].error_code == error


@pytest.mark.parametrize("release", RELEASES)
async def test_every_version_of_a_release_finds_the_end(release: str) -> None:
    desk = Desk(cluster(release))
    fill(desk)
    for version in desk.apis[ApiKey.LIST_OFFSETS].versions:
        answer = (await desk.ask(ListOffsetsResponse, place(-1), version)).topics[0].partitions[0]
        assert (answer.old_style_offsets or (answer.offset,)) == (6,)


async def test_nothing_may_be_asked_for_twice(desk: Desk) -> None:
    (topic,) = place(-1).topics
    twice = ListOffsetsRequest(replica_id=-1, topics=(topic, topic))
    answer = await desk.ask(ListOffsetsResponse, twice, 9)
    assert {one.error_code for topic in answer.topics for one in topic.partitions} == {ErrorCode.INVALID_REQUEST}


EPOCHS = {
    "present": (0, ALICE, (ErrorCode.NONE, 0, 6)),
    "earlier": (-3, ALICE, (ErrorCode.NONE, -3, 0)),
    "none": (-1, ALICE, (ErrorCode.NONE, -1, -1)),
    "later": (4, ALICE, (ErrorCode.NONE, -1, -1)),
    "may see": (0, BOB, (ErrorCode.NONE, 0, 6)),
    "may not know": (0, MALLORY, (ErrorCode.TOPIC_AUTHORIZATION_FAILED, -1, -1)),
    "is a broker": (0, ROOT, (ErrorCode.NONE, 0, 6)),
}


@pytest.mark.parametrize("case", EPOCHS.values(), ids=EPOCHS)
async def test_ends_of_epochs(desk: Desk, case: tuple[int, str, tuple[ErrorCode, int, int]]) -> None:
    epoch, who, expected = case
    partition = OffsetForLeaderPartition(partition=0, leader_epoch=epoch)
    asked = OffsetForLeaderEpochRequest(topics=(OffsetForLeaderTopic(topic="orders", partitions=(partition,)),))
    for version in desk.apis[ApiKey.OFFSET_FOR_LEADER_EPOCH].versions:
        answer = await desk.ask(OffsetForLeaderEpochResponse, asked, version, who=who)
        (end,) = answer.topics[0].partitions
        assert (end.error_code, end.leader_epoch, end.end_offset) == expected


async def remove(desk: Desk, offset: int, *, topic: str = "orders", who: str = ALICE, at: int = 1) -> tuple[int, int]:
    partition = DeleteRecordsPartition(partition_index=0, offset=offset)
    asked = DeleteRecordsRequest(topics=(DeleteRecordsTopic(name=topic, partitions=(partition,)),), timeout_ms=1)
    answer = (await desk.ask(DeleteRecordsResponse, asked, 2, who=who, at=at)).topics[0].partitions[0]
    return answer.error_code, answer.low_watermark


REMOVED = {
    "some": (2, {}, (ErrorCode.NONE, 2)),
    "all": (-1, {}, (ErrorCode.NONE, 6)),
    "none": (0, {}, (ErrorCode.NONE, 0)),
    "too many": (7, {}, (ErrorCode.OFFSET_OUT_OF_RANGE, -1)),
    "fewer than none": (-2, {}, (ErrorCode.OFFSET_OUT_OF_RANGE, -1)),
    "may only see": (1, {"who": BOB}, (ErrorCode.TOPIC_AUTHORIZATION_FAILED, -1)),
    "no topic": (1, {"who": ROOT, "topic": "missing"}, (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)),
    "internal": (1, {"who": ROOT, "topic": "__consumer_offsets"}, (ErrorCode.INVALID_TOPIC_EXCEPTION, -1)),
    "another leader": (1, {"at": 2}, (ErrorCode.NOT_LEADER_OR_FOLLOWER, -1)),
}


@pytest.mark.parametrize("case", REMOVED.values(), ids=REMOVED)
async def test_removal(desk: Desk, case: tuple[int, dict[str, Any], tuple[ErrorCode, int]]) -> None:
    offset, manner, expected = case
    desk.state.add_topic("__consumer_offsets", 1)
    assert await remove(desk, offset, **manner) == expected


async def test_what_was_removed_is_gone(desk: Desk) -> None:
    before = desk.state.record_bytes
    await remove(desk, 4)
    assert (await fetch(desk, request(offset=3))).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert offsets(await fetch(desk, request(offset=4))) == [4]
    answer = await desk.ask(ListOffsetsResponse, place(0), 7)
    assert answer.topics[0].partitions[0].offset == 4
    assert 0 < desk.state.record_bytes < before
    desk.state.remove_topic("orders")
    assert desk.state.record_bytes == 0
