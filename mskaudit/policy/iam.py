"""What IAM decides of one request: identity policies, a permission boundary and the policy of the cluster.

Organizations' policies, session policies and the policies of VPC endpoints are not looked at. Where documentation and
practice disagree on a resource's policy that names everybody, it is taken to grant past a boundary, the wider reading.
Source: IAM user guide, "Policy evaluation logic".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final

from mskaudit.errors import UsageError
from mskaudit.policy.context import Context, resolve
from mskaudit.policy.globs import matches
from mskaudit.policy.kleene import Truth, all_of, any_of, negate
from mskaudit.policy.statements import Attachment, Effect, Patterns, Policy, Principals, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_CALLER: Final = re.compile(
    r"arn:([a-z-]+):(iam|sts)::([0-9]{12}):(user|role|assumed-role|federated-user|root)(?:/(.+))?"
)
_ARN_FIELDS: Final = 6
_ACCOUNT_FIELD: Final = 4
_FORMS: Final = (str.lower,) * (_ARN_FIELDS - 1) + (str,)  # only the last field of an ARN minds case


class Outcome(StrEnum):
    """What became of a request."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "implicitly denied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An outcome and one statement that decided it; an implicit denial has none."""

    outcome: Outcome
    statement: Statement | None = None

    @property
    def allowed(self) -> bool:
        """Whether access is certain."""
        return self.outcome is Outcome.ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a user's, role's or session's ARN; of a session also the ARN of its role."""

    arn: str
    account: str
    role: str | None = None

    @classmethod
    def parse(cls, arn: str) -> Caller:
        """Return the caller of an IAM or STS ARN; UsageError if it is none. A role's path is lost in a session's."""
        match = _CALLER.fullmatch(arn)
        if match is None:
            raise UsageError(f"{arn!r} is no user, role or session; give an ARN such as arn:aws:iam::ACCOUNT:role/NAME")
        partition, _, account, kind, path = match.groups()
        if kind == "assumed-role":
            name = str(path).partition("/")[0]
            return cls(arn=arn, account=account, role=f"arn:{partition}:iam::{account}:role/{name}")
        return cls(arn=arn, account=account, role=arn if kind == "role" else None)

    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """Return the condition keys that follow from the ARN alone."""
        keys = {"aws:PrincipalArn": (self.role or self.arn,), "aws:PrincipalAccount": (self.account,)}
        if ":user/" in self.arn:
            keys["aws:username"] = (self.arn.rpartition("/")[2],)
        return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Everything that bears on a caller's requests; with a cluster policy the caller must be known."""

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    cluster: Policy | None = None
    caller: Caller | None = None


