"""From a dossier to what rules read: every subject with every path of its kind as a fact."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from mskaudit.facts.cluster import Facts, describe
from mskaudit.facts.defaults import apply_to, default_for
from mskaudit.facts.listeners import acls_apply, population, unrequested
from mskaudit.model.dossier import in_order
from mskaudit.model.evidence import Evidence, Gap, Known
from mskaudit.model.fact import MISSING, Fact, lift
from mskaudit.model.subjects import CATALOGUE, Kind, SubjectKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.facts.versions import SupportTable
    from mskaudit.model.dossier import Dossier, Subject


class View(NamedTuple):
    """A subject as rules see it: its own facts and those of its cluster, by path without the root."""

    key: SubjectKey
    facts: Facts
    cluster: Facts


def derive(dossier: Dossier, *, support: SupportTable, as_of: str) -> Iterator[View]:
    """Every subject of a dossier, clusters before their listeners; `as_of` is an ISO date."""
    probed: dict[str, dict[str, Facts]] = {}
    for subject in dossier.subjects:
        if subject.kind is Kind.LISTENER:
            address = subject.id.removeprefix(f"{subject.cluster}/")
            probed.setdefault(subject.cluster, {})[address] = _lifted(subject, _evidence(subject))
    for subject in dossier.subjects:
        if subject.kind is Kind.CLUSTER:
            facts = _cluster(subject, support, as_of)
            yield View(subject.key, facts, facts)
            for listener in population(subject.key, facts, probed.pop(subject.id, {})):
                yield View(listener.key, listener.facts, facts)


def _cluster(subject: Subject, support: SupportTable, as_of: str) -> Facts:
    evidence = _evidence(subject)
    facts = _lifted(subject, evidence)
    facts.update(describe(facts, evidence, support=support, as_of=as_of))
    if facts["name"].value is MISSING:
        facts["name"] = Fact(subject.id, ())
    facts["acls_apply"] = acls_apply(facts)
    return facts


def _evidence(subject: Subject) -> dict[str, Evidence]:
    """The best evidence per path: a known value wins over a gap, the first of equals in a file's order stays."""
    best: dict[str, Evidence] = {}
    prefix = f"{subject.kind}."
    for sighting in in_order(subject.sightings):
        column, origin, at = sighting.column, sighting.origin, sighting.at
        for path, note in sighting.gaps.items():
            if path not in best:
                best[path] = Gap(path=prefix + path, reason=note.reason, origin=origin, detail=note.detail)
        for path, value in sighting.known.items():
            if type(best.get(path)) is not Known:
                best[path] = Known(path=prefix + path, value=value, column=column, origin=origin, at=at)
    return _with_defaults(best)


def _with_defaults(best: dict[str, Evidence]) -> dict[str, Evidence]:
    if not apply_to(_value(best, "declared.type"), _value(best, "declared.state")):
        return best
    return {path: default_for(path, evidence) for path, evidence in best.items()}


def _value(evidence: dict[str, Evidence], path: str) -> object:
    there = evidence.get(path)
    return there.value if isinstance(there, Known) else None


def _lifted(subject: Subject, evidence: dict[str, Evidence]) -> Facts:
    facts = dict(_not_requested(subject.kind))
    for path, there in evidence.items():
        facts[path] = lift(there)
    return facts


@cache
def _not_requested(kind: Kind) -> Facts:
    return {path: unrequested(kind, path) for path, field in CATALOGUE[kind].items() if not field.derived}
