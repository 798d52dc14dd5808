"""Apache Kafka still says what is written down of it."""

from __future__ import annotations

import pytest

from tests.real.brokers import Line
from tests.real.record import answers, heard
from tests.real.scenes import ALL
from tests.real.transcripts import TRANSCRIPTS, differences


@pytest.mark.parametrize("line", Line, ids=lambda line: line.name.lower())
def test_kafka_says_what_is_written_down(line: Line) -> None:
    found = [
        (called, difference)
        for _, told in heard(line, ALL)
        for called, one in told.items()
        for difference in differences(answers()[called][line], one)
    ]
    assert found == []


def test_every_transcript_is_written_down() -> None:
    assert set(answers()) == set(TRANSCRIPTS)
