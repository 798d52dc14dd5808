"""The reference says in every transcript what Apache Kafka was heard to say, or the difference is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.real.brokers import Line
from tests.real.differences import INTENDED, named
from tests.real.record import answers, played
from tests.real.scenes import ALL, scene
from tests.real.stage import reference
from tests.real.transcripts import TRANSCRIPTS, differences

if TYPE_CHECKING:
    from tests.real.differences import Named
    from tests.real.transcripts import Difference

WITHOUT_JAVA: Final = True

Found = tuple[str, Line, "Difference"]


@pytest.fixture(scope="module")
def found() -> list[Found]:
    """Every difference between the reference and what is written down."""
    seen: list[Found] = []
    for line in Line:
        for name in ALL:
            with reference(scene(name, line)) as stage:
                told = played(stage, name)
            for called, one in told.items():
                seen += [(called, line, difference) for difference in differences(one, answers()[called][line])]
    return seen


@pytest.mark.parametrize("line", Line, ids=lambda line: line.name.lower())
@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_the_reference_says_the_same(name: str, line: Line, found: list[Found]) -> None:
    here = [difference for called, where, difference in found if (called, where) == (name, line)]
    assert [one for one in here if not named(name, line, one.place)] == []


@pytest.mark.parametrize("one", INTENDED, ids=lambda one: f"{one.transcript} {one.place}")
def test_what_is_named_differs(one: Named, found: list[Found]) -> None:
    assert any(one.covers(called, line, difference.place) for called, line, difference in found)
