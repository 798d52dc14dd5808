"""The page of proofs has every rule with all its proofs, and none is missing."""

from __future__ import annotations

from typing import Final

from mskaudit.engine.corpus import load
from mskaudit.model.verdicts import Verdict
from tests.real.proofs import PAGE

WITHOUT_JAVA: Final = True


def _rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| [")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_rule_has_a_row_with_all_its_proofs() -> None:
    corpus = load()
    counted = {name: len(rule.text.verify) for name, rule in corpus.rules.items()}
    assert {row[0].partition("]")[0].strip("["): int(row[1]) for row in _rows()} == counted


def test_no_proof_is_missing() -> None:
    assert [row[0] for row in _rows() if any("missing" in cell for cell in row)] == []


def test_every_verdict_that_is_proved_was_seen_on_the_reference() -> None:
    corpus = load()
    for row in _rows():
        rule = corpus.rules[row[0].partition("]")[0].strip("[")]
        expected = {proof.expect for proof in rule.text.verify}
        assert row[2] == f"seen: {', '.join(verdict for verdict in Verdict if verdict in expected)}"
