"""Who asks what of which broker: the surroundings of one request, and who decides on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from mskaudit.policy.acls import CLUSTER_NAME, Operation, ResourceType
from mskaudit.wire.messages import OPERATIONS_UNKNOWN, Response

if TYPE_CHECKING:
    from mskaudit.reference.cluster import Listener
    from mskaudit.reference.logins import AwsCredential
    from mskaudit.reference.releases import Profile
    from mskaudit.reference.state import State

ANONYMOUS: Final = "User:ANONYMOUS"


class NoReply(StrEnum):
    """What a broker does instead of answering."""

    CLOSE = "close"
    SILENCE = "silence"
    """Nothing is ever said again on the connection."""
    NOTHING = "nothing"
    """The request wants no answer, and the next one is listened to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a connection belongs to; `credential` is there for those who logged in with IAM."""

    principal: str = ANONYMOUS
    credential: AwsCredential | None = None


NOBODY: Final = Identity()


class Authority(Protocol):
    """What decides on requests; one that is not `configured` lets everybody do everything."""

    @property
    def configured(self) -> bool:
        """Whether there is one."""

    def allows(self, who: Identity, host: str, *, operation: Operation, kind: ResourceType, name: str) -> bool:
        """Whether an operation on a resource is allowed."""

    def allows_on_any(self, who: Identity, host: str, *, operation: Operation, kind: ResourceType) -> bool:
        """Whether an operation is allowed on at least one resource of a kind."""

    def operations(self, who: Identity, host: str, *, kind: ResourceType, name: str) -> int:
        """The operations that are allowed on a resource, as the bit field of the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One broker: its id, and where each listener of it is, by name, as host and port."""

    number: int
    rack: str | None
    addresses: Mapping[str, tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request's surroundings; `version` is that of the request, `node` the broker that was asked."""

    state: State
    profile: Profile
    nodes: tuple[Node, ...]
    node: Node
    listener_name: str
    listener: Listener
    authority: Authority
    who: Identity = NOBODY
    host: str = ""
    client_id: str | None = None
    version: int = 0

    @property
    def controller(self) -> int:
        """The id of the active controller."""
        return 1

    def may(self, operation: Operation, kind: ResourceType, name: str) -> bool:
        """Whether whoever asks may do that."""
        return self.authority.allows(self.who, self.host, operation=operation, kind=kind, name=name)

    def may_on_cluster(self, operation: Operation) -> bool:
        """Whether whoever asks may do that to the cluster."""
        return self.may(operation, ResourceType.CLUSTER, CLUSTER_NAME)

    def may_on_any(self, operation: Operation, kind: ResourceType) -> bool:
        """Whether whoever asks may do that to at least one resource of a kind."""
        return self.authority.allows_on_any(self.who, self.host, operation=operation, kind=kind)

    def operations(self, kind: ResourceType, name: str, *, wanted: bool) -> int:
        """The operations allowed on a resource, or that they were not asked for."""
        if not wanted:
            return OPERATIONS_UNKNOWN
        return self.authority.operations(self.who, self.host, kind=kind, name=name)

    def cluster_operations(self, *, wanted: bool) -> int:
        """The operations allowed on the cluster: none for those who may not describe it."""
        if wanted and not self.may_on_cluster(Operation.DESCRIBE):
            return 0
        return self.operations(ResourceType.CLUSTER, CLUSTER_NAME, wanted=wanted)


Handler = Callable[[Asking, Any], Awaitable[Response | NoReply]]
"""Answers a request that has been read and whose connection is logged in."""
