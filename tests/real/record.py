"""`python -m tests.real.record`: play every transcript on Apache Kafka and write down what it says in `answers.json`.

What is written down is compared with the reference everywhere, and with Apache Kafka wherever there is Java.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.real import asked, logins, mistakes, wires
from tests.real.brokers import Line
from tests.real.scenes import ALL, WORKSHOP, scene
from tests.real.stage import real_in_turn
from tests.real.transcripts import TRANSCRIPTS, changed, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.real.stage import Stage
    from tests.real.transcripts import Told

FILE: Final = Path(__file__).with_name("answers.json")
TABLES: Final = (asked, logins, mistakes, wires)
"""The modules that hold transcripts; importing them fills the table."""

BOTH: Final = "both"
"""Stands for all lines; where the second differs, it has a list of places with what it says there."""

_AT_ONCE: Final = 8


@cache
def answers() -> dict[str, dict[Line, Told]]:
    """What was written down: by transcript and line."""
    known: dict[str, dict[str, Told]] = json.loads(FILE.read_text())
    return {
        name: {line: changed(told[BOTH], told[line]) if line in told else told[BOTH] for line in Line}
        for name, told in known.items()
    }


def played(stage: Stage, name: str) -> dict[str, Told]:
    """What a broker says in every transcript of a scene, as JSON would give it back.

    They are played side by side, since most of the time is spent waiting, but for those that change something.
    """
    wanted = [one for one in TRANSCRIPTS.values() if one.scene == name]
    with ThreadPoolExecutor(1 if name == WORKSHOP else _AT_ONCE) as pool:
        told = dict(zip([one.name for one in wanted], pool.map(lambda one: one.play(stage), wanted), strict=True))
    back: dict[str, Told] = json.loads(json.dumps(told))
    return back


def heard(line: Line, scenes: Iterable[str]) -> Iterator[tuple[str, dict[str, Told]]]:
    """What Apache Kafka says in every transcript of some scenes."""
    names = tuple(scenes)
    stages = real_in_turn((scene(name, line) for name in names), line)
    for name, stage in zip(names, stages, strict=True):
        yield name, played(stage, name)


def main() -> None:
    """Write the file."""
    written: dict[str, dict[Line, Told]] = {name: {} for name in TRANSCRIPTS}
    for line in Line:
        for name, told in heard(line, ALL):
            for called, one in told.items():
                written[called][line] = one
            print(f"{line}: {name}")
    FILE.write_text(_text(written))


def _text(written: dict[str, dict[Line, Told]]) -> str:
    """One line for each answer: that of the first line, and where the other differs from it."""
    rows = []
    for name in sorted(written):
        first, other = (written[name][line] for line in Line)
        merged = {BOTH: first}
        if apart := [(one.place, one.theirs) for one in differences(first, other)]:
            merged[list(Line)[-1]] = apart
        told = [f"  {json.dumps(line)}: {json.dumps(one, sort_keys=True)}" for line, one in merged.items()]
        rows.append(f"{json.dumps(name)}: {{\n" + ",\n".join(told) + "\n}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


if __name__ == "__main__":
    main()