class _Grade(IntEnum):
    """How a resource's policy names a caller."""

    NOT = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    policies: PolicySet
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A truth and a statement that made it so."""

    truth: Truth
    statement: Statement | None = None


_YES: Final = _Answer(truth=True)
_NO: Final = _Answer(truth=False)


def decide(policies: PolicySet, *, action: str, resource: str, context: Context | None = None) -> Decision:
    """Decide one action, such as `kafka-cluster:ReadData`, on one resource, by its ARN.

    Without a context every condition is unknown. UsageError if the cluster has a policy and the caller is not known.
    """
    if policies.cluster is not None and policies.caller is None:
        raise UsageError("a cluster policy is decided for somebody; say who calls")
    request = _Request(policies=policies, action=action, resource=resource, context=context or Context())
    denied = _any(_statements(request, Effect.DENY), request)
    if denied.truth:
        return Decision(outcome=Outcome.DENIED, statement=denied.statement)
    allowed = _allowed(request)
    if allowed.truth is False:
        return Decision(outcome=Outcome.NOT_ALLOWED)
    if denied.truth is None:
        return Decision(outcome=Outcome.UNKNOWN, statement=denied.statement)
    outcome = Outcome.ALLOWED if allowed.truth else Outcome.UNKNOWN
    return Decision(outcome=outcome, statement=allowed.statement)


def _statements(request: _Request, effect: Effect) -> Iterator[Statement]:
    policies = request.policies
    for policy in (*policies.identity, policies.boundary, policies.cluster):
        if policy is not None:
            yield from (each for each in policy.statements if each.effect is effect)


def _allowed(request: _Request) -> _Answer:
    policies = request.policies
    identity = _any(_allows(policies.identity), request)
    boundary = _YES if policies.boundary is None else _any(_allows([policies.boundary]), request)
    own = _both(identity, boundary)
    if policies.cluster is None or policies.caller is None:
        return own
    graded: dict[_Grade, list[Statement]] = {grade: [] for grade in _Grade}
    for statement in _allows([policies.cluster]):
        graded[_grade(statement, policies.caller)].append(statement)
    if _account_of(request.resource) != policies.caller.account:
        return _both(own, _any([*graded[_Grade.DIRECT], *graded[_Grade.ROLE], *graded[_Grade.ACCOUNT]], request))
    direct = _any(graded[_Grade.DIRECT], request)
    by_role = _both(_any(graded[_Grade.ROLE], request), boundary)
    return _either(own, direct, by_role)


def _allows(policies: Iterable[Policy]) -> Iterator[Statement]:
    for policy in policies:
        yield from (each for each in policy.statements if each.effect is Effect.ALLOW)


def _any(statements: Iterable[Statement], request: _Request) -> _Answer:
    return _either(*(_Answer(truth=_applies(each, request), statement=each) for each in statements))


def _either(*answers: _Answer) -> _Answer:
    truth = any_of(answer.truth for answer in answers)
    return _NO if truth is False else next(answer for answer in answers if answer.truth is truth)


def _both(first: _Answer, second: _Answer) -> _Answer:
    truth = all_of((first.truth, second.truth))
    if truth is False:
        return _NO
    return first if first.truth is truth else second


def _applies(statement: Statement, request: _Request) -> Truth:
    return all_of(_requirements(statement, request))


def _requirements(statement: Statement, request: _Request) -> Iterator[Truth]:
    """Yield what must hold for a statement to apply, the cheapest first, since one that fails ends the search."""
    yield _matches_action(statement.actions, request.action)
    yield _concerns(statement, request.policies)
    yield _matches_resource(statement, request)
    yield from (each.evaluate(request.context, statement.version) for each in statement.conditions)


def _matches_action(actions: Patterns, action: str) -> bool:
    found = any(matches(pattern.lower(), action.lower()) for pattern in actions.values)
    return found is not actions.negated


def _matches_resource(statement: Statement, request: _Request) -> Truth:
    resources = statement.resources
    if resources is None:
        return True
    found = any_of(_matches_arn(pattern, statement, request) for pattern in resources.values)
    return negate(found) if resources.negated else found


def _matches_arn(text: str, statement: Statement, request: _Request) -> Truth:
    if text == "*":
        return True
    pattern = resolve(text, request.context, version=statement.version)
    missing = _ARN_FIELDS - pattern.fields
    may_be_short = statement.attachment is Attachment.IDENTITY or "*" in text or "?" in text
    if missing and may_be_short:
        pattern = resolve(text + ":*" * missing, request.context, version=statement.version)
    return pattern.matches_arn(request.resource, fields=_FORMS)


def _concerns(statement: Statement, policies: PolicySet) -> bool:
    if statement.principals is None or policies.caller is None:
        return True
    role_under_boundary = policies.boundary is not None and policies.caller.role is not None
    if statement.principals.negated and statement.effect is Effect.DENY and role_under_boundary:
        return True  # AWS: a NotPrincipal denial always hits a role that has a boundary
    return _grade(statement, policies.caller) is not _Grade.NOT


def _grade(statement: Statement, caller: Caller) -> _Grade:
    principals = statement.principals
    if principals is None:
        return _Grade.NOT
    named = _named(principals, caller)
    if principals.negated:
        return _Grade.DIRECT if named is _Grade.NOT else _Grade.NOT
    return named


def _named(principals: Principals, caller: Caller) -> _Grade:
    if principals.everyone:
        return _Grade.DIRECT
    if caller.arn in principals.names:
        return _Grade.ROLE if caller.arn == caller.role else _Grade.DIRECT
    if caller.role is not None and caller.role in principals.names:
        return _Grade.ROLE
    return _Grade.ACCOUNT if caller.account in principals.accounts else _Grade.NOT


def _account_of(arn: str) -> str | None:
    fields = arn.split(":", _ARN_FIELDS - 1)
    return fields[_ACCOUNT_FIELD] if len(fields) == _ARN_FIELDS else None
