"""Where the reference means to say something else than Apache Kafka, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.real.brokers import Line


class Intended(NamedTuple):
    """A difference that is meant: in a transcript, from a place on, on all lines unless one is named."""

    transcript: str
    place: str
    reason: str
    line: Line | None = None


INTENDED: Final[Sequence[Intended]] = ()


def intended(transcript: str, line: Line, place: str) -> bool:
    """Whether a difference is meant."""
    return any(
        one.transcript == transcript and place.startswith(one.place) and one.line in (None, line) for one in INTENDED
    )
