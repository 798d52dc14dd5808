"""Brokers that break the protocol on purpose: what becomes of an answer on its way out.

A client has to survive each of these; none needs more than the client's own request to be brought about.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from msgspec import Meta, Struct

from mskaudit.wire.messages import ApiKey
from mskaudit.wire.primitives import INT32

CONNECT: Final = "CONNECT"
"""The stage before the first request."""

_PREFIX: Final = INT32.size
_FLOOD: Final = 2**31 - 1


class Fault(StrEnum):
    """What goes wrong with an answer."""

    WRONG_CORRELATION_ID = "wrong-correlation-id"
    NEGATIVE_LENGTH = "negative-length"
    OVERSIZED_LENGTH = "oversized-length"
    TRUNCATED = "truncated"
    SLOW_DRIP = "slow-drip"
    HOSTILE_COUNTS = "hostile-counts"
    GARBAGE = "garbage"
    CLOSED = "closed"
    SILENCE = "silence"


class Misbehaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault and the requests whose answers have it."""

    fault: Annotated[Fault, Meta(description="what goes wrong with the answer")]
    at: Annotated[
        str | None,
        Meta(
            description="the API whose answers go wrong, such as METADATA, or CONNECT; unset, the answer to everything"
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.at not in {None, CONNECT, *ApiKey.__members__}:
            raise ValueError(f"{self.at!r} is no API; there are {CONNECT}, {', '.join(ApiKey.__members__)}")
        if self.at == CONNECT and self.fault not in {Fault.CLOSED, Fault.SILENCE, Fault.GARBAGE}:
            raise ValueError(f"a connection that has no answer yet cannot have the fault {self.fault}")

    @property
    def at_once(self) -> bool:
        """Whether things go wrong before anything was asked."""
        return self.at == CONNECT

    def concerns(self, api_key: int) -> bool:
        """Whether answers of an API go wrong."""
        return self.at is None or (self.at != CONNECT and api_key == ApiKey[self.at])


class Spoilt(NamedTuple):
    """Bytes that go out in pieces with a pause before each; then the connection `closes`, or nothing more is said."""

    pieces: tuple[bytes, ...]
    closes: bool = True
    pause: float = 0.0
    silent: bool = False


def spoil(fault: Fault, content: bytes) -> Spoilt:
    """What a frame becomes; `content` is the whole frame with its length."""
    match fault:
        case Fault.WRONG_CORRELATION_ID:
            # A bare token of SASL may be shorter than the number.
            wrong = bytes(byte ^ 0x5A for byte in content[_PREFIX : 2 * _PREFIX])
            return Spoilt((content[:_PREFIX] + wrong + content[2 * _PREFIX :],), closes=False)
        case Fault.NEGATIVE_LENGTH:
            return Spoilt((INT32.pack(-2) + content[_PREFIX:],), closes=False)
        case Fault.OVERSIZED_LENGTH:
            return Spoilt((INT32.pack(_FLOOD) + content[_PREFIX:],), closes=False)
        case Fault.TRUNCATED:
            return Spoilt((content[: max(_PREFIX + 1, len(content) // 2)],))
        case Fault.SLOW_DRIP:
            return Spoilt(tuple(content[place : place + 1] for place in range(len(content))), closes=False, pause=0.2)
        case Fault.HOSTILE_COUNTS:
            hostile = content[: 2 * _PREFIX] + b"\xff\xff\xff\xff\x0f" + b"\x7f\xff\xff\xff" * 4
            return Spoilt((INT32.pack(len(hostile) - _PREFIX) + hostile[_PREFIX:],), closes=False)
        case Fault.GARBAGE:
            return Spoilt((b"HTTP/1.1 400 Bad Request\r\n\r\n",))
        case Fault.CLOSED:
            return Spoilt(())
        case Fault.SILENCE:
            return Spoilt((), closes=False, silent=True)
