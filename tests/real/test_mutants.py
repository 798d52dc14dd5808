"""What is written down of Apache Kafka tells every answer that the reference is made to give wrongly."""

from __future__ import annotations

from typing import Final

import pytest

from tests.real.brokers import Line
from tests.real.mutants import MUTANTS, Mutant, survives, unnamed

WITHOUT_JAVA: Final = True


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_answer_is_noticed(name: str) -> None:
    assert not survives(MUTANTS[name])


@pytest.mark.parametrize("line", Line, ids=lambda line: line.name.lower())
def test_the_right_answers_are_right(line: Line) -> None:
    concerned = {mutant.transcript for mutant in MUTANTS.values() if mutant.line is line}
    assert concerned
    assert list(unnamed(concerned, line)) == []


def test_a_change_that_means_nothing_survives() -> None:
    assert survives(Mutant("values in sight [deny]", lambda _: None))
