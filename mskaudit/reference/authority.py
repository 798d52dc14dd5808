"""Who decides on the requests of a reference cluster: nobody, or Kafka's ACLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mskaudit.policy.acls import supported_operations

if TYPE_CHECKING:
    from mskaudit.policy.acls import Authorizer, Operation, ResourceType
    from mskaudit.reference.asking import Identity
    from mskaudit.reference.state import State


class AclAuthority:
    """The ACLs that the cluster has at the moment; without an authorizer everybody may do everything."""

    def __init__(self, state: State, release: str) -> None:
        self._state = state
        self._release = release

    @property
    def configured(self) -> bool:
        """Whether there is an authorizer."""
        return self._state.authorizer is not None

    def allows(self, who: Identity, host: str, *, operation: Operation, kind: ResourceType, name: str) -> bool:
        """Whether an operation on a resource is allowed."""
        rules = self._state.authorizer
        return (
            rules is None
            or rules.authorize(who.principal, host, operation=operation, resource_type=kind, name=name).allowed
        )

    def allows_on_any(self, who: Identity, host: str, *, operation: Operation, kind: ResourceType) -> bool:
        """Whether an operation is allowed on at least one resource of a kind."""
        rules: Authorizer | None = self._state.authorizer
        return (
            rules is None
            or rules.authorize_by_resource_type(who.principal, host, operation=operation, resource_type=kind).allowed
        )

    def operations(self, who: Identity, host: str, *, kind: ResourceType, name: str) -> int:
        """The operations that are allowed on a resource, as the bit field of the protocol."""
        return sum(
            1 << operation
            for operation in supported_operations(kind, release=self._release)
            if self.allows(who, host, operation=operation, kind=kind, name=name)
        )
