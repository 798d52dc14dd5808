"""How the process ends, and the one sentence it says when it cannot do what was asked."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from mskaudit.cli import cli as group

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Ran

ARN = "arn:aws:kafka:eu-west-1:111122223333:cluster/orders/b3d0a9c8-1f2e-4d3c-9b4a-5e6f7a8b9c0d-2"


def refused(ran: Ran, *says: str) -> None:
    """Status 2, nothing on standard output, and one sentence that says the words."""
    assert ran.status == 2, ran.err
    assert ran.out == b""
    assert all(word in ran.err for word in says), ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("mskaudit: ")


def test_a_cluster_where_nothing_is_wrong_ends_with_0(cli: Cli) -> None:
    ran = cli("audit", "reference:hardened")
    assert ran.status == 0
    assert "Clean: exit status 0" in ran.text
    assert ran.err == ""


def test_a_badly_kept_cluster_ends_with_1(cli: Cli) -> None:
    ran = cli("audit", "reference:legacy-zookeeper")
    assert ran.status == 1
    assert "Policy violated: exit status 1" in ran.text
    assert "CRITICAL" in ran.text


def test_a_serverless_cluster_ends_with_0(cli: Cli) -> None:
    assert cli("audit", "reference:serverless", "--format", "json").report["summary"]["exit_status"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--nope"], "No such option"),
        (["nope"], "No such command"),
        (["rules", "nope"], "No such command"),
        (["rules", "show"], "Missing argument"),
        (["explain"], "Missing argument"),
        (["judge"], "Missing argument"),
        (["completion", "tcsh"], "'fish'"),
        (["audit", "--nope"], "No such option"),
        (["audit", "--timeout", "0", "x"], "0.1"),
        (["audit", "--timeout", "soon", "x"], "soon"),
        (["audit", "--as-of", "2026-13-01", "x"], "is not a date like"),
        (["audit", "--as-of", "yesterday", "x"], "is not a date like"),
        (["audit", "--fail-on", "severe", "x"], "critical"),
        (["audit", "--min-severity", "severe", "x"], "critical"),
        (["audit", "--on-incomplete", "ignore", "x"], "warn"),
        (["audit", "--color", "pink", "x"], "always"),
        (["audit", "--format", "pdf", "x"], "text, json, html"),
        (["audit", "--format", "html:", "x"], "names no file"),
        (["prove", "--format", "html"], "json"),
        (["rules", "list", "--format", "html"], "json"),
    ],
    ids=str,
)
def test_a_mistyped_command_line_ends_with_2_and_its_usage(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(group, arguments, prog_name="mskaudit")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Usage: mskaudit")
    assert says in ran.stderr


def test_a_mistyped_option_ends_the_process_with_2_too(cli: Cli) -> None:
    ran = cli("audit", "--probee")
    assert (ran.status, ran.out) == (2, b"")
    assert "--probe" in ran.err


def test_no_command_at_all_shows_the_help(cli: Cli) -> None:
    ran = cli()
    assert (ran.status, ran.out) == (2, b"")
    assert "Commands:" in ran.err


@pytest.mark.parametrize("command", [["audit", "--rule"], ["audit", "--skip-rule"], ["explain"], ["rules", "show"]])
def test_an_unknown_rule_ends_with_2_and_the_nearest_name(cli: Cli, command: list[str]) -> None:
    refused(cli(*command, "plaintext-listner"), "plaintext-listner", "did you mean plaintext-listener?")


def test_an_unknown_rule_to_prove_ends_with_2(cli: Cli) -> None:
    refused(cli("prove", "no-such-thing-anywhere"), "mskaudit rules list")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere.json", "there is no file"),
        ("http://example.com:9092", "kafka://host:port"),
        (".", "cannot be read"),
        ("", "a target is empty"),
        ("arn:aws:s3:::bucket", "ARN of an MSK cluster"),
        ("kafka://", "host:port"),
        ("kafka://broker", "host:port"),
        ("kafka://broker:0", "host:port"),
        ("kafka://broker:65536", "host:port"),
        ("kafka://a:9092,,b:9092", "host:port"),
        ("reference:atlantis", "hardened, iam-only, legacy-zookeeper"),
        ("reference:../worlds/hardened", "there is no world"),
    ],
)
def test_a_target_that_is_none_ends_with_2_and_the_remedy(cli: Cli, target: str, says: str) -> None:
    refused(cli("audit", target), says)


def test_a_mistyped_target_is_noticed_before_the_others_are_looked_at(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"kafka://127.0.0.1:{server.getsockname()[1]}"
        refused(cli("audit", address, "reference:atlantis"), "there is no world")
        refused(cli("audit", address, "nowhere.json"), "there is no file")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "complete JSON"),
        (b'{"schema_version": 1, "subj', "complete JSON"),
        (b'{"colour": "blue"}', "dossier"),
        (b"[1, 2]", "dossier"),
        (b'"text"', "dossier"),
        (b"title: yaml", "JSON"),
        (b"\xff\xfe\x00", "JSON"),
        (b"[" * 100_000, ""),
        (b'{"schema_version": 99, "subjects": []}', "dossier schema 99"),
        (b'{"schema_version": 1, "subjects": [{}]}', "dossier schema 1"),
    ],
    ids=["empty", "truncated", "foreign", "list", "text", "yaml", "binary", "deep", "newer", "without its fields"],
)
def test_a_file_that_is_no_dossier_ends_with_2(cli: Cli, content: bytes, says: str) -> None:
    path = cli.home / "given.json"
    path.write_bytes(content)
    refused(cli("audit", path), says, "given.json")
    refused(cli("judge", "-", stdin=content), says, "standard input")


@pytest.mark.parametrize("keep", [10, 1000, -3])
def test_a_dossier_cut_short_ends_with_2(cli: Cli, legacy: Path, keep: int) -> None:
    refused(cli("judge", "-", stdin=legacy.read_bytes()[:keep]), "complete JSON")


def test_a_dossier_with_a_foreign_path_ends_with_2_and_the_place(cli: Cli, legacy: Path) -> None:
    dossier = json.loads(legacy.read_bytes())
    dossier["subjects"][0]["sightings"][0]["known"]["declared.colour"] = "blue"
    refused(
        cli("judge", "-", stdin=json.dumps(dossier).encode()), "'declared.colour'", "$.subjects[0]", "standard input"
    )


@pytest.mark.parametrize("target", ["aws", ARN, "kafka://127.0.0.1:1", "reference:hardened"])
def test_offline_with_a_target_that_needs_connections_ends_with_2(cli: Cli, target: str) -> None:
    refused(cli("audit", "--offline", target), "--offline", target)


def test_offline_audits_a_file(cli: Cli, legacy: Path) -> None:
    assert cli("audit", "--offline", legacy).status == 1


@pytest.mark.parametrize("path", ["nowhere/report.html", ".", "/proc/report.html", "file/report.html"])
@pytest.mark.parametrize("option", ["--output", "--format"])
def test_a_report_that_cannot_be_written_is_refused_before_the_work(cli: Cli, path: str, option: str) -> None:
    (cli.home / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"kafka://127.0.0.1:{server.getsockname()[1]}"
        refused(cli("audit", target, option, path if option == "--output" else f"html:{path}"))
        if option == "--output":
            refused(cli("gather", target, option, path))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, ("is not a folder of rules",)),
        ({"own/half.yaml": "title: x\n"}, ("own/half.yaml:1", "severity")),
        ({"own/torn.yaml": "title: [x\n"}, ("own/torn.yaml:", "not YAML")),
        ({"Own/rule.yaml": "title: x\n"}, ("lower-case",)),
    ],
    ids=["no folder", "missing fields", "not YAML", "bad name"],
)
def test_rules_of_ones_own_that_are_wrong_end_with_2_and_the_place(
    cli: Cli, legacy: Path, files: dict[str, str], says: tuple[str, ...]
) -> None:
    for name, content in files.items():
        path = cli.home / "rules" / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    refused(cli("audit", legacy, "--rules", cli.home / "rules"), *says)


def test_leaving_no_rule_to_judge_by_is_not_a_clean_cluster(cli: Cli, legacy: Path) -> None:
    for choice in (["--skip-rule", "plaintext-listener"], ["--min-severity", "critical"]):
        refused(cli("audit", legacy, "--rule", "plaintext-listener", *choice), "no rule is left")


def test_brokers_that_refuse_end_with_3_and_a_report(cli: Cli) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        target = f"kafka://127.0.0.1:{reserved.getsockname()[1]}"
        ran = cli("audit", target, "--format", "json")
        assert ran.status == ran.report["summary"]["exit_status"] == 3
        assert {gap["reason"] for one in ran.report["findings"] for gap in one["gaps"]} >= {"refused"}
        assert cli("audit", target, "--on-incomplete", "warn").status == 0


def test_one_page_of_a_longer_list_ends_with_3_unless_something_fails(cli: Cli, fixtures: Path) -> None:
    page = fixtures / "list-clusters-v2-first-page.json"
    assert cli("audit", page).status == 1
    ran = cli("audit", page, "--rule", "public-access", "--format", "json")
    assert ran.status == 3
    (gap,) = ran.report["targets"][0]["gaps"]
    assert (gap["path"], gap["reason"]) == ("clusters", "unresolved")
    assert "--no-paginate" in gap["detail"]
    warned = cli("audit", page, "--rule", "public-access", "--on-incomplete", "warn")
    assert warned.status == 0
    assert "1 inventory gap" in warned.text


def test_a_file_without_clusters_ends_with_4_and_a_report(cli: Cli) -> None:
    empty = b'{"ClusterInfoList": []}'
    ran = cli("audit", "-", "--format", "json", stdin=empty)
    assert ran.status == ran.report["summary"]["exit_status"] == 4
    assert ran.report["findings"] == []
    assert cli("audit", "-", "--on-incomplete", "warn", stdin=empty).status == 4


def test_a_rule_that_cannot_be_judged_ends_with_70_and_a_report(cli: Cli, hardened: Path) -> None:
    dossier = json.loads(hardened.read_bytes())
    (logs,) = (
        known["declared.broker_logs"]
        for subject in dossier["subjects"]
        for known in (sighting["known"] for sighting in subject["sightings"])
        if "declared.broker_logs" in known
    )
    logs *= 100_001
    ran = cli("judge", "-", "--format", "json", stdin=json.dumps(dossier).encode())
    assert ran.status == ran.report["summary"]["exit_status"] == 70
    assert [one["rule"] for one in ran.report["findings"] if one["verdict"] == "error"] == ["broker-logs-off"]


def test_an_exception_nobody_foresaw_ends_with_70_and_tells_no_content(cli: Cli, legacy: Path) -> None:
    program = """
