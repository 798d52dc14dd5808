"""The result for a person at a terminal: what to fix first, what would settle the rest, and how it ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from mskaudit.model.evidence import Reason
from mskaudit.model.subjects import Kind
from mskaudit.model.verdicts import Severity, Verdict
from mskaudit.render.digest import extent, fixes, sentence, settlements, unexplained
from mskaudit.render.terminal import Page
from mskaudit.render.words import OUTCOME, clip, flow, listing, name, numbered, short, spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.engine.rule import Rule
    from mskaudit.model.dossier import TargetRecord
    from mskaudit.model.verdicts import AuditResult, Finding, Waiver
    from mskaudit.render.digest import Fix, Place, Settlement

_COLORS: Final = {
    Severity.CRITICAL: "1;35",
    Severity.HIGH: "1;31",
    Severity.MEDIUM: "1;33",
    Severity.LOW: "1;36",
    Severity.INFORMATIONAL: "1",
}
_INDENT: Final = 2
_DEEPER: Final = 4
_GRAVITY: Final = 15
_REASON: Final = 13
_TARGETS: Final = 10
_FIXES: Final = 12
_PLACES: Final = 3
_EVIDENCE: Final = 4
_NAMES: Final = 6
_RULES: Final = 12
_STEPS: Final = 12
_NAME: Final = 200
_SENTENCE: Final = 400


def render(result: AuditResult, rules: Mapping[str, Rule], *, width: int, color: bool) -> str:
    """The report as text of at most `width` columns (40 at least); only commands to copy may be wider."""
    page = Page(width, color=color)
    _head(page, result)
    _fix_first(page, result, rules)
    _unknown(page, result.findings)
    _errors(page, result.findings)
    _waived(page, result.findings)
    _foot(page, result)
    return page.text()


def _head(page: Page, result: AuditResult) -> None:
    page.heading(f"{result.tool.name} {result.tool.version}, audit as of {clip(result.as_of, 40)}")
    page.gap()
    # Incomplete inventories come first: they must not drown among many targets.
    targets = sorted(result.targets, key=lambda target: not target.gaps)
    for target in targets[:_TARGETS]:
        _target(page, target)
    if len(targets) > _TARGETS:
        page.entry("", f"and {numbered(len(targets) - _TARGETS, 'more target')}")
    if not targets:
        page.entry("audited", "no target")
    _counts(page, result)


def _target(page: Page, target: TargetRecord) -> None:
    page.entry("audited", f"{clip(short(target.target), _NAME)}: {numbered(target.clusters, 'cluster')}")
    said: defaultdict[str, set[str]] = defaultdict(set)
    for gap in target.gaps:
        said[f"{gap.reason.replace('_', ' ')}; to complete it, {clip(gap.remedy, _SENTENCE)}"].add(gap.path)
    for why, paths in list(said.items())[:_EVIDENCE]:
        page.entry("lacking", f"{listing(sorted(paths), _NAMES)}: {why}")
    if len(said) > _EVIDENCE:
        page.entry("", f"and {numbered(len(said) - _EVIDENCE, 'more gap')} in the inventory")


def _counts(page: Page, result: AuditResult) -> None:
    summary = result.summary
    page.entry(
        "judged",
        f"{numbered(summary.findings, 'finding')} on {numbered(summary.subjects, 'subject')} of "
        f"{numbered(summary.clusters, 'cluster')}",
    )
    page.entry("verdicts", ", ".join(f"{summary.verdicts.get(v, 0):,} {v}" for v in Verdict))
    waived = sum(f.verdict is Verdict.FAIL and f.waiver is not None for f in result.findings)
    failed = ", ".join(f"{summary.failed.get(s, 0):,} {s}" for s in Severity)
    page.entry("failed", failed + (f" ({waived:,} of them waived)" if waived else ""))


def _fix_first(page: Page, result: AuditResult, rules: Mapping[str, Rule]) -> None:
    found = fixes(result.findings)
    page.heading("Fix first")
    if not found:
        page.write(_nothing_to_fix(result), indent=_INDENT)
    for fix in found[:_FIXES]:
        page.gap()
        _gravity(page, fix)
        _places(page, fix)
        if fix.rule in rules:
            _remedy(page, rules[fix.rule])
    if len(found) > _FIXES:
        page.gap()
        page.write(f"and {numbered(len(found) - _FIXES, 'more rule')} failed:", indent=_INDENT)
    for fix in found[_FIXES:]:
        _gravity(page, fix)


def _nothing_to_fix(result: AuditResult) -> str:
    if not result.findings:
        return "No rule was judged: there was nothing to judge."
    if any(f.verdict is Verdict.FAIL for f in result.findings):
        return "Everything that failed is waived."
    if any(f.verdict in {Verdict.UNKNOWN, Verdict.ERROR} for f in result.findings):
        return "Nothing failed among what could be judged."
    return "Nothing failed."


def _gravity(page: Page, fix: Fix) -> None:
    page.entry(
        fix.severity.upper(),
        f"{clip(fix.rule, 80)}, {extent(fix)}",
        indent=_INDENT,
        column=_GRAVITY,
        style=_COLORS[fix.severity],
    )


def _places(page: Page, fix: Fix) -> None:
    said = ""
    for place in fix.places[:_PLACES]:
        lead = place.findings[0]
        if lead.message != said:
            said = lead.message
            page.write(clip(said, _SENTENCE), indent=_DEEPER)
        page.entry("where", _where(place), indent=_DEEPER)
        _evidence(page, lead)
    if len(fix.places) > _PLACES:
        page.entry("also in", listing([short(p.cluster) for p in fix.places[_PLACES:]], _NAMES), indent=_DEEPER)


def _where(place: Place) -> str:
    cluster = clip(short(place.cluster), _NAME)
    names = [name(f.subject) for f in place.findings if f.subject.kind is not Kind.CLUSTER]
    return f"{cluster}: {listing(names, _PLACES)}" if names else cluster


def _evidence(page: Page, finding: Finding) -> None:
    label = str(finding.basis or "evidence")
    for known in finding.evidence[:_EVIDENCE]:
        page.entry(
            label, f"{clip(known.path, _NAME)} = {spoken(known.value)} ({clip(known.origin, _NAME)})", indent=_DEEPER
        )
        label = ""
    if len(finding.evidence) > _EVIDENCE:
        page.entry("", f"and {len(finding.evidence) - _EVIDENCE:,} more, in the JSON and HTML reports", indent=_DEEPER)


def _remedy(page: Page, rule: Rule) -> None:
    remedy = rule.text.remedy
    page.entry("remedy", f"{flow(remedy.text)} (effect: {remedy.effect})", indent=_DEEPER)
    if remedy.cli:
        page.command(remedy.cli, indent=_DEEPER + 10)


def _unknown(page: Page, findings: tuple[Finding, ...]) -> None:
    unknown = [f for f in findings if f.verdict is Verdict.UNKNOWN]
    if not unknown:
        return
    found = settlements(unknown)
    wanted = [s for s in found if s.reason is not Reason.NOT_REQUESTED]
    page.heading(f"Unknown: {numbered(len(unknown), 'finding')} without the evidence to decide")
    for settlement in wanted[:_STEPS]:
        page.gap()
        _settlement(page, settlement)
    if len(wanted) > _STEPS:
        page.gap()
        page.write(f"and {numbered(len(wanted) - _STEPS, 'more step')}, in the HTML report", indent=_INDENT)
    _unasked(page, [s for s in found if s.reason is Reason.NOT_REQUESTED])
    if bare := unexplained(unknown):
        page.gap()
        page.write(f"No reason is recorded for {listing(sorted({f.rule for f in bare}), _NAMES)}.", indent=_INDENT)


def _settlement(page: Page, settlement: Settlement) -> None:
    page.write(sentence(settlement, _PLACES), indent=_INDENT, style="1")
    page.entry("settles" if settlement.alone else "helps with", _settled(settlement), indent=_DEEPER, column=_REASON)
    if settlement.said:
        reason = settlement.reason.replace("_", " ")
        page.entry(reason, clip(settlement.said, _SENTENCE), indent=_DEEPER, column=_REASON)


def _settled(settlement: Settlement) -> str:
    return (
        f"{numbered(len(settlement.rules), 'rule')}, {numbered(settlement.findings, 'finding')}: "
        f"{listing(settlement.rules, _RULES)}"
    )


def _unasked(page: Page, settlements: list[Settlement]) -> None:
    if not settlements:
        return
    page.gap()
    page.write("Not asked for:", indent=_INDENT)
    for settlement in settlements[:_STEPS]:
        verb = "would settle" if settlement.alone else "would help to settle"
        page.write(f"{sentence(settlement, _PLACES)}; it {verb} {_settled(settlement)}", indent=_DEEPER)
    if len(settlements) > _STEPS:
        page.write(f"and {len(settlements) - _STEPS:,} more", indent=_DEEPER)


def _errors(page: Page, findings: tuple[Finding, ...]) -> None:
    wrong: dict[tuple[str, str], int] = Counter((f.rule, f.message) for f in findings if f.verdict is Verdict.ERROR)
    if not wrong:
        return
    page.heading("Errors: faults of mskaudit or of a rule, not of a cluster")
    for (rule, message), times in list(wrong.items())[:_STEPS]:
        page.write(f"{clip(rule, 80)}, {numbered(times, 'finding')}: {clip(message, _SENTENCE)}", indent=_INDENT)
    if len(wrong) > _STEPS:
        page.write(f"and {len(wrong) - _STEPS:,} more, in the JSON and HTML reports", indent=_INDENT)


def _waived(page: Page, findings: tuple[Finding, ...]) -> None:
    waived: defaultdict[tuple[str, Waiver], list[str]] = defaultdict(list)
    for finding in findings:
        if finding.waiver is not None:
            waived[finding.rule, finding.waiver].append(finding.subject.id)
    if not waived:
        return
    page.heading("Waived")
    for (rule, waiver), subjects in list(waived.items())[:_STEPS]:
        page.write(
            f"{clip(rule, 80)} until {clip(waiver.expires, 40)} by {clip(waiver.owner, _NAME)}: "
            f"{clip(waiver.reason, _SENTENCE)} ({listing(subjects, _PLACES)})",
            indent=_INDENT,
        )
    if len(waived) > _STEPS:
        page.write(f"and {numbered(len(waived) - _STEPS, 'more waiver')}, in the HTML report", indent=_INDENT)


def _foot(page: Page, result: AuditResult) -> None:
    summary = result.summary
    page.heading(f"{OUTCOME[summary.exit_status]}: exit status {summary.exit_status.value}")
    page.write(clip(summary.exit_reason, _SENTENCE))
