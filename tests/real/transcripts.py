"""What clients say to a broker and what is of interest in the answers: one table, played on the reference and on Kafka.

A transcript is a function from a stage to plain values that JSON can hold. What differs between two runs of one
broker (times, ids made at random, ports) is not among them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mskaudit.errors import RemoteWireError
from tests.real.talk import DEADLINE, Closed, Conversation, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.wire.messages import Request
    from tests.real.stage import Stage, Who

Told = Any
Play = Callable[["Stage"], Told]

CLOSED: Final = "closed"
SILENT: Final = "silence"
_OF_INTEREST: Final = ("error_code", "authorized_operations")


class Transcript(NamedTuple):
    """A play in a scene."""

    name: str
    scene: str
    play: Play


TRANSCRIPTS: Final[dict[str, Transcript]] = {}


def transcript(*scenes: str, name: str = "") -> Callable[[Play], Play]:
    """Note a play, in each of the scenes."""

    def note(play: Play) -> Play:
        called = name or play.__name__.replace("_", " ").strip()
        for scene in scenes:
            title = f"{called} [{scene}]"
            assert title not in TRANSCRIPTS, title
            TRANSCRIPTS[title] = Transcript(title, scene, play)
        return play

    return note


def reduced(value: Any) -> Told:
    """What is of interest in a message: error codes and authorized operations; lists have an order of their own."""
    if isinstance(value, tuple):
        return sorted((reduced(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if not is_dataclass(value):
        return value
    kept = {}
    for field in fields(value):
        content = getattr(value, field.name)
        if field.name.endswith(_OF_INTEREST):
            kept[field.name] = content
        elif isinstance(content, tuple) and content and is_dataclass(content[0]):
            kept[field.name] = reduced(content)
    return kept


def hear(ask: Callable[[], Told]) -> Told:
    """The answer, or how there was none."""
    try:
        return ask()
    except Closed:
        return CLOSED
    except RemoteWireError as fault:
        return f"malformed: {fault}"
    except TimeoutError:
        return SILENT
    except Refused as refusal:
        return {"error_code": refusal.code, "error_message": refusal.message}
    except OSError as fault:
        return f"{type(fault).__name__}: {getattr(fault, 'reason', fault)}"


class Visitor(NamedTuple):
    """Who speaks at which listener, and the seconds of patience with an answer."""

    listener: str
    who: Who
    patience: float = DEADLINE


def ask(stage: Stage, visitor: Visitor, request: Request, version: int) -> Told:
    """What is of interest in the answer to one request on a connection of its own."""

    def once() -> Told:
        with stage.talk(visitor.listener, visitor.who, deadline=visitor.patience) as conversation:
            return reduced(conversation.ask_any(request, version))

    return hear(once)


def still_there(conversation: Conversation) -> Told:
    """Whether the broker goes on listening."""
    return hear(lambda: conversation.versions(0).error_code)


ABSENT: Final = "absent"


class Difference(NamedTuple):
    """A place in two answers where they are not the same, and what each has there."""

    place: str
    ours: Told
    theirs: Told


def differences(ours: Told, theirs: Told, place: str = "") -> Iterator[Difference]:
    """Where two answers differ, down to the last mapping; lists are the same as a whole or not."""
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        if ours != theirs:
            yield Difference(place, ours, theirs)
        return
    for key in sorted({*ours, *theirs}):
        one = ours[key] if key in ours else ABSENT
        other = theirs[key] if key in theirs else ABSENT
        yield from differences(one, other, f"{place}/{key}")


def changed(told: Told, changes: list[tuple[str, Told]]) -> Told:
    """An answer with something else at some places."""
    copy = deepcopy(told)
    for place, value in changes:
        if not place:
            return value
        *parents, last = place[1:].split("/")
        where = copy
        for parent in parents:
            where = where[parent]
        if value == ABSENT:
            del where[last]
        else:
            where[last] = value
    return copy
