"""Lint: each problem found once, with file and line; ours and a fresh scaffold have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mskaudit import __version__, resources
from mskaudit.engine.lint import lint, scaffold
from mskaudit.errors import InputError
from tests.engine.test_corpus import SOUND, turned, written

if TYPE_CHECKING:
    from pathlib import Path

WORLDS = ("hardened",)
PROOF = "  - {world: hardened, expect: %s}\n"


def shipped_worlds() -> tuple[str, ...]:
    return tuple(path.stem for path in resources.folder("fixtures/worlds").glob("*.yaml"))


def test_shipped_corpus_is_clean() -> None:
    assert lint([resources.folder("rules")], worlds=shipped_worlds()) == []


def test_sound_file_is_clean(tmp_path: Path) -> None:
    written(tmp_path, SOUND)
    assert lint([tmp_path], worlds=WORLDS) == []


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        pytest.param(
            turned("[nist-800-53r5/AC-3]", "[nist-800-53r5/XX-9]"), 14, "nist-800-53r5/XX-9 is not in", id="control"
        ),
        pytest.param(turned("[nist-800-53r5/AC-3]", "[AC-3]"), 14, "AC-3 is not in", id="control without framework"),
        pytest.param(turned("[nist-800-53r5/AC-3]", "[]"), 14, "no control says", id="no control"),
        pytest.param(turned("https://example.org", "http://example.org"), 16, "not an https address", id="reference"),
        pytest.param(turned(PROOF % "pass", ""), 19, "no proof ends in pass", id="no proof of pass"),
        pytest.param(turned(PROOF % "fail", ""), 19, "no proof ends in fail", id="no proof of fail"),
        pytest.param(turned(PROOF % "unknown", ""), 19, "no proof ends in unknown", id="no proof of unknown"),
        pytest.param(turned("hardened, expect: fail", "nowhere, expect: fail"), 20, "no world nowhere", id="world"),
        pytest.param(
            turned("expect: fail}", "expect: fail, also: [nothing]}"), 20, "`also` names nothing", id="also unknown"
        ),
        pytest.param(
            turned("expect: fail}", "expect: fail, also: [a-rule]}"), 20, "`also` names a-rule", id="also itself"
        ),
        pytest.param(turned("severity: high", "severity: grave"), 2, "Invalid enum value", id="unreadable"),
        pytest.param(turned("cluster.declared.iam\n", "cluster.iam\n"), 7, "unknown path", id="does not compile"),
    ],
)
def test_problem_is_found_once_with_file_and_line(tmp_path: Path, content: str, line: int, says: str) -> None:
    path = written(tmp_path, content)
    (problem,) = lint([tmp_path], worlds=WORLDS)
    assert problem.startswith(f"{path}:{line}: ")
    assert says in problem


def test_every_file_is_looked_at_whatever_is_wrong_with_another(tmp_path: Path) -> None:
    written(tmp_path, "", name="made/first.yaml")
    written(tmp_path, b"\xff", name="made/second.yaml")
    written(tmp_path, SOUND, name="made/Third.yaml")
    written(tmp_path, SOUND, name="made/fourth.yaml")
    problems = lint([tmp_path], worlds=WORLDS)
    assert [name for name in ("first", "second", "Third", "fourth") if any(name in one for one in problems)] == [
        "first",
        "second",
        "Third",
    ]
    assert len(problems) == 3


def test_two_rules_that_say_the_same_are_found_whatever_their_spacing(tmp_path: Path) -> None:
    written(tmp_path, turned("cluster.declared.iam\n", "cluster.declared.iam or cluster.declared.scram\n"))
    again = turned("cluster.declared.iam\n", "cluster.declared.iam  or   cluster.declared.scram\n")
    path = written(tmp_path, again, name="made/b-rule.yaml")
    (problem,) = lint([tmp_path], worlds=WORLDS)
    assert problem == f"{path}:7: the same predicate as a-rule (b-rule)"


def test_rules_that_differ_in_where_they_apply_are_no_twins(tmp_path: Path) -> None:
    written(tmp_path, SOUND)
    written(tmp_path, turned('"serverless"', '"express"'), name="made/b-rule.yaml")
    assert lint([tmp_path], worlds=WORLDS) == []


def test_id_that_stands_twice_is_found_over_all_folders(tmp_path: Path) -> None:
    first = written(tmp_path / "one", SOUND)
    second = written(
        tmp_path / "two", turned("cluster.declared.iam\n", "cluster.declared.scram\n"), name="other/a-rule.yaml"
    )
    assert lint([tmp_path / "one", tmp_path / "two"], worlds=WORLDS) == [
        f"{second}: the id a-rule is already in {first}"
    ]


def test_problems_come_in_the_order_of_their_places(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        written(tmp_path, "", name=f"made/{name}.yaml")
    problems = lint([tmp_path], worlds=WORLDS)
    assert problems == sorted(problems)
    assert len(problems) == 3


def test_folder_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder of rules"):
        lint([tmp_path / "nothing"], worlds=WORLDS)


@pytest.mark.parametrize("slug", ["my-rule", "a", "r2-d2"])
def test_scaffold_lints_clean_beside_ours(tmp_path: Path, slug: str) -> None:
    path = scaffold(tmp_path, category="made", slug=slug, version=__version__)
    assert path == tmp_path / "made" / f"{slug}.yaml"
    assert lint([tmp_path], worlds=WORLDS) == []
    assert lint([resources.folder("rules"), tmp_path], worlds=shipped_worlds()) == []


def test_two_scaffolds_are_no_twins_and_none_is_overwritten(tmp_path: Path) -> None:
    path = scaffold(tmp_path, category="made", slug="one", version=__version__)
    scaffold(tmp_path, category="made", slug="two", version=__version__)
    assert lint([tmp_path], worlds=WORLDS) == []
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        scaffold(tmp_path, category="made", slug="one", version=__version__)
    assert path.read_text() == "mine"
