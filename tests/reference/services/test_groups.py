"""Groups are seen, listed, deleted, and keep offsets, as far as whoever asks may, and only at their coordinator."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from mskaudit.policy.acls import Operation
from mskaudit.reference.group import Group
from mskaudit.reference.members import Committed
from mskaudit.reference.services.coordinators import _java_hash
from mskaudit.reference.services.offsets import MOST_OFFSETS
from mskaudit.reference.state import topic_id
from mskaudit.wire.apis.groups import (
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
    ListGroupsRequest,
    ListGroupsResponse,
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from mskaudit.wire.apis.offsets import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, OPERATIONS_UNKNOWN, ApiKey
from tests.reference.services.desk import ALICE, BOB, MALLORY, RELEASES, ROOT, Desk, cluster


def founded(release: str = "4.4", brokers: int = 1) -> Desk:
    """A cluster whose groups are all coordinated by the first broker."""
    desk = Desk(cluster(release, brokers=brokers))
    desk.state.add_topic("__consumer_offsets", 1)
    return desk


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        ("a", 97),
        ("team", 3555933),
        ("hello world", 1794106052),
        ("polygenelubricants", 0),
        ("\ud83d\ude00", 1772899),
    ],
)
def test_keys_are_hashed_as_java_does(text: str, value: int) -> None:
    assert _java_hash(text) == value


@pytest.mark.parametrize("release", RELEASES)
async def test_the_first_question_makes_the_topic_that_coordinators_need(release: str) -> None:
    for version in Desk(cluster(release)).apis[ApiKey.FIND_COORDINATOR].versions:
        for kind, name in ((0, "__consumer_offsets"), (1, "__transaction_state"))[: 1 + (version > 0)]:
            desk = Desk(cluster(release))
            key = ("team", "pay")[kind]
            asked = FindCoordinatorRequest(key=key, key_type=kind)
            if version >= 4:
                asked = FindCoordinatorRequest(coordinator_keys=(key,), key_type=kind)
            first = await desk.ask(FindCoordinatorResponse, asked, version)
            assert error_of(first) == ErrorCode.COORDINATOR_NOT_AVAILABLE
            assert len(desk.state.topics[name].partitions) == 50
            second = await desk.ask(FindCoordinatorResponse, asked, version)
            found = second.coordinators[0] if version >= 4 else second
            assert (error_of(second), found.host) == (ErrorCode.NONE, f"127.0.0.{found.node_id}")


def error_of(answer: FindCoordinatorResponse) -> int:
    """The one error in an answer."""
    return answer.coordinators[0].error_code if answer.coordinators else answer.error_code


UNCOORDINATED = {
    "may not see": ("team", 0, MALLORY, ErrorCode.GROUP_AUTHORIZATION_FAILED),
    "may see": ("team", 0, BOB, ErrorCode.COORDINATOR_NOT_AVAILABLE),
    "may not see transactions": ("pay", 1, MALLORY, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    "share group": ("g:id:0", 2, ALICE, ErrorCode.CLUSTER_AUTHORIZATION_FAILED),
    "share group, as a broker": ("g:id:0", 2, ROOT, ErrorCode.INVALID_REQUEST),
    "no such kind": ("team", 9, ROOT, ErrorCode.INVALID_REQUEST),
}


@pytest.mark.parametrize("case", UNCOORDINATED.values(), ids=UNCOORDINATED)
async def test_who_is_told_coordinators(case: tuple[str, int, str, ErrorCode]) -> None:
    key, kind, who, error = case
    desk = Desk(cluster())
    single = FindCoordinatorRequest(key=key, key_type=kind)
    several = FindCoordinatorRequest(coordinator_keys=(key,), key_type=kind)
    assert error_of(await desk.ask(FindCoordinatorResponse, several, 6, who=who)) == error
    again = await Desk(cluster()).ask(FindCoordinatorResponse, single, 3, who=who)
    assert (again.error_code, again.node_id, again.port) == (error, -1, -1)


async def joined(desk: Desk, group_id: str = "team") -> str:
    """A member in a stable group."""
    protocols = (JoinGroupRequestProtocol(name="range", metadata=b"orders"),)
    asked = JoinGroupRequest(
        group_id=group_id,
        session_timeout_ms=6000,
        rebalance_timeout_ms=6000,
        member_id="",
        protocol_type="consumer",
        protocols=protocols,
    )
    member = (await desk.ask(JoinGroupResponse, asked, 3)).member_id
    shares = (SyncGroupRequestAssignment(member_id=member, assignment=b"all"),)
    syncing = SyncGroupRequest(group_id=group_id, generation_id=1, member_id=member, assignments=shares)
    await desk.ask(SyncGroupResponse, syncing, 2)
    return member


async def described(desk: Desk, version: int = 5, *, who: str = ALICE, at: int = 1) -> DescribedGroup:
    asked = DescribeGroupsRequest(groups=("team",), include_authorized_operations=version >= 3)
    return (await desk.ask(DescribeGroupsResponse, asked, version, who=who, at=at)).groups[0]


@pytest.mark.parametrize("release", RELEASES)
async def test_every_version_of_a_release_describes(release: str) -> None:
    desk = founded(release)
    member = await joined(desk)
    for version in desk.apis[ApiKey.DESCRIBE_GROUPS].versions:
        group = await described(desk, version)
        assert (group.group_state, group.protocol_type, group.protocol_data) == ("Stable", "consumer", "range")
        (seen,) = group.members
        assert (seen.member_id, seen.client_id, seen.client_host) == (member, "desk", "/127.0.0.1")
        assert (seen.member_metadata, seen.member_assignment) == (b"orders", b"all")


ALL_3 = 1 << Operation.READ | 1 << Operation.DELETE | 1 << Operation.DESCRIBE
ALL_4 = ALL_3 | 1 << Operation.DESCRIBE_CONFIGS | 1 << Operation.ALTER_CONFIGS
STRANGERS = {
    "hidden": ("4.4", MALLORY, 1, 5, (ErrorCode.GROUP_AUTHORIZATION_FAILED, "", OPERATIONS_UNKNOWN)),
    "another coordinator": ("4.4", ALICE, 2, 5, (ErrorCode.NOT_COORDINATOR, "", OPERATIONS_UNKNOWN)),
    "unknown": ("4.4", ALICE, 1, 5, (ErrorCode.NONE, "Dead", ALL_3)),
    "unknown to 3": ("3.9", ROOT, 1, 5, (ErrorCode.NONE, "Dead", ALL_3)),
    "unknown to 4": ("4.4", ROOT, 1, 5, (ErrorCode.NONE, "Dead", ALL_4)),
    "may only see": ("4.4", BOB, 1, 5, (ErrorCode.NONE, "Dead", 1 << Operation.DESCRIBE)),
    "not found": ("4.4", ALICE, 1, 6, (ErrorCode.GROUP_ID_NOT_FOUND, "Dead", OPERATIONS_UNKNOWN)),
}


@pytest.mark.parametrize("case", STRANGERS.values(), ids=STRANGERS)
async def test_what_is_said_of_unknown_groups(case: tuple[str, str, int, int, tuple[ErrorCode, str, int]]) -> None:
    release, who, at, version, expected = case
    group = await described(founded(release, brokers=3), version, who=who, at=at)
    assert (group.error_code, group.group_state, group.authorized_operations) == expected
    assert group.members == ()


async def listed(desk: Desk, version: int = 5, *, who: str = ALICE, at: int = 1, **filters: Any) -> list[str]:
    answer = await desk.ask(ListGroupsResponse, ListGroupsRequest(**filters), version, who=who, at=at)
    assert answer.error_code == ErrorCode.NONE
    return [group.group_id for group in answer.groups]


@pytest.mark.parametrize("release", RELEASES)
async def test_groups_are_listed_to_whoever_may_see_them(release: str) -> None:
    desk = founded(release, brokers=3)
    await joined(desk)
    desk.state.groups["theirs"] = Group("theirs", delay=0)
    for version in desk.apis[ApiKey.LIST_GROUPS].versions:
        assert await listed(desk, version) == ["team"]
        assert await listed(desk, version, who=MALLORY) == []
        assert await listed(desk, version, who=ROOT) == ["team", "theirs"]
        assert await listed(desk, version, who=ROOT, at=2) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"states_filter": ("stable",)}, ["team"]),
        ({"states_filter": ("Empty", "Dead")}, ["theirs"]),
        ({"states_filter": ("bogus",)}, []),
        ({"types_filter": ("Classic",)}, ["team", "theirs"]),
        ({"types_filter": ("consumer",)}, []),
    ],
    ids=str,
)
async def test_groups_are_listed_by_state_and_type(filters: dict[str, Any], expected: list[str]) -> None:
    desk = founded()
    await joined(desk)
    desk.state.groups["theirs"] = Group("theirs", delay=0)
    assert await listed(desk, who=ROOT, **filters) == expected


async def deleted(desk: Desk, group_id: str, version: int = 2, *, who: str = ALICE, at: int = 1) -> int:
    asked = DeleteGroupsRequest(groups_names=(group_id,))
    return (await desk.ask(DeleteGroupsResponse, asked, version, who=who, at=at)).results[0].error_code


async def test_deletion() -> None:
    desk = founded(brokers=3)
    await joined(desk)
    desk.state.groups["other"] = Group("other", delay=0)
    assert await deleted(desk, "team", who=BOB) == ErrorCode.GROUP_AUTHORIZATION_FAILED
    assert await deleted(desk, "other", at=2) == ErrorCode.NOT_COORDINATOR
    assert await deleted(desk, "team") == ErrorCode.NON_EMPTY_GROUP
    assert await deleted(desk, "other") == ErrorCode.NONE
    for version in desk.apis[ApiKey.DELETE_GROUPS].versions:
        assert await deleted(desk, "other", version) == ErrorCode.GROUP_ID_NOT_FOUND
    assert list(desk.state.groups) == ["team"]


def commit(offset: int = 7, **changes: Any) -> OffsetCommitRequest:
    """Keep one offset."""
    given: dict[str, Any] = {"group": "team", "topic": "orders", "topic_id": NO_UUID, "index": 0, "metadata": "note"}
    given |= {"generation": -1, "member": ""} | changes
    partition = OffsetCommitRequestPartition(
        partition_index=given["index"], committed_offset=offset, committed_metadata=given["metadata"]
    )
    topic = OffsetCommitRequestTopic(name=given["topic"], topic_id=given["topic_id"], partitions=(partition,))
    return OffsetCommitRequest(
        group_id=given["group"],
        generation_id_or_member_epoch=given["generation"],
        member_id=given["member"],
        topics=(topic,),
    )


async def committed(desk: Desk, asked: OffsetCommitRequest, version: int = 8, *, who: str = ALICE, at: int = 1) -> int:
    answer = await desk.ask(OffsetCommitResponse, asked, version, who=who, at=at)
    return answer.topics[0].partitions[0].error_code


Kept = list[tuple[str, int, int, str | None, int]]


async def fetched(
    desk: Desk, topics: dict[str, tuple[int, ...]] | None, version: int = 7, *, who: str = ALICE, at: int = 1
) -> tuple[int, Kept]:
    """The error, and topic, partition, offset, note and error of each place."""
    asked = OffsetFetchRequest(
        group_id="team",
        topics=None
        if topics is None
        else tuple(OffsetFetchRequestTopic(name=name, partition_indexes=indexes) for name, indexes in topics.items()),
    )
    if version >= 8:
        wanted = None
        if topics is not None:
            wanted = tuple(
                OffsetFetchRequestTopics(name=name, topic_id=topic_id(name), partition_indexes=indexes)
                for name, indexes in topics.items()
            )
        asked = OffsetFetchRequest(groups=(OffsetFetchRequestGroup(group_id="team", topics=wanted),))
    answer = await desk.ask(OffsetFetchResponse, asked, version, who=who, at=at)
    found = answer.groups[0] if version >= 8 else answer
    return found.error_code, [
        (topic.name, one.partition_index, one.committed_offset, one.metadata, one.error_code)
        for topic in found.topics
        for one in topic.partitions
    ]


@pytest.mark.parametrize("release", RELEASES)
async def test_every_version_of_a_release_keeps_offsets(release: str) -> None:
    desk = founded(release)
    for version in desk.apis[ApiKey.OFFSET_COMMIT].versions:
        asked = commit(version, topic_id=topic_id("orders"))
        assert await committed(desk, asked, version) == ErrorCode.NONE
        assert desk.state.groups["team"].offsets["orders", 0].offset == version
    for version in desk.apis[ApiKey.OFFSET_FETCH].versions:
        name = "" if version >= 10 else "orders"
        last = desk.apis[ApiKey.OFFSET_COMMIT].versions[-1]
        expected = [(name, 0, last, "note", 0), (name, 2, -1, "", 0)]
        assert await fetched(desk, {"orders": (0, 2)}, version) == (0, expected)
        if version >= 2:
            assert await fetched(desk, None, version) == (0, expected[:1])


UNKEPT: dict[str, tuple[OffsetCommitRequest, dict[str, Any], ErrorCode]] = {
    "may only see": (commit(), {"who": BOB}, ErrorCode.GROUP_AUTHORIZATION_FAILED),
    "another coordinator": (commit(), {"at": 2}, ErrorCode.NOT_COORDINATOR),
    "may not read the topic": (commit(topic="secrets"), {}, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "no topic": (commit(topic="missing"), {"who": ROOT}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "no such id": (commit(topic_id=UUID(int=7)), {"version": 10}, ErrorCode.UNKNOWN_TOPIC_ID),
    "no partition": (commit(index=3), {}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    "long note": (commit(metadata="n" * 4097), {}, ErrorCode.OFFSET_METADATA_TOO_LARGE),
    "generation of no group": (commit(group="other", generation=1), {}, ErrorCode.ILLEGAL_GENERATION),
    "no member": (commit(member="x", generation=1), {}, ErrorCode.UNKNOWN_MEMBER_ID),
    "beside the members": (commit(), {}, ErrorCode.UNKNOWN_MEMBER_ID),
}


@pytest.mark.parametrize("case", UNKEPT.values(), ids=UNKEPT)
async def test_offsets_that_are_not_kept(case: tuple[OffsetCommitRequest, dict[str, Any], ErrorCode]) -> None:
    asked, manner, error = case
    desk = founded(brokers=3)
    if error is ErrorCode.UNKNOWN_MEMBER_ID:
        await joined(desk)
    assert await committed(desk, asked, **manner) == error
    assert all(not group.offsets for group in desk.state.groups.values())


async def test_members_keep_offsets_of_their_generation() -> None:
    desk = founded()
    member = await joined(desk)
    assert await committed(desk, commit(member=member, generation=2)) == ErrorCode.ILLEGAL_GENERATION
    assert await committed(desk, commit(member=member, generation=1)) == ErrorCode.NONE


async def test_offsets_are_not_kept_without_end() -> None:
    desk = founded()
    full = Group("other", delay=0)
    full.offsets = {
        ("orders", index): Committed(offset=0, leader_epoch=0, metadata="") for index in range(MOST_OFFSETS)
    }
    desk.state.groups["other"] = full
    assert await committed(desk, commit()) == ErrorCode.INVALID_COMMIT_OFFSET_SIZE


async def test_who_is_told_offsets() -> None:
    desk = founded(brokers=3)
    await committed(desk, commit())
    assert await fetched(desk, None, who=BOB) == (0, [("orders", 0, 7, "note", 0)])
    for version in (2, 7, 8):
        assert await fetched(desk, {"orders": (0,)}, version, who=MALLORY) == (30, [])
        assert await fetched(desk, {"orders": (0,)}, version, at=2) == (16, [])
    assert await fetched(desk, {"orders": (0,)}, 2, who=BOB) == (0, [("orders", 0, 7, "note", 0)])
    hidden = [("orders", 0, 7, "note", 0), ("secrets", 0, -1, "", 29)]
    assert await fetched(desk, {"secrets": (0,), "orders": (0,)}) == (0, hidden)


async def test_the_oldest_versions_tell_the_error_at_every_place() -> None:
    desk = founded("3.9")
    expected = [("orders", 0, -1, "", 30), ("orders", 1, -1, "", 30)]
    assert await fetched(desk, {"orders": (0, 1)}, 1, who=MALLORY) == (0, expected)


async def test_a_topic_that_goes_takes_its_offsets_along() -> None:
    desk = founded()
    await committed(desk, commit())
    desk.state.remove_topic("orders")
    assert await fetched(desk, None, who=ROOT) == (0, [])
