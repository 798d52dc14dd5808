"""What findings mean for the process that asked: which exit status wins over which."""

from __future__ import annotations

import pytest

from mskaudit.engine.gate import Gate, OnIncomplete, conclude, incomplete
from mskaudit.model.evidence import Gap, Reason
from mskaudit.model.subjects import Kind, SubjectKey
from mskaudit.model.verdicts import ExitStatus, Finding, Severity, Verdict, Waiver
from tests.model.builders import ARN, cluster, dossier

HIGH, LOW = Severity.HIGH, Severity.LOW
WAIVER = Waiver(reason="accepted", owner="me", expires="2027-01-01")
STRICT, LENIENT = Gate(), Gate(on_incomplete=OnIncomplete.WARN)


def gap(reason: Reason, path: str = "p") -> Gap:
    return Gap(path=path, reason=reason, origin="o", detail="d")


def finding(
    verdict: Verdict, severity: Severity = HIGH, *gaps: Reason, waiver: Waiver | None = None, subject: str = ARN
) -> Finding:
    return Finding(
        rule="r",
        category="c",
        subject=SubjectKey(kind=Kind.CLUSTER, id=subject, cluster=subject),
        verdict=verdict,
        severity=severity,
        basis=None,
        message="m",
        evidence=(),
        gaps=tuple(map(gap, gaps)),
        controls=(),
        waiver=waiver,
        fingerprint="f",
    )


PASS, FAIL, ERROR = finding(Verdict.PASS), finding(Verdict.FAIL), finding(Verdict.ERROR)
OPEN = finding(Verdict.UNKNOWN, HIGH, Reason.DENIED)
UNASKED = finding(Verdict.UNKNOWN, HIGH, Reason.NOT_REQUESTED)
HALF = finding(Verdict.UNKNOWN, HIGH, Reason.NOT_REQUESTED, Reason.UNRESOLVED)
OTHERWISE = finding(Verdict.NOT_APPLICABLE)
TORN = (gap(Reason.THROTTLED, "clusters"),)


@pytest.mark.parametrize(
    ("findings", "inventory", "gate", "status"),
    [
        pytest.param([PASS], (), STRICT, 0, id="passed"),
        pytest.param([OTHERWISE], (), STRICT, 0, id="not applicable"),
        pytest.param([], (), STRICT, 0, id="a cluster and no rule"),
        pytest.param([PASS, FAIL], (), STRICT, 1, id="failed"),
        pytest.param([OPEN], (), STRICT, 3, id="unknown"),
        pytest.param([UNASKED], (), STRICT, 0, id="not asked for"),
        pytest.param([HALF], (), STRICT, 3, id="partly not asked for"),
        pytest.param([PASS], TORN, STRICT, 3, id="gap in the inventory"),
        pytest.param([ERROR], (), STRICT, 70, id="error"),
        pytest.param([FAIL, OPEN], TORN, STRICT, 1, id="failed wins over unknown"),
        pytest.param([ERROR, FAIL, OPEN], TORN, STRICT, 70, id="error wins over all"),
        pytest.param([ERROR, FAIL, OPEN], TORN, LENIENT, 70, id="error is never tolerated"),
        pytest.param([FAIL], (), LENIENT, 1, id="failed is never tolerated"),
        pytest.param([OPEN], (), LENIENT, 0, id="unknown tolerated"),
        pytest.param([PASS], TORN, LENIENT, 0, id="inventory tolerated"),
        pytest.param([finding(Verdict.FAIL, LOW)], (), STRICT, 0, id="below the threshold"),
        pytest.param([finding(Verdict.FAIL, LOW), OPEN], (), STRICT, 3, id="below the threshold and unknown"),
        pytest.param([finding(Verdict.FAIL, waiver=WAIVER)], (), STRICT, 0, id="waived"),
        pytest.param([finding(Verdict.FAIL, waiver=WAIVER), FAIL], (), STRICT, 1, id="one waived, one not"),
    ],
)
def test_exit_status_with_clusters_in_scope(
    findings: list[Finding], inventory: tuple[Gap, ...], gate: Gate, status: int
) -> None:
    result = conclude(dossier(cluster(), gaps=inventory), findings, gate=gate, as_of="2026-11-23")
    assert result.summary.exit_status == status
    assert result.summary.exit_reason
    assert result.findings == tuple(findings)


@pytest.mark.parametrize(
    ("inventory", "gate", "status"),
    [
        pytest.param((), STRICT, 4, id="nothing"),
        pytest.param((), LENIENT, 4, id="nothing, lenient"),
        pytest.param(TORN, STRICT, 3, id="nothing that could be listed"),
        pytest.param(TORN, LENIENT, 0, id="nothing that could be listed, lenient"),
    ],
)
def test_exit_status_with_no_cluster_in_scope(inventory: tuple[Gap, ...], gate: Gate, status: int) -> None:
    assert conclude(dossier(gaps=inventory), [], gate=gate, as_of="2026-11-23").summary.exit_status == status


@pytest.mark.parametrize("threshold", list(Severity))
@pytest.mark.parametrize("severity", list(Severity))
def test_threshold_admits_what_is_less_grave(threshold: Severity, severity: Severity) -> None:
    order = ["critical", "high", "medium", "low", "informational"]
    gate = Gate(fail_on=threshold)
    result = conclude(dossier(cluster()), [finding(Verdict.FAIL, severity)], gate=gate, as_of="2026-11-23")
    violated = order.index(severity.value) <= order.index(threshold.value)
    assert result.summary.exit_status is (ExitStatus.VIOLATED if violated else ExitStatus.CLEAN)
    assert threshold.value in result.summary.exit_reason


@pytest.mark.parametrize("reason", list(Reason))
def test_only_what_was_asked_for_counts_as_incomplete(reason: Reason) -> None:
    assert incomplete(finding(Verdict.UNKNOWN, HIGH, reason)) is (reason is not Reason.NOT_REQUESTED)
    assert not incomplete(finding(Verdict.PASS, HIGH, reason))


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ([FAIL], "1 finding of severity high or graver"),
        ([FAIL, FAIL], "2 findings of severity high or graver"),
        ([OPEN], "evidence is incomplete: 1 unknown finding"),
        ([ERROR], "1 finding could not be judged: a fault of a rule or of mskaudit"),
        ([PASS], "no finding of severity high or graver"),
    ],
)
def test_reason_is_a_sentence_with_counts(findings: list[Finding], reason: str) -> None:
    summary = conclude(dossier(cluster()), findings, gate=STRICT, as_of="2026-11-23").summary
    assert summary.exit_reason == reason


def test_summary_counts_everything_and_names_every_verdict_and_severity() -> None:
    findings = [PASS, FAIL, finding(Verdict.FAIL, LOW, subject="other"), OPEN, UNASKED]
    summary = conclude(dossier(cluster()), iter(findings), gate=STRICT, as_of="2026-11-23").summary
    assert (summary.clusters, summary.subjects, summary.findings) == (1, 2, 5)
    assert summary.verdicts == {
        Verdict.PASS: 1,
        Verdict.FAIL: 2,
        Verdict.UNKNOWN: 2,
        Verdict.ERROR: 0,
        Verdict.NOT_APPLICABLE: 0,
    }
    assert set(summary.failed) == set(Severity)
    assert sum(summary.failed.values()) == 2


def test_severities_are_ranked_from_the_gravest() -> None:
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3, 4]
    assert Severity.CRITICAL.at_least(Severity.LOW)
    assert not Severity.LOW.at_least(Severity.CRITICAL)
