"""The report at a terminal."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from mskaudit.model.dossier import TargetRecord
from mskaudit.model.evidence import Reason
from mskaudit.model.verdicts import ExitStatus, Verdict
from mskaudit.render import text
from mskaudit.render.terminal import cells, continued

if TYPE_CHECKING:
    from tests.render.conftest import Builder, Case, Snapshots

WIDTHS = (80, 120)
_QUOTED = re.compile("'[^']*'|\"[^\"]*\"")
_SGR = re.compile(r"\x1b\[[0-9;]*m")


def plain(case: Case, width: int = 80) -> str:
    return text.render(case.result, case.rules, width=width, color=False)


@pytest.mark.parametrize("width", WIDTHS)
def test_small_report(build: Builder, snapshots: Snapshots, width: int) -> None:
    snapshots.compare(f"small-{width}.txt", plain(build.small(), width).encode())


@pytest.mark.parametrize("width", WIDTHS)
def test_only_commands_are_wider(build: Builder, width: int) -> None:
    case = build.small()
    commands = "\n".join(rule.text.remedy.cli or "" for rule in case.rules.values())
    wide = [line.strip().removesuffix(" \\") for line in plain(case, width).splitlines() if cells(line) > width]
    assert not [line for line in wide if line not in commands or " --" in line]


@pytest.mark.parametrize(
    "command",
    [
        'aws kafka update-security --cluster-arn ARN --current-version V --client-authentication \'{"a":{"b": 1}}\'',
        "tool --first 'one --second two' --third \"x --y z\" --fourth " + "4" * 90,
        "x" * 200,
        "short --one",
        "a  b --c  d --e" + " --f g" * 40,
    ],
)
@pytest.mark.parametrize("width", [20, 40, 79])
def test_a_command_that_goes_on_after_a_backslash_is_the_same_command(command: str, width: int) -> None:
    lines = continued(command, width)
    # A shell takes a backslash and the line break behind it away; shlex does not.
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    assert all(cells(line) <= width or _QUOTED.sub("", line).count(" --") <= 1 for line in lines)
    assert len(lines) == 1 or all(line.endswith(" \\") for line in lines[:-1])


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_text_is_harmless(build: Builder, hostile: str, width: int) -> None:
    case = build.hostile(hostile)
    shown = plain(case, width)
    assert shown.replace("\n", "").isprintable()
    command = "          ".join(("", *text_lines(hostile)))
    wide = [line.strip().removesuffix(" \\") for line in shown.splitlines() if cells(line) > width]
    assert not [line for line in wide if line not in command]
    assert len(shown) < 60_000


def text_lines(hostile: str) -> list[str]:
    """The lines of a command as the report shows them, unwrapped."""
    from mskaudit.render.words import visible

    return [visible(line.expandtabs(4)) for line in hostile.rstrip().split("\n")]


def test_no_line_break_from_outside_makes_a_line(build: Builder) -> None:
    result = build.result(build.finding("r", "c", Verdict.FAIL, message="one\nCRITICAL forged"))
    assert "one\\nCRITICAL forged" in text.render(result, {}, width=80, color=False)


def test_colour_adds_nothing_but_colour(build: Builder) -> None:
    case = build.small()
    coloured = text.render(case.result, case.rules, width=80, color=True)
    assert "\x1b[" in coloured
    assert _SGR.sub("", coloured) == plain(case)


def test_listeners_of_a_cluster_are_one_entry(build: Builder) -> None:
    shown = plain(build.small())
    assert shown.count("plaintext-listener") == 1
    assert "plaintext-listener, 3 listeners in 1 cluster" in shown


@pytest.mark.parametrize(("clusters", "rules"), [(1000, 28), (1, 200), (200, 1)])
def test_large_results_stay_short(build: Builder, clusters: int, rules: int) -> None:
    lines = plain(build.large(clusters, rules)).splitlines()
    assert len(lines) < 400
    sentences = Counter(line.strip() for line in lines if len(line) > 60)
    assert sentences.most_common(1)[0][1] <= 12 * 3


def test_every_failed_rule_is_named(build: Builder) -> None:
    shown = plain(build.large(1000, 28))
    assert all(f"rule-{n:03d}" in shown for n in range(28))


def test_many_targets_show_incomplete_ones_first(build: Builder) -> None:
    targets = [TargetRecord(target=f"target-{n}", clusters=1) for n in range(50)]
    gap = build.gap("clusters", Reason.DENIED, "kafka:ListClustersV2", "no")
    targets.append(TargetRecord(target="last", clusters=0, gaps=(gap,) * 9))
    shown = text.render(build.result(targets=targets), {}, width=80, color=False)
    assert shown.index("last: 0 clusters") < shown.index("target-0: 1 cluster")
    assert "and 41 more targets" in shown
    assert shown.count("kafka:ListClustersV2") == 1


def test_nothing_in_scope(build: Builder) -> None:
    result = build.result(status=ExitStatus.NOTHING_IN_SCOPE, reason="no cluster was found")
    shown = text.render(result, {}, width=80, color=False)
    assert "there was nothing to judge" in shown
    assert shown.endswith("Nothing in scope: exit status 4\nno cluster was found\n")


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        ((Verdict.PASS,), "Nothing failed."),
        ((Verdict.PASS, Verdict.UNKNOWN), "Nothing failed among what could be judged."),
        ((Verdict.PASS, Verdict.ERROR), "Nothing failed among what could be judged."),
    ],
    ids=["clean", "unknown", "error"],
)
def test_nothing_failed(build: Builder, verdicts: tuple[Verdict, ...], says: str) -> None:
    result = build.result(*(build.finding(f"r{n}", "c", v) for n, v in enumerate(verdicts)))
    assert says in text.render(result, {}, width=80, color=False)


def test_what_nobody_asked_for_is_apart(build: Builder) -> None:
    asked = build.gap("p", Reason.DENIED, "kafka:A", "no")
    unasked = build.gap("q", Reason.NOT_REQUESTED, "probe", "add --probe")
    result = build.result(
        build.finding("a", "c", Verdict.UNKNOWN, gaps=(asked,)),
        build.finding("b", "c", Verdict.UNKNOWN, gaps=(unasked,)),
        build.finding("c", "c", Verdict.UNKNOWN, gaps=(asked, unasked)),
    )
    shown = text.render(result, {}, width=80, color=False)
    head, tail = shown.split("Not asked for:")
    assert "grant kafka:A\n    helps with   2 rules, 2 findings: a, c" in head
    assert "add --probe; it would help to settle 2 rules, 2 findings: b, c" in tail


def test_unknown_without_a_reason_is_said(build: Builder) -> None:
    result = build.result(build.finding("r", "c", Verdict.UNKNOWN))
    assert "No reason is recorded for r." in text.render(result, {}, width=80, color=False)


def test_a_narrow_terminal_gets_forty_columns(build: Builder) -> None:
    result = build.result(build.finding("r", "c", Verdict.FAIL, message="word " * 40))
    assert max(map(len, text.render(result, {}, width=1, color=False).splitlines())) <= 40
