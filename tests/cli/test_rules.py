"""`rules`, `explain`, `prove`, help and completion."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
import pytest

from mskaudit import __version__
from mskaudit.cli import COMMANDS
from mskaudit.cli import cli as group
from mskaudit.engine import corpus
from mskaudit.engine.corpus import Corpus
from mskaudit.engine.lint import scaffold
from mskaudit.model.verdicts import Severity, Verdict
from mskaudit.prove import look, prove, states

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

COMMAND_LINES = [
    [],
    *([name] for name in COMMANDS),
    *(["rules", name] for name in ("list", "show", "lint", "new")),
]


def test_the_list_has_one_object_per_rule(cli: Cli) -> None:
    listed = json.loads(cli("rules", "list", "--format", "json").out)
    loaded = corpus.load()
    assert [one["id"] for one in listed] == list(loaded.rules)
    for one in listed:
        rule = loaded.rules[one["id"]]
        assert set(one) == {"id", "category", "title", "severity", "subject", "controls", "proofs"}
        assert (one["category"], one["title"]) == (rule.category, rule.text.title)
        assert one["severity"] in set(Severity)
        assert one["subject"] == rule.text.subject
        assert one["controls"] == list(rule.text.controls)
        assert one["proofs"] == Counter(str(proof.expect) for proof in rule.text.verify)
        assert set(one["proofs"]) >= {"pass", "fail", "unknown"}


def test_the_list_as_text_has_one_line_per_rule(cli: Cli) -> None:
    lines = cli("rules", "list").text.splitlines()
    assert [line.split()[0] for line in lines] == list(corpus.load().rules)


def test_a_rule_is_shown_as_its_file(cli: Cli) -> None:
    path = Path(corpus.load().find("plaintext-listener").file)
    assert cli("rules", "show", "plaintext-listener").out == path.read_bytes()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_rule_is_explained_within_the_width(cli: Cli, columns: int) -> None:
    rule = corpus.load().find("plaintext-listener")
    lines = cli("explain", "plaintext-listener", environment={"COLUMNS": str(columns)}).text.splitlines()
    assert all(len(line) <= min(columns, 100) for line in lines if not line.startswith("    "))
    told = " ".join(" ".join(lines).split())
    assert rule.text.title in told
    assert "client_broker" in told
    assert "hardened without live ends in unknown" in told


def test_our_rules_lint_clean(cli: Cli) -> None:
    assert cli("rules", "lint") == (0, b"", "every rule is sound\n")


def test_a_rule_begun_lints_and_is_used_and_judges(cli: Cli, hardened: Path) -> None:
    ran = cli("rules", "new", "own-things", "name-is-fine", "--rules", "own")
    assert (ran.status, ran.text) == (0, "own/own-things/name-is-fine.yaml\n")
    assert cli("rules", "lint", "--rules", "own") == (0, b"", "every rule is sound\n")
    assert "name-is-fine" in cli("rules", "list", "--rules", "own").text
    assert cli("rules", "show", "name-is-fine", "--rules", "own").out == (cli.home / ran.text.strip()).read_bytes()
    assert "severity    medium, own-things" in cli("explain", "name-is-fine", "--rules", "own").text
    alone = cli("audit", hardened, "--rules", "own", "--rule", "name-is-fine", "--format", "json").report
    assert [(one["rule"], one["verdict"]) for one in alone["findings"]] == [("name-is-fine", "pass")]
    path = cli.home / "own" / "own-things" / "name-is-fine.yaml"
    path.write_text(path.read_text().replace(" != ", " == ").replace("medium", "critical").replace("as it", "größer"))
    ran = cli("audit", hardened, "--rules", "own", "--format", "json")
    assert ran.status == 1
    assert [one["rule"] for one in ran.report["findings"] if one["verdict"] == "fail"] == ["name-is-fine"]
    assert len(ran.report["findings"]) > len(cli("audit", hardened, "--format", "json").report["findings"])
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shown = cli("rules", "show", "name-is-fine", "--rules", "own", environment=ascii_only)
    assert shown.out == path.read_bytes()


def test_a_rule_begun_proves(tmp_path: Path) -> None:
    fresh, _ = corpus.read_rule(scaffold(tmp_path, category="own", slug="fresh", version=__version__))
    begun = Corpus([fresh])
    outcomes = list(prove(begun, look(states(begun))))
    assert [outcome.expected for outcome in outcomes] == [Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN]
    assert [outcome.complaint for outcome in outcomes] == [None, None, None]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["Transport", "x"], "lower-case"),
        (["transport", "under_score"], "lower-case"),
        (["../up", "x"], "lower-case"),
        (["transport", "plaintext-listener"], "is already in"),
        (["transport", "x", "--rules", "file"], "cannot be written"),
        (["transport", "x", "--rules", "/proc/own"], "cannot be written"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_begin_ends_with_2(cli: Cli, arguments: list[str], says: str) -> None:
    (cli.home / "file").touch()
    if "--rules" not in arguments:
        arguments = [*arguments, "--rules", "own"]
    ran = cli("rules", "new", *arguments)
    assert (ran.status, ran.out) == (2, b"")
    assert says in ran.err
    assert not (cli.home / "own").exists()


def test_a_rule_is_begun_once(cli: Cli) -> None:
    assert cli("rules", "new", "own", "x", "--rules", ".").status == 0
    ran = cli("rules", "new", "own", "x", "--rules", ".")
    assert ran.status == 2
    assert "exists already" in ran.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("severity: medium", "severity: grave"), "x.yaml:2"),
        (("cluster.declared.name", "cluster.declared.nome"), "unknown path cluster.declared.nome"),
        (("{cluster.name} is not", "{cluster.nome} is not"), "unknown path cluster.nome"),
        (("nist-800-53r5/CM-6", "nist-800-53r5/XX-1"), "nist-800-53r5/XX-1"),
        (("https://", "http://"), "is not an https address"),
        (("expect: unknown", "expect: pass"), "no proof ends in unknown"),
        (("world: hardened, expect: pass", "world: atlantis, expect: pass"), "no world atlantis"),
        (("title:", "colour: blue\ntitle:"), "colour"),
    ],
    ids=str,
)
def test_lint_names_file_and_line_of_what_is_wrong(cli: Cli, change: tuple[str, str], says: str) -> None:
    path = scaffold(cli.home / "rules", category="own", slug="x", version=__version__)
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    ran = cli("rules", "lint", "--rules", "rules")
    assert (ran.status, ran.err) == (1, "1 to mend\n")
    assert ran.text.startswith("rules/own/x.yaml:")
    assert says in ran.text


def test_lint_of_a_folder_that_is_none_ends_with_2(cli: Cli) -> None:
    ran = cli("rules", "lint", "--rules", "nowhere")
    assert (ran.status, ran.out) == (2, b"")
    assert "is not a folder of rules" in ran.err


def test_one_rule_is_proven_as_a_table(cli: Cli) -> None:
    ran = cli("prove", "public-access", environment={"COLUMNS": "120"})
    proofs = len(corpus.load().find("public-access").text.verify)
    head, _, *rows = ran.text.splitlines()
    assert ran.status == 0
    assert head.split() == ["rule", "world", "turn", "withheld", "expected", "got"]
    assert sum("public-access" in row for row in rows) == proofs
    assert f"{proofs} proofs in" in ran.err
    assert "0 differ" in ran.err
    assert all(len(line) <= 120 for line in ran.text.splitlines())


def test_proofs_as_json_say_what_was_expected_and_got(cli: Cli) -> None:
    ran = cli("prove", "public-access", "default-allow", "--format", "json")
    outcomes = json.loads(ran.out)
    assert ran.status == 0
    assert {one["rule"] for one in outcomes} == {"public-access", "default-allow"}
    for one in outcomes:
        assert set(one) == {"rule", "world", "turn", "withhold", "expected", "got", "complaint"}
        assert one["expected"] == one["got"]
        assert one["complaint"] is None


def test_a_proof_that_differs_is_told() -> None:
    (one,) = corpus.load().select(only=["public-access"])
    text = one.rule.text
    turned = [
        msgspec.structs.replace(proof, expect=Verdict.ERROR if number == 0 else proof.expect)
        for number, proof in enumerate(text.verify)
    ]
    rule = msgspec.structs.replace(one.rule, text=msgspec.structs.replace(text, verify=tuple(turned)))
    wrong = Corpus([msgspec.structs.replace(one, rule=rule)])
    outcomes = list(prove(wrong, look(states(wrong)), only=["public-access"]))
    (differing,) = (outcome for outcome in outcomes if outcome.complaint)
    assert differing.complaint == f"expected error, got {text.verify[0].expect}"


def test_a_proof_that_differs_ends_with_1(cli: Cli) -> None:
    program = """
