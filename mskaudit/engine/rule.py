"""A rule as values: what one YAML file says."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from mskaudit.model.subjects import Kind
from mskaudit.model.verdicts import Severity, Verdict


class Effect(StrEnum):
    """What applying a remedy does to a running cluster."""

    IN_PLACE = "in-place"
    ROLLING = "in-place, rolling"
    ROLLING_RESTART = "rolling restart"
    NEW_CLUSTER = "new cluster"


class Remedy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to mend what the rule found: prose, and commands where there are any."""

    text: str
    effect: Effect
    cli: str | None = None
    terraform: str | None = None


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rule applies, and the words for where it does not."""

    expression: str = field(name="if")
    otherwise: str


class Proof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run on a reference world with the verdict it must end in.

    `turn` patches the world by dotted path (null removes). `withhold` names sources that refuse, as `NAME` or
    `NAME=reason`. `says` must be part of the message. `also` names the other rules whose verdict the turn changes.
    """

    world: str
    expect: Verdict
    turn: dict[str, Any] = {}
    withhold: tuple[str, ...] = ()
    says: str | None = None
    also: tuple[str, ...] = ()


class RuleText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a rule file. `message` is the sentence when it fails, `holds` the one when it passes."""

    title: str
    severity: Severity
    subject: Kind
    when: tuple[Condition, ...] = ()
    assertion: str = field(name="assert")
    message: str
    holds: str
    rationale: str
    remedy: Remedy
    controls: tuple[str, ...]
    references: tuple[str, ...]
    since: str
    verify: tuple[Proof, ...]


class Rule(Struct, frozen=True, kw_only=True):
    """A rule with the identity its place in the tree gives it: `rules/<category>/<id>.yaml`."""

    id: str
    category: str
    file: str
    text: RuleText
