"""Three-valued logic that remembers what it rests on.

A `Fact` is a value together with the evidence that decides it, or `MISSING` together with the gaps that prevent it.
Derived facts and rule predicates are built from the same few combinators, so that a missing value is carried by the
algebra and never by a branch somebody wrote. Kleene's strong logic: `True or missing` is True in both orders.

`support` is exact: of an `any_of` that holds, only the operands that hold; of one that fails, all of them.
"""

from __future__ import annotations

from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mskaudit.model.evidence import Evidence, Gap, Known, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Missing(Enum):
    """The value of a fact whose evidence has gaps."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        """Refuse to stand for true or false."""
        raise TypeError("a missing value is neither true nor false")


MISSING: Final = Missing.MISSING


class Fact(NamedTuple):
    """A value and the evidence it rests on; `MISSING` and the gaps it lacks."""

    value: Any
    support: tuple[Evidence, ...]


def lift(evidence: Evidence) -> Fact:
    """Gathered evidence as a fact: a gap, or a field the answer did not have, is missing."""
    if type(evidence) is Known:
        if evidence.value is not None:
            return Fact(evidence.value, (evidence,))
        return Fact(MISSING, (absent(evidence),))
    return Fact(MISSING, (evidence,))


def absent(evidence: Known) -> Gap:
    """The gap that a field absent from a complete answer leaves."""
    return Gap(
        path=evidence.path,
        reason=Reason.UNRESOLVED,
        origin=evidence.origin,
        detail=f"{evidence.origin} does not say what {evidence.path} is",
    )


def unsettled(path: str, reason: Reason, origin: str, detail: str) -> Fact:
    """A missing fact with one gap of its own."""
    return Fact(MISSING, (Gap(path=path, reason=reason, origin=origin, detail=detail),))


def supports(facts: Sequence[Fact]) -> tuple[Evidence, ...]:
    """The evidence of several facts, in their order."""
    if len(facts) == 1:
        return facts[0].support
    return tuple(chain.from_iterable(fact.support for fact in facts))


def any_of(*facts: Fact) -> Fact:
    """Kleene's or: settled by one that holds, in any order."""
    return _settle(facts, deciding=True)


def all_of(*facts: Fact) -> Fact:
    """Kleene's and: settled by one that fails, in any order."""
    return _settle(facts, deciding=False)


def _settle(facts: tuple[Fact, ...], *, deciding: bool) -> Fact:
    decisive = [fact for fact in facts if fact.value is deciding]
    if decisive:
        return Fact(deciding, supports(decisive))
    missing = [fact for fact in facts if fact.value is MISSING]
    if missing:
        return Fact(MISSING, supports(missing))
    return Fact(not deciding, supports(facts))


def negate(fact: Fact) -> Fact:
    """Kleene's not: missing stays missing."""
    return fact if fact.value is MISSING else Fact(not fact.value, fact.support)


def apply(function: Callable[..., Any], *facts: Fact) -> Fact:
    """A function of values lifted to facts: missing as soon as one operand is."""
    missing = [fact for fact in facts if fact.value is MISSING]
    if missing:
        return Fact(MISSING, supports(missing))
    return Fact(function(*[fact.value for fact in facts]), supports(facts))


def choose(condition: Fact, then: Fact, otherwise: Fact) -> Fact:
    """One of two facts by a third, resting on the condition as well."""
    if condition.value is MISSING:
        return condition
    chosen = then if condition.value else otherwise
    if chosen.value is MISSING:
        return chosen
    return Fact(chosen.value, condition.support + chosen.support)
