"""Rule files: what is wrong with one is a sentence with file and line, and the shipped ones are sound."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mskaudit import resources
from mskaudit.engine.corpus import Corpus, frameworks, load, read_rule, rule_files
from mskaudit.errors import InputError, MskAuditError, RuleError, UsageError
from mskaudit.model.verdicts import Severity
from tests.engine.builders import CORPUS

if TYPE_CHECKING:
    from mskaudit.engine.corpus import Compiled

SOUND = """\
title: A title
severity: high
subject: cluster
when:
  - if: cluster.service != "serverless"
    otherwise: Not here
assert: cluster.declared.iam
message: "{cluster.name} is bad"
holds: "{cluster.name} is good"
rationale: Because.
remedy:
  text: Do it.
  effect: in-place
controls: [nist-800-53r5/AC-3]
references:
  - https://example.org
since: 0.1.0
verify:
  - {world: hardened, expect: pass}
  - {world: hardened, expect: fail}
  - {world: hardened, expect: unknown}
"""
SHIPPED = [pytest.param(one, id=one.rule.id) for one in CORPUS]


def written(folder: Path, content: str | bytes, *, name: str = "made/a-rule.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def turned(old: str, new: str) -> str:
    assert SOUND.count(old) == 1
    return SOUND.replace(old, new)


def without(key: str) -> str:
    lines = SOUND.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{key}:"))
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith((" ", "-"))), len(lines))
    return "".join(lines[:start] + lines[end:])


def test_a_sound_rule_file_is_a_rule(tmp_path: Path) -> None:
    compiled, document = read_rule(written(tmp_path, SOUND))
    assert (compiled.rule.id, compiled.rule.category) == ("a-rule", "made")
    assert document.place("assert").endswith("made/a-rule.yaml:7")


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        pytest.param(turned("severity: high", "severity: grave"), 2, "Invalid enum value 'grave'", id="bad severity"),
        pytest.param(turned("severity: high", "severity: 3"), 2, "severity", id="severity of the wrong type"),
        pytest.param(turned("subject: cluster", "subject: topic"), 3, "Invalid enum value 'topic'", id="bad subject"),
        pytest.param(
            turned("  effect: in-place", "  effect: magic"), 13, "Invalid enum value 'magic'", id="bad effect"
        ),
        pytest.param(SOUND + "colour: red\n", 1, "unknown field `colour`", id="unknown key"),
        pytest.param(
            turned("    otherwise: Not here", "    else: Not here"),
            5,
            "unknown field `else`, at when[0]",
            id="unknown inner key",
        ),
        pytest.param(turned("  text: Do it.\n", ""), 12, "missing required field `text`", id="missing inner key"),
        pytest.param(
            turned("title: A title", "title: 7"), 1, "Expected `str`, got `int`, at title", id="number for text"
        ),
        pytest.param(turned("title: A title", "title:"), 1, "Expected `str`, got `null`", id="nothing for text"),
        pytest.param(turned("since: 0.1.0", "since: 0.1"), 17, "got `float`", id="version that is a number"),
        pytest.param(turned("[nist-800-53r5/AC-3]", "nist"), 14, "Expected `array`", id="text for list"),
        pytest.param(turned("expect: fail", "expect: bad"), 20, "Invalid enum value 'bad'", id="bad verdict"),
        pytest.param(
            turned("subject: cluster\n", "subject: cluster\nsubject: cluster\n"), 4, "stands twice", id="duplicate key"
        ),
        pytest.param(turned("title: A title", "title: &a x\nsince: *a"), 1, "aliases are not allowed", id="alias"),
        pytest.param(
            "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n" + SOUND, 1, "aliases", id="alias bomb"
        ),
        pytest.param(
            turned("cluster.declared.iam\n", "cluster.iam\n"), 7, "unknown path cluster.iam", id="unknown path"
        ),
        pytest.param(
            turned("cluster.declared.iam\n", "cluster.name\n"), 7, "true or false", id="assertion that is text"
        ),
        pytest.param(turned("cluster.declared.iam\n", "listener.anonymous\n"), 7, "unknown name", id="another kind"),
        pytest.param(turned('"serverless"', '"lambda"'), 5, "'lambda' is never a value", id="impossible condition"),
        pytest.param(turned("{cluster.name} is bad", "{cluster.nam} is bad"), 8, "unknown path", id="bad placeholder"),
        pytest.param(turned("{cluster.name} is good", "{} is good"), 9, "not an expression", id="empty placeholder"),
        pytest.param(turned("{cluster.name} is good", "{0} is good"), 9, "is not a path", id="numbered placeholder"),
        pytest.param(turned("{cluster.name} is bad", "{cluster.name is bad"), 8, "'}'", id="open placeholder"),
        pytest.param(turned("{cluster.name} is bad", "}"), 8, "Single '}'", id="closed placeholder"),
        pytest.param(turned("assert: cluster", "assert: cluster: x"), 7, "not YAML", id="not YAML"),
        pytest.param("", 1, "Expected `object`, got `null`", id="empty file"),
        pytest.param("- a\n- b\n", 1, "Expected `object`, got `array`", id="list"),
        pytest.param("just text", 1, "Expected `object`, got `str`", id="text"),
        pytest.param("[" * 100_000, 1, "nested too deeply", id="deep nesting"),
        pytest.param(turned("since: 0.1.0", "since: " + "9" * 5000), 17, "quote it", id="5000 digits"),
        *(
            pytest.param(without(key), 1, f"missing required field `{key}`", id=f"without {key}")
            for key in (
                "title",
                "severity",
                "subject",
                "assert",
                "message",
                "holds",
                "rationale",
                "remedy",
                "controls",
                "references",
                "since",
                "verify",
            )
        ),
    ],
)
def test_bad_rule_file_is_one_sentence_with_file_and_line(tmp_path: Path, content: str, line: int, says: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises((InputError, RuleError)) as caught:
        read_rule(path)
    text = str(caught.value)
    assert text.startswith(f"{path}:{line}: ")
    assert says in text
    assert "\n" not in text
    assert len(text) < len(str(path)) + 400


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"\xff\xfe" + SOUND.encode("utf-16-le"), "not UTF-8", id="UTF-16"),
        pytest.param(SOUND.encode() + b"# \xe9", "not UTF-8", id="Latin-1"),
        pytest.param(b"\x7fELF\x00\x01", "not YAML", id="binary"),
        pytest.param(SOUND.encode() + b"#" * (2 << 20), "has at most 1048576", id="two megabytes"),
    ],
)
def test_file_that_is_no_text_is_one_sentence_with_its_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_rule(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["made/A-Rule.yaml", "made/a_rule.yaml", "made/a rule.yaml", "Made/a-rule.yaml", "made/-a.yaml", "made/é.yaml"],
)
def test_names_of_files_and_folders_are_words_joined_by_hyphens(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, SOUND, name=name)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: .*lower-case words joined by hyphens"):
        load(tmp_path)


def test_rule_file_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "made" / "a-rule.yaml").mkdir(parents=True)
    with pytest.raises(InputError, match=r"a-rule\.yaml cannot be read: Is a directory"):
        load(tmp_path)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder of rules"):
        load(tmp_path / "nothing")


def test_folders_for_other_data_hold_no_rules(tmp_path: Path) -> None:
    written(tmp_path, "nonsense", name="_tables/x.yaml")
    written(tmp_path, "nonsense", name=".git/x.yaml")
    path = written(tmp_path, SOUND)
    assert rule_files(tmp_path) == [path]


def test_rules_of_a_user_stand_beside_ours(tmp_path: Path) -> None:
    written(tmp_path, SOUND)
    assert {one.rule.id for one in load(tmp_path)} == {one.rule.id for one in CORPUS} | {"a-rule"}


def test_id_that_stands_twice_is_named_with_both_files(tmp_path: Path) -> None:
    path = written(tmp_path, SOUND, name="made/public-access.yaml")
    with pytest.raises(RuleError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}: the rule public-access is already in ")
    assert "rules/exposure/public-access.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("public-acces", "did you mean public-access"),
        ("plaintext", "did you mean"),
        ("zzzz", "see `mskaudit rules list`"),
        ("", "see `mskaudit rules list`"),
        ("PUBLIC-ACCESS", "see `mskaudit rules list`"),
    ],
)
def test_unknown_rule_is_answered_with_the_nearest(asked: str, says: str) -> None:
    for ask in (lambda: CORPUS.find(asked), lambda: CORPUS.select(only=[asked]), lambda: CORPUS.select(skip=[asked])):
        with pytest.raises(UsageError, match=re.escape(says)):
            ask()


def ids(corpus: Corpus) -> set[str]:
    return {one.rule.id for one in corpus}


def test_selection_keeps_and_skips() -> None:
    every = ids(CORPUS)
    assert ids(CORPUS.select()) == every
    assert ids(CORPUS.select(only=["public-access", "anonymous-access"])) == {"public-access", "anonymous-access"}
    assert ids(CORPUS.select(skip=["public-access"])) == every - {"public-access"}
    assert ids(CORPUS.select(only=["public-access"], skip=["public-access"])) == set()
    assert CORPUS.find("public-access").category == "exposure"


@pytest.mark.parametrize("severity", list(Severity))
def test_rules_below_a_severity_are_left_out(severity: Severity) -> None:
    assert ids(CORPUS.at_least(severity)) == {
        one.rule.id for one in CORPUS if one.rule.text.severity.rank <= severity.rank
    }


def test_rules_come_in_the_order_of_category_and_id() -> None:
    order = [(one.rule.category, one.rule.id) for one in CORPUS]
    assert order == sorted(order)
    assert len(order) == len(rule_files(resources.folder("rules"))) >= 14


@pytest.mark.parametrize("one", SHIPPED)
def test_every_control_of_a_shipped_rule_exists_and_maps_to_nist_and_pci(one: Compiled) -> None:
    there = frameworks()
    names = set()
    for control in one.rule.text.controls:
        name, _, identifier = control.partition("/")
        assert identifier in there[name].controls
        names.add(name)
    assert {"nist-800-53r5", "pci-dss-4.0.1"} <= names


@pytest.mark.parametrize("one", SHIPPED)
def test_shipped_rule_says_when_it_fails_and_why_it_matters(one: Compiled) -> None:
    text = one.rule.text
    assert len(text.rationale) > 80
    assert text.references
    assert text.message != text.holds or "{" in text.message
    assert Path(one.rule.file).stem == one.rule.id


def test_every_failure_to_read_is_of_our_own_kind() -> None:
    assert issubclass(InputError, MskAuditError)
    assert issubclass(RuleError, MskAuditError)
    assert not issubclass(RuleError, UsageError)
