"""What a source is, and the one place where its failures become gaps.

A source promises paths. Whatever happens while it looks (an answer, a refusal, a deadline, a fault of ours), the
sighting it settles into has something to say about each of them: a value, or why there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mskaudit.errors import CannotLook, RemoteWireError
from mskaudit.model.dossier import Note, Sighting
from mskaudit.model.evidence import Column, Reason

if TYPE_CHECKING:
    from mskaudit.model.subjects import SubjectKey

Clock = Callable[[], str]
"""Gives the present as ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One question to the outside about one subject.

    `origin` names who answers as the report will show it: an IAM action (`kms:DescribeKey`), an address
    (`tcp://host:port`) or a file. `look` gives a value per promised path (None: the complete answer has no such
    field) or a `CannotLook` for a path of its own; raising `CannotLook` settles every path. `deadline` is in seconds.
    """

    subject: SubjectKey
    origin: str
    column: Column
    promises: tuple[str, ...]
    look: Callable[[], Awaitable[Mapping[str, Any]]]
    deadline: float = 60.0


async def settle(source: Source, clock: Clock) -> Sighting:
    """Look once; every promised path ends up known or as a gap."""
    try:
        async with asyncio.timeout(source.deadline):
            seen = await source.look()
    except Exception as error:  # noqa: BLE001  the one blind except: here a failure becomes a gap
        seen = dict.fromkeys(source.promises, _explained(error, source))
    return sighting(source, seen, clock())


def _explained(error: Exception, source: Source) -> CannotLook:
    match error:
        case CannotLook():
            return error
        case TimeoutError():
            return CannotLook(Reason.TIMED_OUT, f"{source.origin} did not answer within {source.deadline:g} s")
        case RemoteWireError():
            return CannotLook(Reason.MALFORMED, f"{source.origin} broke the protocol: {error}")
        case _:
            # The text of an unforeseen exception may quote what was read, so only its kind is told.
            return CannotLook(Reason.TOOL_FAULT, f"{type(error).__name__} while asking {source.origin}")


def sighting(source: Source, seen: Mapping[str, Any], at: str) -> Sighting:
    """What was seen and what was promised but not delivered, as one sighting."""
    known: dict[str, Any] = {}
    gaps: dict[str, Note] = {}
    for path in source.promises:
        if path not in seen:
            gaps[path] = Note(reason=Reason.TOOL_FAULT, detail=f"{source.origin} was asked but left it out")
        elif isinstance(value := seen[path], CannotLook):
            gaps[path] = Note(reason=value.reason, detail=value.detail)
        else:
            known[path] = value
    return Sighting(origin=source.origin, column=source.column, at=at, known=known, gaps=gaps)


async def settle_all(
    sources: tuple[Source, ...], *, clock: Clock, at_once: int, done: Callable[[Source], None]
) -> tuple[Sighting, ...]:
    """Settle sources concurrently, `at_once` at a time; the answers keep the order of the sources."""
    gate = asyncio.Semaphore(at_once)

    async def one(source: Source) -> Sighting:
        async with gate:
            answer = await settle(source, clock)
        done(source)
        return answer

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(source)) for source in sources]
    return tuple(task.result() for task in tasks)
