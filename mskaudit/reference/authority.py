"""Who decides on the requests of a reference cluster: nobody, Kafka's ACLs, or IAM for those who logged in with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mskaudit.errors import UsageError
from mskaudit.policy.acls import ResourceType, supported_operations
from mskaudit.policy.context import Context, Rest
from mskaudit.policy.iam import Caller, PolicySet, decide
from mskaudit.policy.kafka_actions import Action, Kind, action_for, kind_of, resource_arn
from mskaudit.policy.statements import parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.policy.acls import Authorizer, Operation
    from mskaudit.reference.asking import Identity
    from mskaudit.reference.realm import AwsCredential
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


class _Decider:
    """The policies of one AWS identity on one cluster.

    There are no session tags, networks or times: condition keys that do not follow from the identity are absent.
    """

    def __init__(self, credential: AwsCredential, arn: str) -> None:
        named = enumerate(credential.policies)
        self._policies = PolicySet(
            identity=tuple(parse_policy(document, name=f"policy {number}") for number, document in named)
        )
        self._context = Context(values=_keys(credential.principal), rest=Rest.ABSENT)
        self._arn = arn
        self.connects = self._allows(Action.CONNECT, arn)

    def allows(self, operation: Operation, kind: ResourceType, name: str) -> bool:
        """Whether an operation on a resource is allowed; no action implies another (MSK developer guide)."""
        action = action_for(operation, kind)
        if action is None or not self.connects or _is_about_topics(action, kind):
            return False
        return self._allows(action, resource_arn(self._arn, kind_of(action), name))

    def _allows(self, action: Action, resource: str) -> bool:
        return decide(self._policies, action=action.value, resource=resource, context=self._context).allowed


def _is_about_topics(action: Action, kind: ResourceType) -> bool:
    """Whether an action is asked for on the cluster and decided on each topic, as that of making topics is."""
    return kind is ResourceType.CLUSTER and kind_of(action) is Kind.TOPIC


def _keys(principal: str) -> Mapping[str, tuple[str, ...]]:
    """The condition keys that follow from an ARN."""
    try:
        return Caller.parse(principal).keys()
    except UsageError:
        return {"aws:PrincipalArn": (principal,)}


class IamAuthority:
    """IAM decides for those who logged in with it, whatever the ACLs say, and somebody else for all others.

    Raises:
        UsageError: a policy of a credential is none, or the ARN is none of a cluster.
    """

    def __init__(
        self, credentials: Iterable[AwsCredential], arn: str, *, others: AclAuthority, release: str, state: State
    ) -> None:
        resource_arn(arn, Kind.CLUSTER)
        self._deciders = {credential.access_key: _Decider(credential, arn) for credential in credentials}
        self._others = others
        self._release = release
        self._state = state

    @property
    def configured(self) -> bool:
        """Always: a cluster with IAM has an authorizer."""
        return True

    def allows(self, who: Identity, host: str, *, operation: Operation, kind: ResourceType, name: str) -> bool:
        """Whether an operation on a resource is allowed."""
        if who.credential is None:
            return self._others.allows(who, host, operation=operation, kind=kind, name=name)
        return self._deciders[who.credential.access_key].allows(operation, kind, name)

    def allows_on_any(self, who: Identity, host: str, *, operation: Operation, kind: ResourceType) -> bool:
        """Whether an operation is allowed on at least one resource of a kind: on a topic there is, or any at all."""
        if who.credential is None:
            return self._others.allows_on_any(who, host, operation=operation, kind=kind)
        decider = self._deciders[who.credential.access_key]
        return any(decider.allows(operation, kind, name) for name in ("*", *self._state.topics))

    def operations(self, who: Identity, host: str, *, kind: ResourceType, name: str) -> int:
        """The operations that are allowed on a resource, as the bit field of the protocol."""
        return sum(
            1 << operation
            for operation in supported_operations(kind, release=self._release)
            if self.allows(who, host, operation=operation, kind=kind, name=name)
        )
