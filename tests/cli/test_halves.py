"""Gathering and judging: the two halves of an audit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mskaudit.model import dossier, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Cli

INSTANT = re.compile(rb'"\d{4}-\d\d-\d\dT[0-9:]+Z"')


def timeless(content: bytes) -> bytes:
    """The content with every instant replaced."""
    return INSTANT.sub(b'"then"', content)


def test_an_audit_is_gathering_and_judging(cli: Cli, fixtures: Path) -> None:
    listed = fixtures / "list-clusters-v2.json"
    gathered = cli("gather", listed, "-o", "d.json")
    assert (gathered.status, gathered.out) == (0, b"")
    assert gathered.err == "mskaudit: clusters: 3, subjects: 3, sightings: 3, gaps: 0\n"
    halves = cli("judge", "d.json", "--format", "json")
    whole = cli("audit", listed, "--format", "json")
    assert whole.status == halves.status == 1
    assert timeless(whole.out) == timeless(halves.out)


@pytest.mark.parametrize("world", ["hardened", "legacy-zookeeper", "serverless"])
def test_a_world_gets_the_same_verdicts_at_once_or_later(cli: Cli, gathered: Callable[[str], Path], world: str) -> None:
    def said(report: dict[str, Any]) -> list[tuple[str, str, str]]:
        return sorted((one["rule"], one["subject"]["kind"], one["verdict"]) for one in report["findings"])

    later = cli("judge", gathered(world), "--format", "json")
    at_once = cli("audit", f"reference:{world}", "--format", "json")
    assert at_once.status == later.status
    assert said(at_once.report) == said(later.report)


def test_judging_is_repeatable_byte_for_byte(cli: Cli, legacy: Path) -> None:
    for form in ("json", "html", "text"):
        asked = ("--format", form)
        first = cli("judge", legacy, *asked)
        assert first.out
        assert cli("judge", legacy, *asked, environment={"PYTHONHASHSEED": "1"}) == first
        assert cli("judge", "-", *asked, stdin=legacy.read_bytes(), environment={"PYTHONHASHSEED": "2"}) == first
        assert cli("audit", legacy, *asked, environment={"PYTHONHASHSEED": "3"}) == first


def test_a_dossier_gathered_from_a_dossier_says_the_same(cli: Cli, legacy: Path) -> None:
    again = json.loads(cli("gather", legacy).out)
    once = json.loads(legacy.read_bytes())
    assert {**again, "gathered_at": ""} == {**once, "gathered_at": ""}


def test_the_dossier_follows_its_schema(legacy: Path) -> None:
    jsonschema.validate(json.loads(legacy.read_bytes()), dossier.schema())


def test_judging_takes_no_answer_of_aws(cli: Cli, fixtures: Path) -> None:
    ran = cli("judge", fixtures / "serverless.json")
    assert ran.status == 2
    assert "is not a dossier" in ran.err


def test_standard_input_is_read_once_for_all_its_mentions(cli: Cli, fixtures: Path) -> None:
    content = (fixtures / "serverless.json").read_bytes()
    once = cli("audit", "-", "--format", "json", stdin=content)
    assert once.report["targets"] == [{"target": "standard input", "clusters": 1, "gaps": []}]
    assert timeless(cli("audit", "-", "-", "--format", "json", stdin=content).out) == timeless(once.out)


def test_several_targets_share_one_report(cli: Cli, legacy: Path, hardened: Path, fixtures: Path) -> None:
    ran = cli("audit", legacy, hardened, fixtures / "serverless.json", "--format", "json")
    assert ran.status == 1
    assert [one["clusters"] for one in ran.report["targets"]] == [1, 1, 1]
    assert ran.report["summary"]["clusters"] == 3
    alone = cli("judge", legacy, "--format", "json").by_rule
    assert alone.items() <= ran.by_rule.items()


def test_the_same_target_twice_counts_once(cli: Cli, legacy: Path) -> None:
    once = cli("audit", legacy, "--format", "json")
    assert cli("audit", legacy, legacy, "--format", "json").out == once.out
    spelled = cli("audit", legacy, legacy.parent / "." / ".." / legacy.parent.name / legacy.name, "--format", "json")
    assert spelled.by_rule == once.by_rule
    assert spelled.report["summary"]["clusters"] == 1


@pytest.mark.parametrize(
    ("day", "verdict"), [("2019-01-01", "pass"), ("2026-11-23", "fail"), ("2040-02-29", "fail")], ids=str
)
def test_the_day_decides_whether_a_version_is_supported(cli: Cli, legacy: Path, day: str, verdict: str) -> None:
    ran = cli("judge", legacy, "--rule", "version-unsupported", "--as-of", day, "--format", "json")
    assert ran.report["as_of"] == day
    assert [one["verdict"] for one in ran.report["findings"]] == [verdict]


def test_without_a_day_the_day_of_gathering_counts(cli: Cli, legacy: Path) -> None:
    content = re.sub(rb'"gathered_at": "[^"]*"', b'"gathered_at": "2019-03-04T05:06:07Z"', legacy.read_bytes())
    ran = cli("judge", "-", "--rule", "version-unsupported", "--format", "json", stdin=content)
    assert ran.report["as_of"] == "2019-03-04"
    assert [one["verdict"] for one in ran.report["findings"]] == ["pass"]


def test_rules_are_chosen_and_left_out(cli: Cli, legacy: Path) -> None:
    everything = cli("judge", legacy, "--format", "json").by_rule

    def rules(*arguments: str) -> set[str]:
        chosen = cli("judge", legacy, "--format", "json", *arguments).by_rule
        assert chosen.items() <= everything.items()
        return {rule for rule, _ in chosen}

    every = {rule for rule, _ in everything}
    assert rules("--rule", "public-access", "--rule", "default-allow") == {"public-access", "default-allow"}
    assert rules("--skip-rule", "public-access") == every - {"public-access"}
    assert rules("--rule", "public-access", "--rule", "default-allow", "--skip-rule", "default-allow") == {
        "public-access"
    }
    critical, high = rules("--min-severity", "critical"), rules("--min-severity", "high")
    assert critical < high < every
    assert "anonymous-access" in critical
    assert "broker-logs-off" not in high
    assert rules("--min-severity", "informational") == every


def test_the_json_report_has_the_promised_shape(cli: Cli, legacy: Path, hardened: Path, fixtures: Path) -> None:
    report = cli("audit", legacy, hardened, fixtures / "creating.json", "--format", "json").report
    jsonschema.validate(report, verdicts.schema())
    assert list(report) == ["schema_version", "tool", "as_of", "targets", "summary", "findings"]
    assert {frozenset(one) for one in report["findings"]} == {
        frozenset(
            "rule category subject verdict severity basis message evidence gaps controls waiver fingerprint".split()  # noqa: SIM905
        )
    }
    assert {frozenset(one["subject"]) for one in report["findings"]} == {frozenset({"kind", "id", "cluster"})}
    evidence = [there for one in report["findings"] for there in one["evidence"]]
    gaps = [there for one in report["findings"] for there in one["gaps"]]
    assert {frozenset(one) for one in evidence} == {frozenset({"path", "value", "column", "origin", "at"})}
    assert {frozenset(one) for one in gaps} == {frozenset({"path", "reason", "origin", "detail"})}
    listeners = [one["subject"] for one in report["findings"] if one["subject"]["kind"] == "listener"]
    assert any(re.search(r"127\.0\.0\.1:\d+$", one["id"]) for one in listeners)
    assert len({one["fingerprint"] for one in report["findings"]}) == len(report["findings"])
    kinds = {(one["subject"]["id"], one["subject"]["kind"]) for one in report["findings"]}
    assert len({subject for subject, _ in kinds}) == len(kinds)
