"""A slice of the fuzzing that every run of the tests affords, and proof that the fuzzer sees what it looks for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fuzz import entropy
from tests.fuzz.campaign import Case, Side, Target, attack, replay
from tests.fuzz.everything import TARGETS, verdict
from tests.fuzz.mutation import Chance, mutate
from tests.fuzz.virtual import HangError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.fuzz.campaign import Play

FRAMES = 6000
SEED = 20261124


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_spoilt_frames_do_no_harm(target: Target) -> None:
    with entropy.determined():
        tally = attack(target, seed=SEED, frames=max(50, round(FRAMES * target.share)))
    assert verdict([tally]) == [], "\n".join(line for failure in tally.failures for line in failure.lines())
    assert tally.spoilt >= 50


def test_the_shares_of_each_side_are_whole() -> None:
    for side in Side:
        assert sum(target.share for target in TARGETS if target.side is side) == pytest.approx(1)


def target_of(act: Callable[[Case], Awaitable[None]]) -> Target:
    @asynccontextmanager
    async def world(_: int) -> AsyncIterator[Play]:
        yield act

    return Target(name="own", side=Side.SERVER, share=1, world=world, chapter=10)


async def _breaks(case: Case) -> None:
    if case.note(mutate(case.chance, case.chance.randbytes(4)))[:1] < b"\x14":
        raise KeyError("a bug")


async def _breaks_in_a_task(case: Case) -> None:
    async def work() -> None:
        raise KeyError("a bug")

    case.note(mutate(case.chance, b"x"))
    asyncio.get_running_loop().create_task(work())
    await asyncio.sleep(1)


async def _waits_for_nothing(case: Case) -> None:
    case.note(mutate(case.chance, b"x"))
    await asyncio.Event().wait()


async def _waits_long(case: Case) -> None:
    case.note(mutate(case.chance, b"x"))
    await asyncio.sleep(86_400)


@pytest.mark.parametrize(
    ("act", "fault"),
    [(_breaks, KeyError), (_breaks_in_a_task, KeyError), (_waits_for_nothing, HangError)],
    ids=["exception", "task", "hang"],
)
def test_what_goes_wrong_is_seen(act: Callable[[Case], Awaitable[None]], fault: type[BaseException]) -> None:
    tally = attack(target_of(act), seed=SEED, frames=200)
    assert [type(failure.fault) for failure in tally.failures] == [fault]
    assert verdict([tally]) == ["1 failures of own"]


def test_a_failure_can_be_had_again() -> None:
    (failure,) = attack(target_of(_breaks), seed=SEED, frames=200).failures
    again = replay(target_of(_breaks), seed=SEED, index=failure.index)
    assert again is not None
    assert again.sent == failure.sent
    assert list(failure.lines())[-1].endswith(f"--seed {SEED} --only own:{failure.index}")


def test_long_waits_cost_nothing() -> None:
    assert attack(target_of(_waits_long), seed=SEED, frames=100).failures == []


def test_growth_is_a_failure() -> None:
    tally = attack(target_of(_waits_long), seed=SEED, frames=1)
    tally.growth = 101.0
    assert verdict([tally]) == ["memory grew by 101 MiB, more than 100"]


def test_a_case_follows_from_its_seed() -> None:
    def spoilt(seed: str) -> list[bytes]:
        chance = Chance(seed)
        return [mutate(chance, bytes(range(40)), other=b"other") for _ in range(50)]

    assert spoilt("a") == spoilt("a") != spoilt("b")
    assert len(set(spoilt("a"))) > 45