import mskaudit.prove
from mskaudit.cli import main
mskaudit.prove.overall = lambda found: None
main()
"""
    ran = cli.python(program, "prove", "public-access")
    assert ran.status == 1
    assert "got no finding" in ran.text
    assert ran.err.strip().endswith("differ")


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_the_help_of_every_command_fits_a_terminal(cli: Cli, words: list[str]) -> None:
    ran = cli(*words, "--help", environment={"COLUMNS": "80"})
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith(f"Usage: {' '.join(['mskaudit', *words])}")
    assert max(map(len, ran.text.splitlines())) <= 100
    assert "..." not in ran.text.replace("]...", "")


def test_every_command_is_listed_and_every_option_is_explained() -> None:
    assert set(COMMANDS) == {"audit", "gather", "judge", "rules", "explain", "prove", "reference", "completion"}
    context = group.make_context("mskaudit", ["rules"], resilient_parsing=True)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.help
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert [option.name for option in options if not option.help] == [], name


def test_help_has_a_short_name(cli: Cli) -> None:
    assert cli("-h") == cli("--help")
    assert cli("audit", "-h") == cli("audit", "--help")


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version") == (0, f"mskaudit, version {__version__}\n".encode(), "")
    assert cli.python("import runpy; runpy.run_module('mskaudit')", "--version").text == cli("--version").text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(cli: Cli, shell: str) -> None:
    script = cli("completion", shell)
    assert (script.status, script.err) == (0, "")
    assert "_MSKAUDIT_COMPLETE" in script.text
    words = {"COMP_WORDS": "mskaudit au", "COMP_CWORD": "1" if shell != "fish" else "au"}
    completed = cli(environment={"_MSKAUDIT_COMPLETE": f"{shell}_complete", **words})
    assert "audit" in completed.text


def test_the_completion_script_is_bash(cli: Cli) -> None:
    assert cli.shell('eval "$($M completion bash)" && complete -p mskaudit').status == 0
