"""Whatever a source does, every promised path is known or a gap with the right reason, and no secret leaves."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import CannotLook, InputError, LocalWireError, RemoteWireError, RuleError, UsageError
from mskaudit.gather.source import Source, settle, settle_all
from mskaudit.model.dossier import Note
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import Kind, SubjectKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

AT = "2026-11-23T08:00:00Z"
SECRET = "hunter2-correct-horse"
PROMISED = ("observed.transport", "observed.sasl_mechanisms")
ORIGIN = "tcp://b:9092"


def clock() -> str:
    return AT


def source(look: Callable[[], Awaitable[Mapping[str, Any]]], *, deadline: float = 30.0, origin: str = ORIGIN) -> Source:
    return Source(
        subject=SubjectKey(Kind.LISTENER, "c/b:9092", "c"),
        origin=origin,
        column=Column.OBSERVED,
        promises=PROMISED,
        look=look,
        deadline=deadline,
    )


def ignore(_: Source) -> None:
    """Nobody follows."""


def giving(seen: Mapping[str, Any]) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    async def look() -> Mapping[str, Any]:
        return seen

    return look


def raising(error: BaseException) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    async def look() -> Mapping[str, Any]:
        raise error

    return look


async def test_what_was_seen_is_known() -> None:
    seen = {"observed.transport": "tls", "observed.sasl_mechanisms": []}
    sighting = await settle(source(giving(seen)), clock)
    assert (sighting.origin, sighting.column, sighting.at) == (ORIGIN, Column.OBSERVED, AT)
    assert (sighting.known, sighting.gaps) == (seen, {})


async def test_a_field_that_a_complete_answer_does_not_have_is_known_to_be_absent() -> None:
    sighting = await settle(source(giving(dict.fromkeys(PROMISED))), clock)
    assert sighting.known == dict.fromkeys(PROMISED)


async def test_a_promise_that_is_not_kept_is_a_fault_of_ours() -> None:
    sighting = await settle(source(giving({"observed.transport": "tls"})), clock)
    assert sighting.known == {"observed.transport": "tls"}
    assert sighting.gaps == {
        "observed.sasl_mechanisms": Note(reason=Reason.TOOL_FAULT, detail=f"{ORIGIN} was asked but left it out")
    }


async def test_a_path_can_be_open_on_its_own() -> None:
    seen = {"observed.transport": "tls", "observed.sasl_mechanisms": CannotLook(Reason.DENIED, "hidden")}
    sighting = await settle(source(giving(seen)), clock)
    assert sighting.known == {"observed.transport": "tls"}
    assert sighting.gaps == {"observed.sasl_mechanisms": Note(reason=Reason.DENIED, detail="hidden")}


async def test_what_was_not_promised_is_not_taken() -> None:
    seen = {**dict.fromkeys(PROMISED, "x"), "observed.other": SECRET, "declared.name": CannotLook(Reason.DENIED, "x")}
    sighting = await settle(source(giving(seen)), clock)
    assert set(sighting.known) == set(PROMISED)
    assert sighting.gaps == {}


@pytest.mark.parametrize("reason", Reason)
async def test_a_source_that_cannot_look_leaves_every_path_open(reason: Reason) -> None:
    sighting = await settle(source(raising(CannotLook(reason, "why not"))), clock)
    assert sighting.known == {}
    assert sighting.gaps == dict.fromkeys(PROMISED, Note(reason=reason, detail="why not"))


async def test_a_peer_that_breaks_the_protocol_is_malformed() -> None:
    sighting = await settle(source(raising(RemoteWireError("it sent nonsense"))), clock)
    detail = f"{ORIGIN} broke the protocol: it sent nonsense"
    assert sighting.gaps == dict.fromkeys(PROMISED, Note(reason=Reason.MALFORMED, detail=detail))


@pytest.mark.parametrize("error", [TimeoutError(SECRET), TimeoutError(110, SECRET)])
async def test_a_time_that_is_over_is_timed_out(error: Exception) -> None:
    sighting = await settle(source(raising(error)), clock)
    detail = f"{ORIGIN} did not answer within 30 s"
    assert sighting.gaps == dict.fromkeys(PROMISED, Note(reason=Reason.TIMED_OUT, detail=detail))


async def never() -> Mapping[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def test_the_deadline_ends_a_look() -> None:
    async with asyncio.timeout(30):
        sighting = await settle(source(never, deadline=0.01), clock)
    assert {note.reason for note in sighting.gaps.values()} == {Reason.TIMED_OUT}
    assert "within 0.01 s" in sighting.gaps["observed.transport"].detail


class Unprintable(Exception):  # noqa: N818  it is not the program's
    """An exception that fails even when it is shown."""

    def __str__(self) -> str:
        raise ValueError(SECRET)

    __repr__ = __str__


UNFORESEEN = [
    ValueError(SECRET),
    KeyError(SECRET),
    TypeError(SECRET),
    AttributeError(SECRET),
    AssertionError(SECRET),
    RuntimeError(SECRET),
    RecursionError(SECRET),
    MemoryError(SECRET),
    NotImplementedError(SECRET),
    StopAsyncIteration(SECRET),
    EOFError(SECRET),
    OSError(5, SECRET, SECRET),
    ConnectionResetError(SECRET),
    ssl.SSLError(1, SECRET),
    UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    asyncio.IncompleteReadError(SECRET.encode(), 99),
    ExceptionGroup(SECRET, [ValueError(SECRET)]),
    LocalWireError(SECRET),
    UsageError(SECRET),
    InputError(SECRET),
    RuleError(SECRET),
    Unprintable(SECRET),
]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
async def test_an_unforeseen_exception_is_a_fault_of_ours_and_its_text_stays_inside(error: Exception) -> None:
    sighting = await settle(source(raising(error)), clock)
    detail = f"{type(error).__name__} while asking {ORIGIN}"
    assert sighting.gaps == dict.fromkeys(PROMISED, Note(reason=Reason.TOOL_FAULT, detail=detail))
    assert SECRET not in str(sighting)


async def test_a_cause_does_not_leak_either() -> None:
    async def look() -> Mapping[str, Any]:
        try:
            return {SECRET: int(SECRET)}
        except ValueError as error:
            raise KeyError(SECRET) from error

    assert SECRET not in str(await settle(source(look), clock))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_who_ends_the_process_is_obeyed(error: type[BaseException]) -> None:
    with pytest.raises(error):
        await settle(source(raising(error())), clock)


async def test_cancellation_is_obeyed() -> None:
    ended = asyncio.Event()

    async def look() -> Mapping[str, Any]:
        try:
            return await never()
        finally:
            ended.set()

    task = asyncio.create_task(settle(source(look), clock))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@given(
    seen=st.dictionaries(
        st.sampled_from([*PROMISED, "observed.other"]),
        st.none() | st.booleans() | st.just(CannotLook(Reason.DENIED, "no")),
    )
)
async def test_every_promised_path_is_either_known_or_open(seen: dict[str, Any]) -> None:
    sighting = await settle(source(giving(seen)), clock)
    assert {*sighting.known, *sighting.gaps} == set(PROMISED)
    assert not set(sighting.known) & set(sighting.gaps)


async def test_answers_keep_the_order_of_the_sources_whichever_is_first() -> None:
    turns = [asyncio.Event() for _ in range(4)]
    turns[3].set()

    def waiting(number: int) -> Callable[[], Awaitable[Mapping[str, Any]]]:
        async def look() -> Mapping[str, Any]:
            await turns[number].wait()
            if number:
                turns[number - 1].set()
            return dict.fromkeys(PROMISED, number)

        return look

    done: list[str] = []
    sources = tuple(source(waiting(number), origin=str(number)) for number in range(4))
    async with asyncio.timeout(30):
        sightings = await settle_all(sources, clock=clock, at_once=4, done=lambda one: done.append(one.origin))
    assert [sighting.known["observed.transport"] for sighting in sightings] == [0, 1, 2, 3]
    assert done == ["3", "2", "1", "0"]


@pytest.mark.parametrize("at_once", [1, 2, 5])
async def test_no_more_sources_look_at_once_than_allowed(at_once: int) -> None:
    looking = 0
    most = 0

    async def look() -> Mapping[str, Any]:
        nonlocal looking, most
        looking += 1
        most = max(most, looking)
        await asyncio.sleep(0)
        looking -= 1
        raise CannotLook(Reason.REFUSED, "no")

    sightings = await settle_all(tuple(source(look) for _ in range(9)), clock=clock, at_once=at_once, done=ignore)
    assert len(sightings) == 9
    assert most == at_once


async def test_no_sources_give_no_sightings() -> None:
    assert await settle_all((), clock=clock, at_once=1, done=ignore) == ()


async def test_one_source_that_fails_takes_no_other_with_it() -> None:
    good = giving(dict.fromkeys(PROMISED, True))
    sources = (source(good), source(raising(ValueError(SECRET))), source(good))
    first, second, third = await settle_all(sources, clock=clock, at_once=3, done=ignore)
    assert first == third
    assert len(first.known) == len(second.gaps) == 2


async def test_cancelling_the_whole_cancels_every_source() -> None:
    ended = 0

    async def look() -> Mapping[str, Any]:
        nonlocal ended
        try:
            return await never()
        finally:
            ended += 1

    before = asyncio.all_tasks()
    sources = tuple(source(look) for _ in range(5))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(settle_all(sources, clock=clock, at_once=3, done=ignore), 0.01)
    assert ended == 3
    assert asyncio.all_tasks() == before
