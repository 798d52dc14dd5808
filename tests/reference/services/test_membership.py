"""Members of a group meet at its coordinator over the wire, in every version, and are let in only where they may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mskaudit.reference.state import MOST_GROUPS
from mskaudit.wire.apis.groups import (
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey
from tests.reference.services.desk import ALICE, BOB, MALLORY, RELEASES, Desk, cluster, until

if TYPE_CHECKING:
    from mskaudit.wire.messages import Request

JOIN = JoinGroupRequest(
    group_id="team",
    session_timeout_ms=6000,
    rebalance_timeout_ms=60_000,
    member_id="",
    protocol_type="consumer",
    protocols=(JoinGroupRequestProtocol(name="range", metadata=b"orders"),),
)


def sync(joined: JoinGroupResponse, shares: dict[str, bytes]) -> SyncGroupRequest:
    """Ask for one's share."""
    return SyncGroupRequest(
        group_id="team",
        generation_id=joined.generation_id,
        member_id=joined.member_id,
        protocol_type="consumer",
        protocol_name="range",
        assignments=tuple(SyncGroupRequestAssignment(member_id=who, assignment=share) for who, share in shares.items()),
    )


def beat(joined: JoinGroupResponse) -> HeartbeatRequest:
    """Say that one is alive."""
    return HeartbeatRequest(group_id="team", generation_id=joined.generation_id, member_id=joined.member_id)


def founded(release: str = "4.4", brokers: int = 1) -> Desk:
    """A cluster that can coordinate groups."""
    desk = Desk(cluster(release, brokers=brokers))
    desk.state.add_topic("__consumer_offsets", 1)
    return desk


async def come(desk: Desk, *, version: int = 9) -> JoinGroupResponse:
    """Join a group, coming back with an id where one is given."""
    joined = await desk.ask(JoinGroupResponse, JOIN, version)
    if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
        joined = await desk.ask(JoinGroupResponse, replace(JOIN, member_id=joined.member_id), version)
    assert joined.error_code == ErrorCode.NONE
    return joined


@pytest.mark.parametrize("release", RELEASES)
async def test_every_version_of_a_release_joins_gets_its_share_and_leaves(release: str) -> None:
    desk = founded(release)
    apis = desk.apis
    for version in apis[ApiKey.JOIN_GROUP].versions:
        joined = await come(desk, version=version)
        assert (joined.leader, joined.protocol_name) == (joined.member_id, "range")
        assert [member.metadata for member in joined.members] == [b"orders"]
        at = min(version, apis[ApiKey.SYNC_GROUP].versions[-1])
        synced = await desk.ask(SyncGroupResponse, sync(joined, {joined.member_id: b"all"}), at)
        assert (synced.error_code, synced.assignment) == (ErrorCode.NONE, b"all")
        at = min(version, apis[ApiKey.HEARTBEAT].versions[-1])
        assert (await desk.ask(HeartbeatResponse, beat(joined), at)).error_code == ErrorCode.NONE
        at = min(version, apis[ApiKey.LEAVE_GROUP].versions[-1])
        leaving = LeaveGroupRequest(group_id="team", member_id=joined.member_id)
        if at >= 3:
            leaving = LeaveGroupRequest(group_id="team", members=(MemberIdentity(member_id=joined.member_id),))
        left = await desk.ask(LeaveGroupResponse, leaving, at)
        assert [left.error_code, *(member.error_code for member in left.members)] == [0] * (1 + (at >= 3))
    assert not desk.state.groups["team"].members


async def test_two_members_share() -> None:
    desk = founded()
    first = await come(desk)
    await desk.ask(SyncGroupResponse, sync(first, {first.member_id: b"all"}), 5)
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(come(desk))
        group = desk.state.groups["team"]
        await until(lambda: len(group.members) == 2)
        assert (await desk.ask(HeartbeatResponse, beat(first), 4)).error_code == ErrorCode.REBALANCE_IN_PROGRESS
        again = await desk.ask(JoinGroupResponse, replace(JOIN, member_id=first.member_id), 9)
    follower = await second
    assert {member.member_id for member in again.members} == {first.member_id, follower.member_id}
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(desk.ask(SyncGroupResponse, sync(follower, {}), 5))
        await until(lambda: any(member.sync for member in group.members.values()))
        shares = {first.member_id: b"half", follower.member_id: b"other half"}
        assert (await desk.ask(SyncGroupResponse, sync(again, shares), 5)).assignment == b"half"
    assert (await waiting).assignment == b"other half"


