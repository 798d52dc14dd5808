"""Grouping what failed, what would settle the unknown, and controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mskaudit.model.evidence import Reason
from mskaudit.model.verdicts import Severity, Verdict, Waiver
from mskaudit.render.digest import controls, extent, fixes, sentence, settlements, unexplained

if TYPE_CHECKING:
    from tests.render.conftest import Builder


def test_listeners_of_one_cluster_are_one_place(build: Builder) -> None:
    findings = [build.finding("r", "orders", Verdict.FAIL, f"b-{n}:9092") for n in (1, 2, 3)]
    (fix,) = fixes(findings)
    (place,) = fix.places
    assert place.findings == tuple(findings)
    assert extent(fix) == "3 listeners in 1 cluster"


def test_the_gravest_comes_first_then_the_most_widespread(build: Builder) -> None:
    found = fixes(
        [
            build.finding("a-low", "c", Verdict.FAIL, severity=Severity.LOW),
            build.finding("b-high", "c", Verdict.FAIL),
            build.finding("c-high", "c", Verdict.FAIL),
            build.finding("c-high", "d", Verdict.FAIL),
            build.finding("d-critical", "c", Verdict.FAIL, severity=Severity.CRITICAL),
        ]
    )
    assert [fix.rule for fix in found] == ["d-critical", "c-high", "b-high", "a-low"]


def test_waived_failures_are_nothing_to_fix(build: Builder) -> None:
    waiver = Waiver(reason="accepted", owner="someone", expires="2027-01-01")
    assert fixes([build.finding("r", "c", Verdict.FAIL, waiver=waiver)]) == ()


def test_one_permission_settles_several_rules(build: Builder) -> None:
    gap = build.gap("declared.iam", Reason.DENIED, "kafka:DescribeClusterV2", "no")
    (step,) = settlements(build.finding(rule, c, Verdict.UNKNOWN, gaps=(gap,)) for rule in "ab" for c in ("x", "y"))
    assert (sentence(step, 3), step.rules, step.findings, step.alone, step.said) == (
        "grant kafka:DescribeClusterV2",
        ("a", "b"),
        4,
        True,
        "no",
    )


def test_equal_steps_for_many_addresses_are_one(build: Builder) -> None:
    findings = [
        build.finding(
            "r", "c", Verdict.UNKNOWN, f"b-{n}:9094", gaps=(build.gap("p", Reason.TIMED_OUT, f"tcp://b-{n}:9094"),)
        )
        for n in range(10, 50)
    ]
    (step,) = settlements(findings)
    assert sentence(step, 2) == "open a connection to tcp://b-10:9094, tcp://b-11:9094 and 38 more"
    assert step.findings == 40


def test_a_finding_that_needs_two_steps_is_helped_by_each(build: Builder) -> None:
    gaps = (build.gap("p", Reason.DENIED, "kafka:A"), build.gap("q", Reason.NOT_REQUESTED, "probe", "add --probe"))
    steps = settlements([build.finding("r", "c", Verdict.UNKNOWN, gaps=gaps)])
    assert [(step.reason, step.alone) for step in steps] == [(Reason.NOT_REQUESTED, False), (Reason.DENIED, False)]


def test_gaps_of_decided_findings_need_no_step(build: Builder) -> None:
    gap = build.gap("p", Reason.DENIED, "kafka:A")
    assert settlements([build.finding("r", "c", Verdict.FAIL, gaps=(gap,))]) == ()


def test_unknown_without_gap_is_unexplained(build: Builder) -> None:
    finding = build.finding("r", "c", Verdict.UNKNOWN)
    assert unexplained([finding, build.finding("s", "c", Verdict.PASS)]) == (finding,)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.NOT_APPLICABLE), Verdict.PASS),
        ((Verdict.PASS, Verdict.UNKNOWN), Verdict.UNKNOWN),
        ((Verdict.PASS, Verdict.ERROR), Verdict.ERROR),
        ((Verdict.UNKNOWN, Verdict.FAIL), Verdict.FAIL),
        ((Verdict.PASS,), Verdict.UNKNOWN),
        ((), Verdict.UNKNOWN),
    ],
    ids=["all pass", "one does not apply", "one unknown", "one broken", "one fails", "one never judged", "none judged"],
)
def test_a_control_has_the_worst_verdict_of_its_rules(
    build: Builder, verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    rules = {id_: build.rule(id_, controls=("frame/X-1",)) for id_ in ("a", "b")}
    findings = [build.finding(id_, "c", verdict) for id_, verdict in zip("ab", verdicts, strict=False)]
    (control,) = controls(findings, rules)
    assert (control.framework, control.number, control.rules, control.verdict) == ("frame", "X-1", ("a", "b"), expected)
