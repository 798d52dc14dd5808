"""The gate: what the findings mean for the process that asked."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from mskaudit.model.evidence import Gap, Reason
from mskaudit.model.subjects import Kind
from mskaudit.model.verdicts import AuditResult, ExitStatus, Finding, Severity, Summary, Verdict, count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mskaudit.model.dossier import Dossier


class OnIncomplete(StrEnum):
    """What evidence that could not be had does to the exit status."""

    FAIL = "fail"
    WARN = "warn"


class Gate(Struct, frozen=True, kw_only=True):
    """The policy of a run."""

    fail_on: Severity = Severity.HIGH
    on_incomplete: OnIncomplete = OnIncomplete.FAIL


def conclude(dossier: Dossier, findings: Iterable[Finding], *, gate: Gate, as_of: str) -> AuditResult:
    """The result of an audit with its exit status and the reason in words."""
    findings = tuple(findings)
    verdicts, failed = count(findings)
    clusters = sum(subject.kind is Kind.CLUSTER for subject in dossier.subjects)
    inventory = [gap for target in dossier.targets for gap in target.gaps]
    status, reason = _status(findings, inventory, clusters=clusters, gate=gate)
    summary = Summary(
        clusters=clusters,
        subjects=len({(finding.subject.kind, finding.subject.id) for finding in findings}),
        findings=len(findings),
        verdicts=verdicts,
        failed=failed,
        exit_status=status,
        exit_reason=reason,
    )
    return AuditResult(as_of=as_of, targets=dossier.targets, summary=summary, findings=findings)


def _status(
    findings: tuple[Finding, ...], inventory: list[Gap], *, clusters: int, gate: Gate
) -> tuple[ExitStatus, str]:
    broken = sum(finding.verdict is Verdict.ERROR for finding in findings)
    if broken:
        return ExitStatus.INTERNAL, f"{_count(broken, 'finding')} could not be judged: a fault of a rule or of mskaudit"
    violations = sum(_violates(finding, gate) for finding in findings)
    if violations:
        return ExitStatus.VIOLATED, f"{_count(violations, 'finding')} of severity {gate.fail_on} or graver"
    open_findings = sum(incomplete(finding) for finding in findings)
    if open_findings or inventory:
        lacking = ((open_findings, "unknown finding"), (len(inventory), "inventory gap"))
        why = ", ".join(_count(number, noun) for number, noun in lacking if number)
        if gate.on_incomplete is OnIncomplete.FAIL:
            return ExitStatus.INCOMPLETE, f"evidence is incomplete: {why}"
        return ExitStatus.CLEAN, f"no finding of severity {gate.fail_on} or graver; tolerated: {why}"
    if not clusters:
        return ExitStatus.NOTHING_IN_SCOPE, "no cluster in scope"
    unasked = sum(finding.verdict is Verdict.UNKNOWN for finding in findings)
    left = f"; {_count(unasked, 'finding')} left open, since the evidence was not asked for" if unasked else ""
    return ExitStatus.CLEAN, f"no finding of severity {gate.fail_on} or graver{left}"


def _violates(finding: Finding, gate: Gate) -> bool:
    failed = finding.verdict is Verdict.FAIL and finding.waiver is None
    return failed and finding.severity.at_least(gate.fail_on)


def incomplete(finding: Finding) -> bool:
    """Whether evidence was asked for and not had; what nobody asked for does not count."""
    return finding.verdict is Verdict.UNKNOWN and any(gap.reason is not Reason.NOT_REQUESTED for gap in finding.gaps)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
