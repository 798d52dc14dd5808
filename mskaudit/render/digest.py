"""What both reports for people say, gathered from the findings: what to fix, what would settle the rest, controls."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from mskaudit.model.evidence import Reason
from mskaudit.model.subjects import Kind
from mskaudit.model.verdicts import Finding, Severity, Verdict
from mskaudit.render.words import clip, listing, numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.engine.rule import Rule
    from mskaudit.model.evidence import Gap


class Place(Struct, frozen=True):
    """The findings of one rule in one cluster."""

    cluster: str
    findings: tuple[Finding, ...]


class Fix(Struct, frozen=True):
    """One thing to mend: a failed rule with every place where it failed."""

    rule: str
    severity: Severity
    places: tuple[Place, ...]

    @property
    def findings(self) -> int:
        """How many findings it would mend."""
        return sum(len(place.findings) for place in self.places)


class Settlement(Struct, frozen=True):
    """One thing to grant, open or ask for, and what it would settle.

    The words are `before`, the origins, `after`: equal steps for many origins are one settlement. `alone` says that
    it settles its findings without any other. `said` is what the first origin answered.
    """

    reason: Reason
    before: str
    origins: tuple[str, ...]
    after: str
    said: str
    rules: tuple[str, ...]
    findings: int
    alone: bool


class Control(Struct, frozen=True):
    """One requirement of a framework, the rules that speak for it, and the worst verdict any of them gave.

    `verdict` is unknown where one of the rules was never judged.
    """

    framework: str
    number: str
    rules: tuple[str, ...]
    verdict: Verdict


def fixes(findings: Iterable[Finding]) -> tuple[Fix, ...]:
    """What failed and is not waived, by rule: the gravest first, then the most widespread."""
    failed: dict[tuple[Severity, str], dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        if finding.verdict is Verdict.FAIL and finding.waiver is None:
            failed[finding.severity, finding.rule][finding.subject.cluster].append(finding)
    found = (
        Fix(rule, severity, tuple(Place(cluster, tuple(places[cluster])) for cluster in sorted(places)))
        for (severity, rule), places in failed.items()
    )
    return tuple(sorted(found, key=lambda fix: (fix.severity.rank, -fix.findings, fix.rule)))


def settlements(findings: Iterable[Finding]) -> tuple[Settlement, ...]:
    """What would settle the unknown findings, what settles the most rules first."""
    needs: dict[str, list[Finding]] = defaultdict(list)
    gaps: dict[str, Gap] = {}
    for finding in findings:
        if finding.verdict is Verdict.UNKNOWN:
            for remedy, gap in {gap.remedy: gap for gap in reversed(finding.gaps)}.items():
                needs[remedy].append(finding)
                gaps.setdefault(remedy, gap)
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for remedy, needing in needs.items():
        before, after = _around(remedy, gaps[remedy])
        alike[gaps[remedy].reason, before, after, frozenset(f.rule for f in needing)].append(remedy)
    found = (_settle(remedies, needs, gaps) for remedies in alike.values())
    return tuple(sorted(found, key=lambda s: (-len(s.rules), -s.findings, s.before, s.origins)))


def _around(remedy: str, gap: Gap) -> tuple[str, str]:
    before, _, after = remedy.partition(gap.origin) if gap.origin else (remedy, "", "")
    return before, after


def _settle(remedies: list[str], needs: Mapping[str, list[Finding]], gaps: Mapping[str, Gap]) -> Settlement:
    first = gaps[min(remedies)]
    before, after = _around(min(remedies), first)
    settled = {(f.rule, f.subject): f for remedy in remedies for f in needs[remedy]}
    return Settlement(
        reason=first.reason,
        before=before,
        origins=tuple(sorted(gaps[remedy].origin for remedy in remedies)) if before + after != min(remedies) else (),
        after=after,
        said="" if first.detail in min(remedies) else first.detail,
        rules=tuple(sorted({f.rule for f in settled.values()})),
        findings=len(settled),
        alone=all({gap.remedy for gap in f.gaps} <= set(remedies) for f in settled.values()),
    )


def extent(fix: Fix) -> str:
    """How far a failed rule reaches: `12 listeners in 4 clusters`."""
    clusters = numbered(len(fix.places), "cluster")
    kinds = {f.subject.kind for place in fix.places for f in place.findings}
    if kinds == {Kind.CLUSTER}:
        return clusters
    return f"{numbered(fix.findings, kinds.pop() if len(kinds) == 1 else 'subject')} in {clusters}"


def sentence(settlement: Settlement, limit: int) -> str:
    """What to do, as an imperative half sentence that names at most so many origins."""
    return clip(settlement.before, 400) + listing(settlement.origins, limit) + clip(settlement.after, 400)


def unexplained(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Unknown findings that name no gap, which the engine should never make."""
    return tuple(f for f in findings if f.verdict is Verdict.UNKNOWN and not f.gaps)


def controls(findings: Iterable[Finding], rules: Mapping[str, Rule]) -> tuple[Control, ...]:
    """Every control that a rule of this audit speaks for, by framework and number."""
    worst: dict[str, Verdict] = {}
    speaking: dict[str, set[str]] = defaultdict(set)
    for rule in rules.values():
        for control in rule.text.controls:
            speaking[control].add(rule.id)
    order = list(Verdict)
    for finding in findings:
        worst[finding.rule] = min(worst.get(finding.rule, finding.verdict), finding.verdict, key=order.index)
        for control in finding.controls:
            speaking[control].add(finding.rule)
    return tuple(
        Control(
            *_split(control), tuple(sorted(ids)), min((worst.get(id_, Verdict.UNKNOWN) for id_ in ids), key=order.index)
        )
        for control, ids in sorted(speaking.items())
    )


def _split(control: str) -> tuple[str, str]:
    framework, _, number = control.partition("/")
    return framework, number
