"""A consumer group goes through its generations as Kafka's does, whatever its members do and however late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mskaudit.reference.group import MOST_MEMBER_BYTES, MOST_MEMBERS, Group
from mskaudit.reference.members import Committed, GroupState, Joined, Joining, Synced, Syncing, Ticket
from mskaudit.wire.codes import ErrorCode

JOINING = Joining(
    member_id="",
    instance_id=None,
    client_id="client",
    host="127.0.0.1",
    session_timeout=10.0,
    rebalance_timeout=60.0,
    protocol_type="consumer",
    protocols=(("range", b"r"), ("sticky", b"s")),
    can_come_back=True,
    can_skip=True,
)
Answer = TypeVar("Answer")
STATIC = replace(JOINING, instance_id="place")


class Clock:
    """A group, and the time it is told."""

    def __init__(self, *, delay: float = 0.0) -> None:
        self.group = Group("team", delay=delay)
        self.now = 1000.0

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.group.advance(self.now)

    def come(self, joining: Joining = JOINING) -> tuple[str, Ticket[Joined]]:
        """Let a member join that brings the id back that it is given."""
        answer = self.group.join(joining, self.now).answer
        assert answer is not None
        assert answer.error is ErrorCode.MEMBER_ID_REQUIRED
        return answer.member_id, self.again(answer.member_id, joining)

    def again(self, member_id: str, joining: Joining = JOINING) -> Ticket[Joined]:
        """Let a member join with its id."""
        return self.group.join(replace(joining, member_id=member_id), self.now)

    def sync(self, joined: Joined, shares: tuple[tuple[str, bytes], ...] = (), **changes: Any) -> Ticket[Synced]:
        """Let a member ask for its share."""
        syncing = Syncing(
            member_id=joined.member_id,
            instance_id=None,
            generation=joined.generation,
            protocol_type=None,
            protocol=None,
            assignments=shares,
        )
        return self.group.sync(replace(syncing, **changes), self.now)

    def beat(self, member_id: str, generation: int | None = None, instance_id: str | None = None) -> ErrorCode:
        """Let a member say that it is alive."""
        told = self.group.generation if generation is None else generation
        return self.group.heartbeat(member_id, instance_id, generation=told, now=self.now)

    def pair(self) -> tuple[Joined, Joined]:
        """Two members in a stable group: the leader and the other."""
        one, first = self.come()
        assert first.answer is not None
        other, second = self.come()
        rejoined = self.again(one)
        leader, follower = settled(rejoined), settled(second)
        waiting = self.sync(follower)
        assert waiting.answer is None
        settled(self.sync(leader, ((one, b"1"), (other, b"2"))))
        assert settled(waiting).assignment == b"2"
        return leader, follower


def settled(ticket: Ticket[Answer]) -> Answer:
    """The answer of a ticket that has one."""
    assert ticket.answer is not None
    return ticket.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_first_member_leads_and_is_told_all(clock: Clock) -> None:
    leader, follower = clock.pair()
    assert (leader.leader, follower.leader) == (leader.member_id, leader.member_id)
    assert {member for member, _, _ in leader.members} == {leader.member_id, follower.member_id}
    assert follower.members == ()
    assert (leader.protocol, leader.generation, clock.group.state) == ("range", 2, GroupState.STABLE)


def test_old_clients_join_without_coming_back(clock: Clock) -> None:
    joined = settled(clock.group.join(replace(JOINING, can_come_back=False), clock.now))
    assert (joined.error, joined.generation, joined.leader) == (ErrorCode.NONE, 1, joined.member_id)


def test_the_first_rebalance_waits_for_more() -> None:
    clock = Clock(delay=3.0)
    _, first = clock.come()
    clock.pass_by(2.9)
    _, second = clock.come()
    clock.pass_by(0.2)
    assert (first.answer, second.answer) == (None, None)
    clock.pass_by(3.0)
    assert {settled(first).generation, settled(second).generation} == {1}


def test_members_hear_of_a_rebalance_and_may_commit_meanwhile(clock: Clock) -> None:
    leader, follower = clock.pair()
    clock.come()
    assert clock.beat(leader.member_id) is ErrorCode.REBALANCE_IN_PROGRESS
    assert clock.group.may_commit(follower.member_id, None, generation=2, now=clock.now) is ErrorCode.NONE
    assert settled(clock.sync(follower)).error is ErrorCode.REBALANCE_IN_PROGRESS


def test_who_does_not_join_again_is_left_behind(clock: Clock) -> None:
    leader, follower = clock.pair()
    newcomer, ticket = clock.come()
    for _ in range(12):
        clock.pass_by(4.9)
        clock.beat(leader.member_id)
        clock.beat(follower.member_id)
    assert ticket.answer is None
    clock.pass_by(1.3)
    assert settled(ticket).leader == newcomer
    assert list(clock.group.members) == [newcomer]
    assert clock.beat(leader.member_id) is ErrorCode.UNKNOWN_MEMBER_ID


def test_who_says_nothing_is_taken_for_dead(clock: Clock) -> None:
    leader, follower = clock.pair()
    clock.pass_by(9.0)
    assert clock.beat(leader.member_id) is ErrorCode.NONE
    clock.pass_by(1.1)
    assert clock.beat(leader.member_id) is ErrorCode.REBALANCE_IN_PROGRESS
    assert clock.beat(follower.member_id) is ErrorCode.UNKNOWN_MEMBER_ID
    rejoined = settled(clock.again(leader.member_id))
    assert (rejoined.generation, len(rejoined.members)) == (3, 1)


def test_all_gone_is_empty(clock: Clock) -> None:
    clock.pair()
    clock.pass_by(10.1)
    assert (clock.group.state, clock.group.due) == (GroupState.EMPTY, None)


def test_who_never_asks_for_a_share_is_left_behind(clock: Clock) -> None:
    one, first = clock.come(replace(JOINING, rebalance_timeout=5.0))
    assert settled(first).generation == 1
    assert clock.beat(one) is ErrorCode.NONE
    clock.pass_by(5.1)
    assert clock.beat(one) is ErrorCode.UNKNOWN_MEMBER_ID
    assert clock.group.state is GroupState.EMPTY


def test_who_does_not_come_back_is_not_waited_for(clock: Clock) -> None:
    leader, _ = clock.pair()
    stray = settled(clock.group.join(JOINING, clock.now)).member_id
    clock.group.leave(leader.member_id, None, clock.now)
    follower = next(iter(clock.group.members))
    waiting = clock.again(follower)
    assert waiting.answer is None
    clock.pass_by(10.1)
    assert settled(waiting).leader == follower
    assert clock.again(stray).answer == Joined(error=ErrorCode.UNKNOWN_MEMBER_ID, member_id=stray)


def test_leaving_starts_a_rebalance(clock: Clock) -> None:
    leader, follower = clock.pair()
    assert clock.group.leave(leader.member_id, None, clock.now) is ErrorCode.NONE
    assert clock.group.leave(leader.member_id, None, clock.now) is ErrorCode.UNKNOWN_MEMBER_ID
    assert clock.beat(follower.member_id) is ErrorCode.REBALANCE_IN_PROGRESS
    assert settled(clock.again(follower.member_id)).leader == follower.member_id


def test_a_member_that_leaves_while_it_waits_is_told(clock: Clock) -> None:
    leader, follower = clock.pair()
    waiting = clock.again(leader.member_id)
    clock.group.leave(leader.member_id, None, clock.now)
    assert settled(waiting).error is ErrorCode.UNKNOWN_MEMBER_ID
    assert settled(clock.again(follower.member_id)).error is ErrorCode.NONE


def test_a_lost_answer_is_given_again(clock: Clock) -> None:
    leader, follower = clock.pair()
    assert settled(clock.again(follower.member_id)) == follower
    assert settled(clock.sync(follower)).assignment == b"2"
    assert clock.again(leader.member_id).answer is None, "a leader that joins again wants a rebalance"


REFUSED = {
    "another type": (replace(JOINING, protocol_type="connect"), ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "nothing in common": (replace(JOINING, protocols=(("mine", b""),)), ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "no protocol": (replace(JOINING, protocols=()), ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "unknown": (replace(JOINING, member_id="stranger"), ErrorCode.UNKNOWN_MEMBER_ID),
    "unknown instance": (replace(STATIC, member_id="stranger"), ErrorCode.UNKNOWN_MEMBER_ID),
    "too much to say": (
        replace(JOINING, protocols=(("range", bytes(MOST_MEMBER_BYTES)),)),
        ErrorCode.GROUP_MAX_SIZE_REACHED,
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_who_may_not_join(clock: Clock, case: tuple[Joining, ErrorCode]) -> None:
    clock.pair()
    joining, error = case
    assert settled(clock.group.join(joining, clock.now)).error is error
    assert (clock.group.state, len(clock.group.members)) == (GroupState.STABLE, 2)


def test_a_group_is_full_at_some_time(clock: Clock) -> None:
    for _ in range(MOST_MEMBERS):
        assert settled(clock.group.join(JOINING, clock.now)).error is ErrorCode.MEMBER_ID_REQUIRED
    assert settled(clock.group.join(JOINING, clock.now)).error is ErrorCode.GROUP_MAX_SIZE_REACHED


def test_the_protocol_is_what_most_like_best_of_what_all_know(clock: Clock) -> None:
    wide = replace(JOINING, protocols=(("a", b""), ("b", b""), ("c", b"")))
    one, _ = clock.come(wide)
    clock.come(replace(JOINING, protocols=(("c", b""), ("b", b""))))
    clock.come(replace(JOINING, protocols=(("c", b""), ("b", b""), ("d", b""))))
    assert settled(clock.again(one, wide)).protocol == "c"


SYNC_FAULTS = {
    "generation": ({"generation": 1}, ErrorCode.ILLEGAL_GENERATION),
    "member": ({"member_id": "stranger"}, ErrorCode.UNKNOWN_MEMBER_ID),
    "type": ({"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "protocol": ({"protocol": "sticky"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    "instance": ({"instance_id": "place"}, ErrorCode.UNKNOWN_MEMBER_ID),
}


@pytest.mark.parametrize("case", SYNC_FAULTS.values(), ids=SYNC_FAULTS)
def test_shares_are_for_members_of_the_generation(clock: Clock, case: tuple[dict[str, Any], ErrorCode]) -> None:
    leader, _ = clock.pair()
    changes, error = case
    assert settled(clock.sync(leader, **changes)).error is error


def test_shares_that_are_too_large_are_not_kept(clock: Clock) -> None:
    one, first = clock.come()
    joined = settled(first)
    synced = settled(clock.sync(joined, ((one, bytes(MOST_MEMBER_BYTES + 1)),)))
    assert (synced.error, clock.group.state) == (ErrorCode.UNKNOWN_SERVER_ERROR, GroupState.PREPARING)


def static(clock: Clock, joining: Joining = STATIC) -> Joined:
    """A static member in a stable group."""
    joined = settled(clock.group.join(joining, clock.now))
    settled(clock.sync(joined, ((joined.member_id, b"share"),)))
    return joined


def test_a_static_member_takes_its_place_again(clock: Clock) -> None:
    before = static(clock)
    after = settled(clock.group.join(STATIC, clock.now))
    assert after.member_id != before.member_id
    assert (after.generation, after.leader, after.skip_assignment) == (1, after.member_id, True)
    assert clock.beat(before.member_id, instance_id="place") is ErrorCode.FENCED_INSTANCE_ID
    assert clock.beat(after.member_id, instance_id="place") is ErrorCode.NONE
    assert settled(clock.sync(after)).assignment == b"share"


def test_an_old_static_leader_does_not_share_out_again(clock: Clock) -> None:
    before = static(clock)
    after = settled(clock.group.join(replace(STATIC, can_skip=False), clock.now))
    assert (after.leader, after.members, after.skip_assignment) == (before.member_id, (), False)


def test_a_static_member_with_other_protocols_begins_a_rebalance(clock: Clock) -> None:
    static(clock, replace(STATIC, protocols=(("range", b""), ("sticky", b""))))
    ticket = clock.group.join(replace(STATIC, protocols=(("sticky", b""), ("range", b""))), clock.now)
    assert (settled(ticket).generation, settled(ticket).protocol) == (2, "sticky")


def test_a_static_member_is_fenced_while_it_waits(clock: Clock) -> None:
    static(clock)
    clock.come()
    waiting = clock.again(next(iter(clock.group.members)), STATIC)
    assert settled(waiting).generation == 2
    clock.come()
    held = clock.group.members[settled(waiting).member_id]
    first = clock.again(held.member_id, STATIC)
    assert first.answer is None
    clock.group.join(STATIC, clock.now)
    assert settled(first).error is ErrorCode.FENCED_INSTANCE_ID


def test_a_static_member_leaves_by_its_instance(clock: Clock) -> None:
    joined = static(clock)
    assert clock.group.leave("", "nowhere", clock.now) is ErrorCode.UNKNOWN_MEMBER_ID
    assert clock.group.leave("other", "place", clock.now) is ErrorCode.FENCED_INSTANCE_ID
    assert clock.group.leave("", "place", clock.now) is ErrorCode.NONE
    assert clock.group.state is GroupState.EMPTY
    assert clock.beat(joined.member_id) is ErrorCode.UNKNOWN_MEMBER_ID


def test_offsets_are_taken_from_members_or_where_there_are_none(clock: Clock) -> None:
    group = clock.group
    assert group.may_commit("", None, generation=-1, now=clock.now) is ErrorCode.NONE
    assert group.may_commit("stranger", None, generation=0, now=clock.now) is ErrorCode.UNKNOWN_MEMBER_ID
    one, first = clock.come()
    assert group.may_commit(one, None, generation=1, now=clock.now) is ErrorCode.REBALANCE_IN_PROGRESS
    clock.sync(settled(first))
    assert group.may_commit("", None, generation=-1, now=clock.now) is ErrorCode.UNKNOWN_MEMBER_ID
    assert group.may_commit(one, None, generation=2, now=clock.now) is ErrorCode.ILLEGAL_GENERATION
    assert group.may_commit(one, None, generation=1, now=clock.now) is ErrorCode.NONE


def test_a_deleted_group_sends_its_members_elsewhere(clock: Clock) -> None:
    clock.group.offsets["orders", 0] = Committed(offset=1, leader_epoch=0, metadata="")
    clock.group.forget_topic("orders")
    assert not clock.group.offsets
    clock.group.end()
    assert settled(clock.group.join(JOINING, clock.now)).error is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert clock.group.leave("a", None, clock.now) is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert clock.beat("a") is ErrorCode.COORDINATOR_NOT_AVAILABLE


class Life(RuleBasedStateMachine):
    """Members come, go, stall and lie; at the end time passes and nobody waits any more."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.tickets: list[Ticket[Joined] | Ticket[Synced]] = []
        self.generation = 0

    def _someone(self, number: int) -> str:
        known = [*self.clock.group.members, *self.clock.group._pending, "stranger"]
        return known[number % len(known)]

    @rule(
        instance=st.sampled_from([None, "x", "y"]),
        protocols=st.sampled_from([("a",), ("a", "b"), ("b", "a")]),
        rebalance=st.sampled_from([0.0, 5.0, 60.0]),
        old=st.booleans(),
    )
    def come(self, instance: str | None, protocols: tuple[str, ...], rebalance: float, *, old: bool) -> None:
        joining = replace(
            JOINING,
            instance_id=instance,
            protocols=tuple((name, b"") for name in protocols),
            rebalance_timeout=rebalance,
            can_come_back=not old,
        )
        self.tickets.append(self.clock.group.join(joining, self.clock.now))

    @rule(number=st.integers(0, 9), protocols=st.sampled_from([("a",), ("a", "b")]))
    def come_again(self, number: int, protocols: tuple[str, ...]) -> None:
        member_id = self._someone(number)
        known = self.clock.group.members
        instance = known[member_id].joined_as.instance_id if member_id in known else None
        joining = replace(JOINING, instance_id=instance, protocols=tuple((name, b"") for name in protocols))
        self.tickets.append(self.clock.again(member_id, joining))

    @rule(number=st.integers(0, 9), behind=st.integers(0, 1))
    def sync(self, number: int, behind: int) -> None:
        joined = Joined(member_id=self._someone(number), generation=self.clock.group.generation - behind)
        self.tickets.append(self.clock.sync(joined, ((joined.member_id, b"share"),)))

    @rule(number=st.integers(0, 9))
    def beat(self, number: int) -> None:
        self.clock.beat(self._someone(number))

    @rule(number=st.integers(0, 9))
    def leave(self, number: int) -> None:
        self.clock.group.leave(self._someone(number), None, self.clock.now)

    @rule(seconds=st.sampled_from([0.0, 1.0, 6.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    @invariant()
    def holds_together(self) -> None:
        group = self.clock.group
        assert group.generation >= self.generation
        self.generation = group.generation
        assert (group.leader in group.members) if group.members else group.leader is None
        assert group._unsynced <= set(group.members)
        assert set(group._instances.values()) <= set(group.members)
        assert not set(group._pending) & set(group.members)
        if group.state is GroupState.EMPTY:
            assert not group.members
        if group.state is GroupState.STABLE:
            assert group.members
            assert all(member.join is None and member.sync is None for member in group.members.values())
        waiting = {id(ticket) for ticket in self.tickets if ticket.answer is None}
        held = {id(ticket) for member in group.members.values() for ticket in (member.join, member.sync) if ticket}
        assert waiting == held, "every ticket is answered or held by its member"
        assert not waiting or group.due is not None, "who waits is sure to be looked at again"

    def teardown(self) -> None:
        for _ in range(20):
            self.clock.pass_by(1000.0)
        assert all(ticket.answer is not None for ticket in self.tickets)
        assert self.clock.group.state is GroupState.EMPTY


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
