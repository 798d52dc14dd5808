"""Who is in a consumer group, and what they agree on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mskaudit.reference.members import Joined, Synced
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from mskaudit.reference.members import Member, Protocols


class Roster:
    """The members of a group by id, static ones by instance too, and those that were given an id and have to come back.

    `pending` says until when they may, in seconds; `unsynced` are those that have not asked for their share yet.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.protocol_type: str | None = None
        self.protocol: str | None = None
        self.leader: str | None = None
        self.members: dict[str, Member] = {}
        self._instances: dict[str, str] = {}
        self._pending: dict[str, float] = {}
        self._unsynced: set[str] = set()

    @property
    def size(self) -> int:
        """How many there are, with those that have to come back."""
        return len(self.members) + len(self._pending)

    def stranger(self, member_id: str, instance_id: str | None) -> ErrorCode | None:
        """Why somebody is no member: never was, or another has its instance id now."""
        if instance_id is not None:
            if instance_id not in self._instances:
                return ErrorCode.UNKNOWN_MEMBER_ID
            if self._instances[instance_id] != member_id:
                return ErrorCode.FENCED_INSTANCE_ID
        return None if member_id in self.members else ErrorCode.UNKNOWN_MEMBER_ID

    def _supports(self, protocol_type: str, protocols: Protocols) -> bool:
        if not self.members:
            return bool(protocol_type) and bool(protocols)
        return protocol_type == self.protocol_type and not self._common().isdisjoint(name for name, _ in protocols)

    def _common(self) -> set[str]:
        """The protocols that all members know."""
        known = [{name for name, _ in member.joined_as.protocols} for member in self.members.values()]
        return set.intersection(*known)

    def _chosen(self) -> str:
        """The protocol that most members like best among those that all know."""
        common = self._common()
        votes = Counter(
            next(name for name, _ in member.joined_as.protocols if name in common) for member in self.members.values()
        )
        return max(votes, key=lambda name: votes[name])

    def _told(self, member: Member) -> Joined:
        """What a member is told of the generation."""
        assert self.protocol is not None  # there is a generation
        assert self.leader is not None
        leads = member.member_id == self.leader
        return Joined(
            member_id=member.member_id,
            generation=self.generation,
            protocol_type=self.protocol_type,
            protocol=self.protocol,
            leader=self.leader,
            members=tuple(
                (other.member_id, other.joined_as.instance_id, other.metadata(self.protocol))
                for other in (self.members.values() if leads else ())
            ),
        )

    def _forget(self, member: Member) -> None:
        del self.members[member.member_id]
        self._unsynced.discard(member.member_id)
        instance_id = member.joined_as.instance_id
        if instance_id is not None:
            del self._instances[instance_id]
        if self.leader == member.member_id:
            self.leader = next(iter(self.members), None)

    def _dismiss(self, member: Member, error: ErrorCode) -> None:
        """Answer what a member waits for: it is none any more."""
        if member.join is not None:
            member.join.settle(Joined(error=error, member_id=member.member_id))
        if member.sync is not None:
            member.sync.settle(Synced(error=error))
        member.join = member.sync = None

    def _stir(self) -> None:
        """Wake those that wait, because something falls due sooner."""
        for member in self.members.values():
            for ticket in (member.join, member.sync):
                if ticket is not None:
                    ticket.stir()
