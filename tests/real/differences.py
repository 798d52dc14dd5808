"""Where the reference says something else than Apache Kafka: because it means to, or until it is mended.

What is named here must differ, so that nothing stays on the list longer than it is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tests.real.brokers import Line

if TYPE_CHECKING:
    from collections.abc import Sequence


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
_REFUSED_BY_ANSWER: Final = "Kafka refuses in the form of an answer, with error 34, before it closes"

INTENDED: Final[Sequence[Named]] = (
    Named("handshakes [deny]", "/many", _HASHED),
    Named("handshakes that succeed [deny]", "/many", _HASHED),
    Named("old versions of tls [deny]", "/TLS 1.0", _BYTES),
    Named("old versions of tls [deny]", "/TLS 1.1", _BYTES),
)
"""What the reference means to say otherwise."""

_CALLS: Final = "a request whose header cannot be read to its end is closed on, whatever its version"

AWAITED: Final[Sequence[Named]] = (
    Named("requests before a login [deny]", "", _REFUSED_BY_ANSWER),
    Named("turns out of order [deny]", "/handshake_twice", _REFUSED_BY_ANSWER),
    Named("turns out of order [deny]", "/versions_after_handshake", _REFUSED_BY_ANSWER),
    Named("turns out of order [deny]", "/versions_between_tokens", _REFUSED_BY_ANSWER),
    Named("turns after a login [deny]", "/reauth", "the first login again may come at once; a second within it is 34"),
    Named("the first message of scram [deny]", "/a mandatory extension", "Kafka does not heed mandatory extensions"),
    Named("messages of oauthbearer that are none [deny]", "/no bearer", "Kafka closes without an answer"),
    Named("calls by the byte [deny]", "/plain: ApiVersions of a version too high without tags", _CALLS),
    Named("calls by the byte [deny]", "/plaintext: ApiVersions of a version too high without tags", _CALLS),
    Named("settings in sight [deny]", "/zookeeper.connect", "in ZooKeeper mode it is always set", Line.ZOOKEEPER),
    Named(
        "mistakes of an administrator [workshop]",
        "/a topic on a broker that there is not",
        "3.9 does not look for the broker when it is only to check",
        Line.ZOOKEEPER,
    ),
    Named("iterations that are taken [workshop]", "/the most", "3.9 says an empty message, not none", Line.ZOOKEEPER),
)
"""What is to be mended in the reference."""


def named(transcript: str, line: Line, place: str) -> bool:
    """Whether a difference is on one of the lists."""
    return any(one.covers(transcript, line, place) for one in (*INTENDED, *AWAITED))
