"""Ways to spoil bytes so that more than the outermost check has something to find."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Mutate = Callable[[Random, bytearray], None]

_MOST = 1 << 17
_VARINTS = (
    b"\x00",
    b"\x01",
    b"\x02",
    b"\x7f",
    b"\xff\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x7f",
    b"\x80" * 6,
)
_TAGS = (b"\x01\x00\x00", b"\x01\x00\x05hello", b"\x02\x00\x00\x00\x00", b"\x02\x05\x00\x01\x00", b"\x03\x00\x01")
_OCTETS = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)


class Chance(Random):
    """What everything in a case follows from; `spoilt` counts what was mutated with it."""

    spoilt = 0


def mutate(chance: Chance, content: bytes, *, other: bytes = b"") -> bytes:
    """The bytes with one to three things wrong; `other` is what may be spliced in."""
    chance.spoilt += 1
    spoilt = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if chance.random() < 0.1 and other:
            _splice(chance, spoilt, other)
        else:
            chance.choice(_MUTATIONS)(chance, spoilt)
    return bytes(spoilt[:_MOST])


def sometimes(chance: Chance, content: bytes, *, other: bytes = b"", odds: float = 0.7) -> bytes:
    """The bytes, most often spoilt."""
    return mutate(chance, content, other=other) if chance.random() < odds else content


def pieces(chance: Random, content: bytes) -> list[bytes]:
    """The bytes cut anyhow, most often not at all."""
    if chance.random() < 0.6 or len(content) < 2:
        return [content]
    cuts = sorted(chance.randrange(len(content)) for _ in range(chance.randint(1, 5)))
    return [
        piece for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True) if (piece := content[start:end])
    ]


def _splice(chance: Random, content: bytearray, other: bytes) -> None:
    at = _place(chance, content)
    content[at:] = other[chance.randrange(len(other)) :]


def _place(chance: Random, content: bytearray) -> int:
    return chance.randrange(len(content) + 1)


def _flip(chance: Random, content: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 2, 8)) if content else 0):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _set(chance: Random, content: bytearray) -> None:
    if content:
        content[chance.randrange(len(content))] = chance.choice(_OCTETS)


def _truncate(chance: Random, content: bytearray) -> None:
    del content[_place(chance, content) :]


def _insert(chance: Random, content: bytearray) -> None:
    at = _place(chance, content)
    content[at:at] = chance.randbytes(chance.choice((1, 2, 4, 16, 300)))


def _remove(chance: Random, content: bytearray) -> None:
    at = _place(chance, content)
    del content[at : at + chance.choice((1, 2, 4, 8))]


def _repeat(chance: Random, content: bytearray) -> None:
    at = _place(chance, content)
    size = chance.randrange(40)
    content[at:at] = content[at : at + size] * chance.choice((1, 1, 2, 50))


def _number(chance: Random, content: bytearray) -> None:
    """A length, a count or a number at its edge, in two, four or eight bytes."""
    size = chance.choice((2, 4, 4, 8))
    high = 1 << (8 * size - 1)
    value = chance.choice((0, 1, 2, 0xFFFF, high - 1, high, 2 * high - 1, 2 * high - 2, len(content), len(content) + 1))
    at = _place(chance, content)
    content[at : at + size] = value.to_bytes(9, "big")[-size:]


def _varint(chance: Random, content: bytearray) -> None:
    at = _place(chance, content)
    content[at : at + 1] = chance.choice(_VARINTS)


def _tags(chance: Random, content: bytearray) -> None:
    """A tagged section in place of an empty one, which most messages end with."""
    if content:
        content[-1:] = chance.choice(_TAGS)


def _header(chance: Random, content: bytearray) -> None:
    """Another API, version or correlation id."""
    at = chance.choice((1, 3, 3, 4))
    if len(content) > at:
        content[at] = chance.randrange(80)


_MUTATIONS: tuple[Mutate, ...] = (
    *(_flip, _set, _truncate, _insert, _remove, _repeat, _number, _number, _varint, _varint, _tags, _header),
)
