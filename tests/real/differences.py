"""Where the reference says something else than Apache Kafka: because it means to.

What is named here must differ, so that nothing stays on the list longer than it is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.real.brokers import Line


class Named(NamedTuple):
    """A difference in a transcript, from a place on, with its reason; on all lines unless one is named."""

    transcript: str
    place: str
    reason: str
    line: Line | None = None

    def covers(self, transcript: str, line: Line, place: str) -> bool:
        """Whether it is about a difference that was found."""
        return self.transcript == transcript and place.startswith(self.place) and self.line in {None, line}


_HASHED: Final = "Kafka lists mechanisms in the order of a hash table, the reference in that of the world"
_BYTES: Final = "OpenSSL writes the version that was offered into the record of its alert, a JVM its own newest"

INTENDED: Final[Sequence[Named]] = (
    Named("handshakes [deny]", "/many", _HASHED),
    Named("handshakes that succeed [deny]", "/many", _HASHED),
    Named("old versions of tls [deny]", "/TLS 1.0", _BYTES),
    Named("old versions of tls [deny]", "/TLS 1.1", _BYTES),
)
"""What the reference means to say otherwise."""


def named(transcript: str, line: Line, place: str) -> bool:
    """Whether a difference is on the list."""
    return any(one.covers(transcript, line, place) for one in INTENDED)
