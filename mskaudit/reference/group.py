"""A consumer group of the classic protocol, as its coordinator keeps it: members, generations and their timeouts.

No I/O and no clock of its own: every call is told the time in seconds, and first catches up with what fell due until
then. What a member waits for is a `Ticket`; whoever waits looks again at `due`. The rules are those of Kafka's
coordinator (KIP-62, KIP-345, KIP-394, KIP-814, KIP-800).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from mskaudit.reference.members import Committed, GroupState, Joined, Member, Synced, Ticket
from mskaudit.reference.roster import Roster
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.reference.members import Joining, Syncing

MOST_MEMBERS: Final = 200
"""Members of one group, those included that were given an id and have not come back with it."""

MOST_MEMBER_BYTES: Final = 16 << 10
"""Bytes that a member may say about itself, and that its share may have."""

_NEW_MEMBER_PATIENCE: Final = 300.0
_LONGEST_REBALANCE: Final = 1800.0


class Group(Roster):
    """One group; `delay` is how long the first rebalance of an empty one waits for more members, in seconds."""

    def __init__(self, group_id: str, *, delay: float) -> None:
        super().__init__()
        self.group_id: Final = group_id
        self.state = GroupState.EMPTY
        self.offsets: dict[tuple[str, int], Committed] = {}
        self._delay = delay
        self._deadline = 0.0
        self._extension: float | None = None
        self._grew = False

    # -- time

    @property
    def due(self) -> float | None:
        """When something falls due next, if anything can."""
        return min(self._due_times(), default=None)

    def _due_times(self) -> Iterator[float]:
        yield from self._pending.values()
        yield from (member.expires for member in self.members.values() if not member.is_alive_by_waiting)
        if self.state is GroupState.PREPARING or self._unsynced:
            yield self._deadline

    def advance(self, now: float) -> None:
        """Catch up with what fell due: members that said nothing go, and rebalances end without those that lag."""
        while self._is_due(now):
            for member_id in [name for name, until in self._pending.items() if until <= now]:
                del self._pending[member_id]
            for member in list(self.members.values()):
                lives_on = member.expires > now or member.is_alive_by_waiting
                if not lives_on and member.member_id in self.members:
                    self._remove(member, now)
            self._end_waiting(now)

    def _is_due(self, now: float) -> bool:
        due = self.due
        return due is not None and due <= now

    def _end_waiting(self, now: float) -> None:
        if self.state is GroupState.PREPARING:
            if self._deadline <= now:
                self._give_up_waiting(now)
            else:
                self._complete_if_all_joined(now)
        elif self._unsynced and self._deadline <= now:
            for member_id in [name for name in self._unsynced if name in self.members]:
                self._remove(self.members[member_id], now)
            self._unsynced.clear()

    def _give_up_waiting(self, now: float) -> None:
        """End a rebalance, unless it is the first and more members came in meanwhile."""
        if self._extension and self._grew:
            step = min(self._delay, self._extension)
            self._extension -= step
            self._grew = False
            self._deadline = now + step
            return
        self._complete(now)

    # -- joining

    def join(self, joining: Joining, now: float) -> Ticket[Joined]:
        """Let a member join; the answer comes when the rebalance ends."""
        self.advance(now)
        ticket = Ticket[Joined]()
        error = self._refusal(joining)
        if error is not None:
            ticket.settle(Joined(error=error, member_id=joining.member_id))
        elif joining.member_id in self.members:
            self._rejoin(joining, ticket, now)
        elif joining.member_id:
            del self._pending[joining.member_id]
            self._add(joining.member_id, joining, ticket, now)
        else:
            self._welcome(joining, ticket, now)
        if self.state is GroupState.PREPARING:
            self._complete_if_all_joined(now)
        return ticket

    def _refusal(self, joining: Joining) -> ErrorCode | None:
        if self.state is GroupState.DEAD:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        known = joining.member_id in self.members or joining.member_id in self._pending
        taken_over = joining.instance_id in self._instances and not joining.member_id
        full = self.size >= MOST_MEMBERS and not taken_over
        if joining.size > MOST_MEMBER_BYTES or (not known and full):
            return ErrorCode.GROUP_MAX_SIZE_REACHED
        if not self._supports(joining.protocol_type, joining.protocols):
            return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        if joining.member_id in self._pending or not joining.member_id:
            return None
        return self.stranger(joining.member_id, joining.instance_id)

    def _welcome(self, joining: Joining, ticket: Ticket[Joined], now: float) -> None:
        """A member without an id: it gets one, and unless it has a place that is kept for it, comes back with it."""
        member_id = f"{joining.instance_id or joining.client_id}-{uuid4()}"
        if joining.instance_id is not None and joining.instance_id in self._instances:
            self._take_over(member_id, joining, ticket, now)
        elif joining.instance_id is None and joining.can_come_back:
            self._pending[member_id] = now + joining.session_timeout
            ticket.settle(Joined(error=ErrorCode.MEMBER_ID_REQUIRED, member_id=member_id))
            self._stir()
        else:
            self._add(member_id, joining, ticket, now)

    def _add(self, member_id: str, joining: Joining, ticket: Ticket[Joined], now: float) -> None:
        if not self.members:
            self.protocol_type = joining.protocol_type
        member = Member(member_id=member_id, joined_as=joining, expires=now + _NEW_MEMBER_PATIENCE, join=ticket)
        self.members[member_id] = member
        if joining.instance_id is not None:
            self._instances[joining.instance_id] = member_id
        self.leader = self.leader or member_id
        self._grew = True
        self._prepare(now)

    def _rejoin(self, joining: Joining, ticket: Ticket[Joined], now: float) -> None:
        """A member joins again: it may have lost the answer, or it wants a rebalance."""
        member = self.members[joining.member_id]
        settled = self.state in (GroupState.COMPLETING, GroupState.STABLE)
        leads_stable = self.state is GroupState.STABLE and self.leader == member.member_id
        if settled and not leads_stable and member.joined_as.protocols == joining.protocols:
            member.expires = now + member.joined_as.session_timeout
            ticket.settle(self._told(member))
            return
        if member.join is not None:
            member.join.settle(Joined(error=ErrorCode.REBALANCE_IN_PROGRESS, member_id=member.member_id))
        member.joined_as, member.join = joining, ticket
        self._prepare(now)

    def _take_over(self, member_id: str, joining: Joining, ticket: Ticket[Joined], now: float) -> None:
        """A static member is back under another id: it has its share again if nothing else changed (KIP-345)."""
        assert joining.instance_id is not None  # only those have a place to take over
        old = self.members.pop(self._instances[joining.instance_id])
        self._dismiss(old, ErrorCode.FENCED_INSTANCE_ID)
        was_leader = self.leader == old.member_id
        member = Member(
            member_id=member_id,
            joined_as=joining,
            expires=now + joining.session_timeout,
            is_new=False,
            assignment=old.assignment,
            join=ticket,
        )
        self.members[member_id] = member
        self._instances[joining.instance_id] = member_id
        self._unsynced.discard(old.member_id)
        if was_leader:
            self.leader = member_id
        if self.state is GroupState.STABLE and self._chosen() == self.protocol:
            member.join = None
            told = self._told(member)
            leader = old.member_id if was_leader and not joining.can_skip else told.leader
            members = told.members if joining.can_skip else ()
            ticket.settle(
                Joined(
                    member_id=member_id,
                    generation=told.generation,
                    protocol_type=told.protocol_type,
                    protocol=told.protocol,
                    leader=leader,
                    members=members,
                    skip_assignment=was_leader and joining.can_skip,
                )
            )
            return
        self._prepare(now)
        self._stir()

    # -- rebalancing

    def _prepare(self, now: float) -> None:
        """Begin a rebalance, if there is none: all members have to join again."""
        if self.state is GroupState.PREPARING:
            return
        for member in self.members.values():
            if member.sync is not None:
                member.sync.settle(Synced(error=ErrorCode.REBALANCE_IN_PROGRESS))
                member.sync = None
                member.expires = now + member.joined_as.session_timeout
            if self.state is GroupState.COMPLETING:
                member.assignment = b""
        self._unsynced.clear()
        longest = self._longest_rebalance()
        first = self.state is GroupState.EMPTY
        wait = min(self._delay, longest) if first else longest
        self._extension = longest - wait if first else None
        self._grew = False
        self._deadline = now + wait
        self.state = GroupState.PREPARING

    def _longest_rebalance(self) -> float:
        longest = max((member.joined_as.rebalance_timeout for member in self.members.values()), default=0.0)
        return min(longest, _LONGEST_REBALANCE)

    def _complete_if_all_joined(self, now: float) -> None:
        """End a rebalance before its time when nobody is missing; the first one waits for those nobody knows of."""
        if self._extension is not None:
            if self._deadline <= now:
                self._give_up_waiting(now)
            return
        if not self._pending and all(member.join is not None for member in self.members.values()):
            self._complete(now)

    def _complete(self, now: float) -> None:
        """End a rebalance with those members that joined, and static ones, which keep their place (KIP-345)."""
        for member in list(self.members.values()):
            if member.join is None and member.joined_as.instance_id is None:
                self._forget(member)
        joined = [member for member in self.members.values() if member.join is not None]
        self._extension = None
        if self.members and not joined:
            self._deadline = now + max(self._longest_rebalance(), 1.0)
            return
        if self.leader not in {member.member_id for member in joined}:
            self.leader = joined[0].member_id if joined else None
        self.generation = self.generation % (2**31 - 1) + 1
        if not self.members:
            self.state = GroupState.EMPTY
            self.protocol = None
            return
        self.protocol = self._chosen()
        self.state = GroupState.COMPLETING
        self._unsynced = set(self.members)
        self._deadline = now + self._longest_rebalance()
        for member in self.members.values():
            if member.join is not None:
                member.join.settle(self._told(member))
            member.join = None
            member.is_new = False
            member.expires = now + member.joined_as.session_timeout

    # -- belonging

    def sync(self, syncing: Syncing, now: float) -> Ticket[Synced]:
        """Ask for a member's share; the answer comes when the leader has brought those of all."""
        self.advance(now)
        ticket = Ticket[Synced]()
        if error := self._unsyncable(syncing):
            ticket.settle(Synced(error=error))
            return ticket
        member = self.members[syncing.member_id]
        self._unsynced.discard(member.member_id)
        if self.state is GroupState.STABLE:
            member.expires = now + member.joined_as.session_timeout
            ticket.settle(self._share(member))
            return ticket
        if member.sync is not None:
            member.sync.settle(Synced(error=ErrorCode.REBALANCE_IN_PROGRESS))
        member.sync = ticket
        if member.member_id == self.leader:
            self._share_out(dict(syncing.assignments), now)
        return ticket

    def _unsyncable(self, syncing: Syncing) -> ErrorCode | None:
        if self.state is GroupState.DEAD:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        if error := self.stranger(syncing.member_id, syncing.instance_id):
            return error
        if syncing.generation != self.generation:
            return ErrorCode.ILLEGAL_GENERATION
        if syncing.protocol_type not in (None, self.protocol_type) or syncing.protocol not in (None, self.protocol):
            return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        return ErrorCode.REBALANCE_IN_PROGRESS if self.state is GroupState.PREPARING else None

    def _share_out(self, assignments: dict[str, bytes], now: float) -> None:
        """Give everybody the share that the leader brought; those that are too large begin the rebalance anew."""
        waiting = [member for member in self.members.values() if member.sync is not None]
        if any(len(assignment) > MOST_MEMBER_BYTES for assignment in assignments.values()):
            for member in waiting:
                self._answer_sync(member, Synced(error=ErrorCode.UNKNOWN_SERVER_ERROR), now)
            self._prepare(now)
            return
        for member in self.members.values():
            member.assignment = assignments[member.member_id] if member.member_id in assignments else b""
        self.state = GroupState.STABLE
        for member in waiting:
            self._answer_sync(member, self._share(member), now)

    def _answer_sync(self, member: Member, answer: Synced, now: float) -> None:
        assert member.sync is not None  # it is among those that wait
        member.sync.settle(answer)
        member.sync = None
        member.expires = now + member.joined_as.session_timeout

    def _share(self, member: Member) -> Synced:
        return Synced(protocol_type=self.protocol_type, protocol=self.protocol, assignment=member.assignment)

    def heartbeat(self, member_id: str, instance_id: str | None, *, generation: int, now: float) -> ErrorCode:
        """Note that a member is alive; REBALANCE_IN_PROGRESS tells it to join again."""
        self.advance(now)
        if self.state is GroupState.DEAD:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        if error := self.stranger(member_id, instance_id):
            return error
        if generation != self.generation:
            return ErrorCode.ILLEGAL_GENERATION
        self._keep(member_id, now)
        return ErrorCode.REBALANCE_IN_PROGRESS if self.state is GroupState.PREPARING else ErrorCode.NONE

    def _keep(self, member_id: str, now: float) -> None:
        member = self.members[member_id]
        if not member.is_new:
            member.expires = now + member.joined_as.session_timeout

    def leave(self, member_id: str, instance_id: str | None, now: float) -> ErrorCode:
        """Let a member go; a static one may be named by its instance alone."""
        self.advance(now)
        if self.state is GroupState.DEAD:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        if member_id in self._pending:
            del self._pending[member_id]
            self._end_waiting(now)
            return ErrorCode.NONE
        if not member_id and instance_id is not None and instance_id in self._instances:
            member_id = self._instances[instance_id]
        if error := self.stranger(member_id, instance_id):
            return error
        self._remove(self.members[member_id], now)
        return ErrorCode.NONE

    def _remove(self, member: Member, now: float) -> None:
        """Let a member go, which all others have to hear of."""
        self._dismiss(member, ErrorCode.UNKNOWN_MEMBER_ID)
        self._forget(member)
        self._prepare(now)
        self._complete_if_all_joined(now)

    # -- offsets

    def may_commit(self, member_id: str, instance_id: str | None, *, generation: int, now: float) -> ErrorCode:
        """Whether offsets are taken from somebody: a member of this generation, or anybody if there are no members."""
        self.advance(now)
        if self.state is GroupState.DEAD:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        if generation < 0 and self.state is GroupState.EMPTY:
            return ErrorCode.NONE
        if error := self.stranger(member_id, instance_id):
            return error
        if generation != self.generation:
            return ErrorCode.ILLEGAL_GENERATION
        self._keep(member_id, now)
        return ErrorCode.REBALANCE_IN_PROGRESS if self.state is GroupState.COMPLETING else ErrorCode.NONE

    def forget_topic(self, name: str) -> None:
        """Drop what was committed for a topic that is gone."""
        self.offsets = {key: kept for key, kept in self.offsets.items() if key[0] != name}

    def end(self) -> None:
        """Note that the group was deleted."""
        self.state = GroupState.DEAD
