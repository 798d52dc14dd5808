"""Regular expressions as Java matches them, in time linear in the text, for patterns that somebody else wrote.

The machine keeps one thread per instruction in order of preference, so that it finds what a backtracking engine finds
and never backtracks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mskaudit.errors import UsageError
from mskaudit.policy.regex_code import Anchor, Code, Consume, Jump, Parser, Save, Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PATTERN: Final = 1000
MAX_STEPS: Final = 2_000_000
"""Instructions one `matches` or `find_all` may take: about a second."""

_FINAL_LINE_ENDS: Final = ("", "\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a pattern was found, as offsets; ``groups`` holds a span or None for each group, the whole match first."""

    start: int
    end: int
    groups: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex:
    """A compiled pattern."""

    pattern: str
    groups: int
    names: Mapping[str, int]
    code: Code = field(repr=False)

    def matches(self, text: str) -> bool:
        """Whether the pattern matches all of ``text``; UsageError if that costs too much."""
        return _run(self, _Machine(self.code, text), start=0, mode=_Mode.WHOLE) is not None

    def find_all(self, text: str) -> Iterator[Match]:
        """Yield the matches in ``text``, as Java's find does; UsageError if all of them cost too much."""
        machine = _Machine(self.code, text)
        start = 0
        while start <= len(text):
            found = _run(self, machine, start=start, mode=_Mode.ANYWHERE)
            if found is None:
                return
            yield found
            start = found.end + (found.end == found.start)


def compile_regex(pattern: str) -> Regex:
    """Return the compiled pattern; UsageError, with the offset, if it is malformed or outside the common subset."""
    if len(pattern) > MAX_PATTERN:
        raise UsageError(f"the pattern has {len(pattern)} characters; keep it to {MAX_PATTERN}")
    parser = Parser(pattern)
    code = parser.parse()
    return Regex(pattern=pattern, groups=parser.groups, names=dict(parser.names), code=code)


class _Mode(StrEnum):
    WHOLE = "whole"
    ANYWHERE = "anywhere"


_Saves = tuple[int, ...]
_Thread = tuple[int, _Saves]
_UNSET: Final = -1


class _Machine:
    """All threads of one search at one place of the text, in order of preference."""

    def __init__(self, code: Code, text: str) -> None:
        self._code = code
        self.text = text
        self._steps = 0

    def leaves(self, threads: list[_Thread], at: int) -> Iterator[_Thread]:
        """Yield, by preference, where the threads must consume a character or have come to the end of the code."""
        seen: set[int] = set()
        waiting = threads[::-1]
        while waiting:
            place, saves = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if place == len(self._code):
                yield place, saves
                continue
            match self._code[place]:
                case Consume():
                    yield place, saves
                case Split(first=first, second=second):
                    waiting += ((place + second, saves), (place + first, saves))
                case Jump(distance=distance):
                    waiting.append((place + distance, saves))
                case Save(slot=slot):
                    waiting.append((place + 1, (*saves[:slot], at, *saves[slot + 1 :])))
                case Anchor() as anchor if self._holds(anchor, at):
                    waiting.append((place + 1, saves))
        self._charge(len(seen))

    def consumes(self, place: int, at: int) -> bool:
        """Whether the instruction at ``place`` takes the character at ``at``."""
        instruction = self._code[place]
        return isinstance(instruction, Consume) and at < len(self.text) and instruction.accepts(self.text[at])

    def _holds(self, anchor: Anchor, at: int) -> bool:
        match anchor:
            case Anchor.START:
                return at == 0
            case Anchor.END:
                rest = self.text[at : at + 3]
                return rest in _FINAL_LINE_ENDS and not (rest == "\n" and self.text[at - 1 : at] == "\r")

    def _charge(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise UsageError(f"the pattern costs too much on a text of {len(self.text)} characters; simplify it")


def _run(regex: Regex, machine: _Machine, *, start: int, mode: _Mode) -> Match | None:
    size = len(machine.text)
    fresh = (_UNSET,) * (2 * regex.groups + 2)
    threads: list[_Thread] = []
    best: Match | None = None
    for at in range(start, size + 1):
        if best is None and (at == start or mode is _Mode.ANYWHERE):
            threads.append((0, (at, *fresh[1:])))
        moved: list[_Thread] = []
        for place, saves in machine.leaves(threads, at):
            if place < len(regex.code):
                if machine.consumes(place, at):
                    moved.append((place + 1, saves))
            elif mode is _Mode.ANYWHERE or at == size:
                best = _match(saves, end=at)
                break  # what is less preferred does not matter any more
        threads = moved
        if not threads and (best is not None or mode is _Mode.WHOLE):
            break
    return best


def _match(saves: _Saves, *, end: int) -> Match:
    spans = list(zip(saves[2::2], saves[3::2], strict=True))
    groups = tuple(None if _UNSET in span else span for span in spans)
    return Match(start=saves[0], end=end, groups=((saves[0], end), *groups))