import sys
from mskaudit.engine import judge
from mskaudit.cli import main
def fault(*_): raise LookupError("a password that was read")
judge.derive = lambda *a, **k: fault()
main()
"""
    ran = cli.python(program, "judge", legacy)
    assert (ran.status, ran.out) == (70, b"")
    assert "a fault of mskaudit itself, LookupError" in ran.err
    assert "password" not in ran.err


# Whoever starts the tests in the background has them ignore interrupts, and their children with them.
INTERRUPTIBLE = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.mark.parametrize("command", ["audit", "gather"])
def test_an_interrupt_during_a_hanging_probe_ends_with_130_and_no_traceback(cli: Cli, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"kafka://127.0.0.1:{server.getsockname()[1]}"
        words = [sys.executable, "-c", INTERRUPTIBLE, cli.command, command, target, "--timeout", "60"]
        with subprocess.Popen(  # noqa: S603
            words, env=cli.surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            server.settimeout(30)
            connection, _ = server.accept()
            with connection:
                running.send_signal(signal.SIGINT)
                out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 1),
        (["--fail-on", "critical"], 1),
        (["--rule", "broker-logs-off"], 0),
        (["--rule", "broker-logs-off", "--fail-on", "medium"], 1),
        (["--rule", "broker-logs-off", "--fail-on", "low"], 1),
        (["--rule", "public-access"], 0),
        (["--rule", "anonymous-access", "--rule", "public-access"], 1),
        (["--min-severity", "critical", "--skip-rule", "anonymous-access"], 0),
    ],
    ids=str,
)
def test_the_policy_decides_what_violates(cli: Cli, legacy: Path, arguments: list[str], status: int) -> None:
    assert cli("judge", legacy, *arguments).status == status


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["audit"], {}, "--region"),
        (["gather"], {}, "--region"),
        (["audit", "aws", "--region", "eu-west-1"], {}, "there are no AWS credentials"),
        (["audit", ARN], {}, "there are no AWS credentials"),
        (["audit", "--probe", ARN], {}, "there are no AWS credentials"),
        (["audit"], {"AWS_REGION": "eu-west-1"}, "there are no AWS credentials"),
        (["audit"], {"AWS_DEFAULT_REGION": "moon"}, "looks like eu-west-1"),
        (["audit", "--region", "moon"], {}, "looks like eu-west-1"),
        (["audit", "--profile", "nobody"], {}, "aws configure list-profiles"),
    ],
)
def test_aws_without_credentials_is_one_sentence_with_the_remedy(
    cli: Cli, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    refused(cli(*arguments, environment=environment), says)
