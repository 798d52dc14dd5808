"""Many cases against many targets: each is a function of the seed, its target and its number, and all are counted."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz import entropy
from tests.fuzz.mutation import Chance
from tests.fuzz.virtual import HangError, VirtualLoop, bounded_work, rearm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GROWTH_LIMIT = 100.0
"""MiB of resident memory that a campaign may add after the warm-up."""

_STATUS = Path("/proc/self/status")
_MEASURED_EVERY = 250
_MOST_FAILURES = 5


class Side(StrEnum):
    """Who is attacked."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(slots=True)
class Case:
    """One case: where its randomness comes from, and what it sent so far."""

    chance: Chance
    sent: list[bytes] = field(default_factory=list)

    def note(self, content: bytes) -> bytes:
        """Keep what is about to be sent: one frame."""
        self.sent.append(content)
        return content


Play = Callable[[Case], Awaitable[None]]
World = Callable[[int], AbstractAsyncContextManager[Play]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something to attack.

    `share` is its part of the spoilt frames of its side; `world` gives, by the number of a chapter, what all cases of
    that chapter are played against, so that a case depends on those of its chapter before it.
    """

    name: str
    side: Side
    share: float
    world: World
    chapter: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A case that went wrong."""

    target: str
    index: int
    seed: int
    sent: Sequence[bytes]
    fault: BaseException
    alone: bool = False

    @property
    def place(self) -> str:
        """Where it was raised, to tell failures apart."""
        frames = traceback.extract_tb(self.fault.__traceback__)
        last = frames[-1] if frames else None
        return f"{type(self.fault).__name__} at {last.filename}:{last.lineno}" if last else repr(self.fault)

    def lines(self) -> Iterator[str]:
        """What somebody needs to see it again."""
        yield f"FAILED {self.target}, case {self.index} with seed {self.seed}: {self.fault!r}"
        yield from (f"  sent {content.hex() or '(nothing)'}" for content in self.sent)
        yield from "".join(traceback.format_exception(self.fault)).splitlines()
        yield f"again: python -m tests.fuzz --seed {self.seed} --only {self.target}:{self.index}"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one target."""

    target: Target
    cases: int = 0
    frames: int = 0
    spoilt: int = 0
    seconds: float = 0.0
    growth: float = 0.0
    failures: list[Failure] = field(default_factory=list)


def resident() -> float:
    """MiB of resident memory, 0 where the system does not tell."""
    if not _STATUS.exists():
        return 0.0
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def attack(target: Target, *, seed: int, frames: int, baseline: float | None = None) -> Tally:
    """Play cases until so many spoilt frames were sent, or too much failed."""
    tally = Tally(target=target)
    began = time.perf_counter()
    with bounded_work(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        attacking = _Attack(target, seed, tally, baseline)
        try:
            runner.run(attacking.run(frames))
        except (Exception, HangError) as fault:  # noqa: BLE001  whatever it is, it is what we look for
            attacking.fail(fault)
    tally.seconds = time.perf_counter() - began
    return tally


def replay(target: Target, *, seed: int, index: int) -> Failure | None:
    """The failure of one case: played alone, and if it passes so, behind those of its chapter that came before it."""
    for start in (index, index - index % target.chapter):
        tally = Tally(target=target)
        with bounded_work(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
            attacking = _Attack(target, seed, tally, None)
            try:
                runner.run(attacking.chapter(range(start, index + 1)))
            except (Exception, HangError) as fault:  # noqa: BLE001  whatever it is, it is what we look for
                attacking.fail(fault)
        for failure in tally.failures:
            if failure.index == index:
                return failure
    return None


class _Attack:
    """The cases of one target in their order."""

    def __init__(self, target: Target, seed: int, tally: Tally, baseline: float | None) -> None:
        self._target = target
        self._seed = seed
        self._tally = tally
        self._baseline = baseline
        self._index = 0
        self._case = Case(Chance(seed))

    async def run(self, frames: int) -> None:
        """Play whole chapters; the last ends when there were enough frames."""
        first = 0
        while self._tally.spoilt < frames and len(self._tally.failures) < _MOST_FAILURES:
            await self.chapter(range(first, first + self._target.chapter), frames)
            first += self._target.chapter

    async def chapter(self, indices: range, frames: int | None = None) -> None:
        """Play cases against one world; what the world itself raises at its end is a failure as well."""
        async with self._target.world(indices.start // self._target.chapter) as play:
            for index in indices:
                if frames is not None and self._tally.spoilt >= frames:
                    break
                await self._play(play, index)

    async def _play(self, play: Play, index: int) -> None:
        self._index = index
        name = f"{self._seed}/{self._target.name}/{index}"
        self._case = Case(Chance(name))
        entropy.begin(name)
        rearm()
        try:
            await play(self._case)
        except Exception as fault:  # noqa: BLE001  whatever it is, it is what we look for
            self.fail(fault)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        while loop.faults:
            self.fail(loop.faults.pop())
        self._tally.cases += 1
        self._tally.frames += len(self._case.sent)
        self._tally.spoilt += min(self._case.chance.spoilt, len(self._case.sent))
        if self._baseline is not None and self._tally.cases % _MEASURED_EVERY == 0:
            self._tally.growth = max(self._tally.growth, resident() - self._baseline)

    def fail(self, fault: BaseException) -> None:
        """Keep a failure, the first of its kind."""
        failure = Failure(
            target=self._target.name, index=self._index, seed=self._seed, sent=tuple(self._case.sent), fault=fault
        )
        if all(known.place != failure.place for known in self._tally.failures):
            self._tally.failures.append(failure)
