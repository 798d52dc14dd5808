"""The patterns of IAM, `*` for any run and `?` for one character, matched without regular expressions.

A pattern is cut at its `*`; what remains must be found piece by piece from the left, which needs no second try.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """Text within a pattern that means itself, signs included: the value of a variable."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Text between two `*`; at the places in ``free`` any character will do."""

    text: str
    free: frozenset[int] = frozenset()

    def fits(self, text: str, at: int) -> bool:
        if not self.free:
            return text.startswith(self.text, at)
        return len(text) - at >= len(self.text) and all(
            place in self.free or text[at + place] == character for place, character in enumerate(self.text)
        )

    def find(self, text: str, at: int) -> int:
        """Return the first place from ``at`` on where it fits, or -1."""
        if not self.free:
            return text.find(self.text, at)
        return next((place for place in range(at, len(text) - len(self.text) + 1) if self.fits(text, place)), -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """A compiled pattern; case matters."""

    pieces: tuple[_Piece, ...]

    @classmethod
    def compile(cls, parts: Iterable[str | Literal]) -> Glob:
        """Return the pattern made of ``parts`` put together; only plain strings have signs."""
        pieces, text, free = [], "", set[int]()
        for part in parts:
            for character in part.text if isinstance(part, Literal) else part:
                if character == "*" and isinstance(part, str):
                    pieces.append(_Piece(text=text, free=frozenset(free)))
                    text, free = "", set()
                    continue
                if character == "?" and isinstance(part, str):
                    free.add(len(text))
                text += character
        return cls(pieces=(*pieces, _Piece(text=text, free=frozenset(free))))

    def matches(self, text: str) -> bool:
        """Whether the pattern matches all of ``text``."""
        first, *others = self.pieces
        if not others:
            return len(text) == len(first.text) and first.fits(text, 0)
        if not first.fits(text, 0):
            return False
        at = len(first.text)
        for piece in others[:-1]:
            place = piece.find(text, at)
            if place < 0:
                return False
            at = place + len(piece.text)
        end = len(text) - len(others[-1].text)
        return end >= at and others[-1].fits(text, end)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern without variables matches all of ``text``; case matters."""
    return _compiled(pattern).matches(text)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Glob:
    return Glob.compile([pattern])
