"""`python -m tests.real.compare [WORD]...`: where the reference says something else than what is written down of Kafka.

With words, only transcripts whose names have one of them.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.real.brokers import Line
from tests.real.differences import named
from tests.real.record import answers
from tests.real.scenes import scene
from tests.real.stage import reference
from tests.real.transcripts import TRANSCRIPTS, Difference, differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.transcripts import Transcript


def main(words: list[str]) -> int:
    """Print the differences that are not meant; 1 if there are any."""
    chosen = [one for one in TRANSCRIPTS.values() if not words or any(word in one.name for word in words)]
    count = 0
    for line in Line:
        for one in chosen:
            for place, ours, theirs in _compare(one, line):
                count += 1
                print(f"{one.name} {line} {place}\n  reference {json.dumps(ours)}\n  Kafka     {json.dumps(theirs)}")
    print(f"{count} differences in {len(chosen)} transcripts")
    return 1 if count else 0


def _compare(one: Transcript, line: Line) -> Iterator[Difference]:
    with reference(scene(one.scene, line)) as stage:
        told = json.loads(json.dumps(one.play(stage)))
    for difference in differences(told, answers()[one.name][line]):
        if not named(one.name, line, difference.place):
            yield difference


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
