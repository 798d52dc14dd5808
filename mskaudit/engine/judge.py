"""Judging: for every rule and every subject of its kind, exactly one finding."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from mskaudit.engine.expression import Scope, scope_of
from mskaudit.errors import RuleError
from mskaudit.facts.derive import derive
from mskaudit.model.evidence import SERVICE_DEFAULT, Column, Evidence, Gap, Known
from mskaudit.model.fact import MISSING, Fact
from mskaudit.model.subjects import Kind
from mskaudit.model.verdicts import Basis, Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.engine.corpus import Compiled, Corpus
    from mskaudit.model.dossier import Dossier
    from mskaudit.model.subjects import SubjectKey


def judge(dossier: Dossier, corpus: Corpus, *, as_of: str) -> Iterator[Finding]:
    """One finding per rule and subject, in the order of subjects and rules; `as_of` is an ISO date."""
    by_kind = {kind: [one for one in corpus if one.rule.text.subject is kind] for kind in Kind}
    today = Fact(as_of, ())
    for view in derive(dossier, support=corpus.support, as_of=as_of):
        scope = scope_of(view, as_of=today)
        for one in by_kind[view.key.kind]:
            yield _finding(one, view.key, scope)


def _finding(one: Compiled, subject: SubjectKey, scope: Scope) -> Finding:
    try:
        verdict, message, support = _decide(one, scope)
    except RuleError as error:
        verdict, message, support = Verdict.ERROR, str(error), ()
    rule = one.rule
    seen = {(there.path, there.origin): there for there in support}.values()
    evidence = tuple(there for there in seen if type(there) is Known)
    return Finding(
        rule=rule.id,
        category=rule.category,
        subject=subject,
        verdict=verdict,
        severity=rule.text.severity,
        basis=_basis(evidence),
        message=message,
        evidence=evidence,
        gaps=tuple(there for there in seen if type(there) is Gap),
        controls=rule.text.controls,
        fingerprint=fingerprint(rule.id, subject),
    )


def _decide(one: Compiled, scope: Scope) -> tuple[Verdict, str, tuple[Evidence, ...]]:
    for applies, otherwise in one.conditions:
        fact = applies(scope)
        if fact.value is MISSING:
            return Verdict.UNKNOWN, _open(fact), fact.support
        if not fact.value:
            return Verdict.NOT_APPLICABLE, otherwise, fact.support
    fact = one.assertion(scope)
    if fact.value is MISSING:
        return Verdict.UNKNOWN, _open(fact), fact.support
    if fact.value:
        return Verdict.PASS, one.holds.format(scope), fact.support
    return Verdict.FAIL, one.message.format(scope), fact.support


def _open(fact: Fact) -> str:
    """Why nothing can be said: the first gap, and how many more there are."""
    first, *more = {there.detail: there for there in fact.support if isinstance(there, Gap)}.values()
    others = f" (and {len(more)} more)" if more else ""
    return f"Cannot tell: {first.detail}{others}"


def _basis(evidence: tuple[Known, ...]) -> Basis | None:
    """The nearest to the wire that the verdict rests on; defaults alone are an inference."""
    columns = {there.column for there in evidence if not there.origin.startswith(SERVICE_DEFAULT)}
    for column in (Column.OBSERVED, Column.DECLARED, Column.PLANNED):
        if column in columns:
            return Basis(column.value)
    return Basis.INFERRED if evidence else None


def fingerprint(rule: str, subject: SubjectKey) -> str:
    """Stable over runs and versions: what is wrong with what."""
    return sha256(f"{rule}\0{subject.kind}\0{subject.id}".encode()).hexdigest()[:16]