async def test_a_member_does_not_wait_for_ever_for_others() -> None:
    desk = founded()
    short = replace(JOIN, rebalance_timeout_ms=1)
    first = await desk.ask(JoinGroupResponse, short, 3)
    second = await desk.ask(JoinGroupResponse, replace(short, session_timeout_ms=7000), 3)
    assert (second.leader, second.generation_id) == (second.member_id, first.generation_id + 1)


async def test_a_member_that_waits_when_the_cluster_ends_is_let_go() -> None:
    desk = founded()
    await come(desk)
    waiting = asyncio.create_task(come(desk))
    await until(lambda: len(desk.state.groups["team"].members) == 2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def stranger(group_id: str = "team") -> tuple[Request, ...]:
    """What somebody asks who is no member."""
    return (
        replace(JOIN, group_id=group_id),
        SyncGroupRequest(group_id=group_id, generation_id=1, member_id="x", assignments=()),
        HeartbeatRequest(group_id=group_id, generation_id=1, member_id="x"),
        LeaveGroupRequest(group_id=group_id, member_id="x"),
    )


VERSIONS = (3, 2, 2, 2)


async def errors(desk: Desk, group_id: str, **manner: Any) -> list[int]:
    """What joining, syncing, beating and leaving are answered with."""
    found = []
    for asked, version in zip(stranger(group_id), VERSIONS, strict=True):
        _, answer = await desk.put(asked, version, **manner)
        assert isinstance(answer, JoinGroupResponse | SyncGroupResponse | HeartbeatResponse | LeaveGroupResponse)
        found.append(answer.error_code)
    return found


@pytest.mark.parametrize(
    ("who", "group_id", "expected"),
    [
        (MALLORY, "team", [30, 30, 30, 30]),
        (BOB, "team", [30, 30, 30, 30]),
        (ALICE, "theirs", [30, 30, 30, 30]),
        (ALICE, "team", [0, 25, 25, 25]),
    ],
    ids=["nobody", "may only see", "another's group", "stranger"],
)
async def test_who_is_listened_to(who: str, group_id: str, expected: list[int]) -> None:
    assert await errors(founded(), group_id, who=who) == expected


async def test_only_the_coordinator_listens() -> None:
    assert await errors(Desk(cluster()), "team") == [16] * 4, "there is none yet"
    desk = founded(brokers=3)
    answers = [await errors(desk, "team", at=number) for number in (1, 2, 3)]
    assert answers == [[0, 25, 25, 25], [16] * 4, [16] * 4]


async def test_a_group_has_a_name() -> None:
    desk = Desk(cluster(brokers=1, authorizer=False))
    desk.state.add_topic("__consumer_offsets", 1)
    assert await errors(desk, "") == [24] * 4


BAD_JOINS = {
    "too short a session": ({"session_timeout_ms": 5999}, ErrorCode.INVALID_SESSION_TIMEOUT),
    "too long a session": ({"session_timeout_ms": 1_800_001}, ErrorCode.INVALID_SESSION_TIMEOUT),
    "no protocols": ({"protocols": ()}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "no type": ({"protocol_type": ""}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "id that nobody gave": ({"member_id": "mine"}, ErrorCode.UNKNOWN_MEMBER_ID),
}


@pytest.mark.parametrize("case", BAD_JOINS.values(), ids=BAD_JOINS)
async def test_bad_joins(case: tuple[dict[str, Any], ErrorCode]) -> None:
    changes, error = case
    for version in (0, 4, 9):
        answer = await founded().ask(JoinGroupResponse, replace(JOIN, **changes), version)
        assert (answer.error_code, answer.protocol_name) == (error, None if version >= 7 else "")


async def test_new_clients_say_which_protocol_they_mean() -> None:
    asked = SyncGroupRequest(group_id="team", generation_id=1, member_id="x", assignments=())
    answer = await founded().ask(SyncGroupResponse, asked, 5)
    assert answer.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


async def test_groups_that_hold_nothing_make_room_for_others() -> None:
    desk = Desk(cluster(brokers=1, authorizer=False))
    desk.state.add_topic("__consumer_offsets", 1)
    empty = replace(JOIN, protocols=())
    for number in range(MOST_GROUPS):
        await desk.ask(JoinGroupResponse, replace(empty, group_id=f"g{number}"), 9)
    assert len(desk.state.groups) == MOST_GROUPS
    await come(desk)
    assert list(desk.state.groups) == ["team"]
