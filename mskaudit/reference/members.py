"""The values that consumer groups are made of: where they stand, who joins, and what is said back, perhaps later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class GroupState(StrEnum):
    """Where a group stands, in Kafka's words."""

    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    EMPTY = "Empty"
    DEAD = "Dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An offset that a group keeps, with the consumer's note."""

    offset: int
    leader_epoch: int
    metadata: str


class Ticket(Generic[Answer]):
    """An answer that may come later; `listener` is called when it is there, or when it is time to look again."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer
        self.listener: Callable[[], None] | None = None

    def settle(self, answer: Answer) -> None:
        """Give the answer, once."""
        self.answer = answer
        self.stir()

    def stir(self) -> None:
        """Wake whoever waits."""
        if self.listener is not None:
            self.listener()


Protocols = tuple[tuple[str, bytes], ...]
"""Ways to share partitions out that a member knows, the best first, each with what it says to the leader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A member that wants to join; times in seconds. One that `can_come_back` is given an id first (KIP-394)."""

    member_id: str
    instance_id: str | None
    client_id: str
    host: str
    session_timeout: float
    rebalance_timeout: float
    protocol_type: str
    protocols: Protocols
    can_come_back: bool
    can_skip: bool

    @property
    def size(self) -> int:
        """Bytes that remembering it takes."""
        texts = len(self.client_id) + len(self.instance_id or "") + len(self.protocol_type)
        return texts + sum(len(name) + len(metadata) for name, metadata in self.protocols)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The generation that a member is in; only its leader is told the members: id, instance and metadata."""

    error: ErrorCode = ErrorCode.NONE
    member_id: str = ""
    generation: int = -1
    protocol_type: str | None = None
    protocol: str | None = None
    leader: str = ""
    members: tuple[tuple[str, str | None, bytes], ...] = ()
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncing:
    """A member that asks for its share; its leader brings those of all."""

    member_id: str
    instance_id: str | None
    generation: int
    protocol_type: str | None
    protocol: str | None
    assignments: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """A member's share."""

    error: ErrorCode = ErrorCode.NONE
    protocol_type: str | None = None
    protocol: str | None = None
    assignment: bytes = b""


@dataclass(slots=True, kw_only=True)
class Member:
    """A member of a group, as it joined last; `expires` is when it is taken for dead, in seconds."""

    member_id: str
    joined_as: Joining
    expires: float
    is_new: bool = True
    assignment: bytes = b""
    join: Ticket[Joined] | None = None
    sync: Ticket[Synced] | None = None

    @property
    def is_alive_by_waiting(self) -> bool:
        """Whether it waits for an answer, and so cannot be asked to show that it is alive; a new one has a limit."""
        return (self.join is not None or self.sync is not None) and not self.is_new

    def metadata(self, protocol: str) -> bytes:
        """What it says about a protocol; nothing about one that it does not know."""
        return next((metadata for name, metadata in self.joined_as.protocols if name == protocol), b"")
