"""Patterns read into code for the machine of `regexes`: only what Java and everybody else read alike.

Accepted are literals, `.`, classes, `^ $`, groups (also `(?:…)` and `(?<name>…)`), alternatives and `* + ? {n,m}`,
greedy and lazy. What engines disagree on, or what needs backtracking, is refused and named: look-around,
back-references, possessive quantifiers, flags, class arithmetic, word boundaries, Unicode classes, loops over something
that may be empty, and groups repeated by `{n,m}` or within another repetition, of which Java forgets what they took.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mskaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PROGRAM: Final = 2000
MAX_REPEAT: Final = 100
MAX_DEPTH: Final = 20

_LINE_ENDS: Final = "\n\r\u0085\u2028\u2029"
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "e": "\x1b", "a": "\a"}
_HEX_DIGITS: Final = {"x": 2, "u": 4}

_Ranges = tuple[tuple[str, str], ...]
_CLASSES: Final[Mapping[str, _Ranges]] = {
    "d": (("0", "9"),),
    "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "s": (("\t", "\r"), (" ", " ")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consume:
    """One character within, or outside of, the ranges."""

    ranges: _Ranges
    negated: bool = False

    def accepts(self, character: str) -> bool:
        """Whether the character is one of them."""
        return any(low <= character <= high for low, high in self.ranges) is not self.negated


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Go on at both distances, the first preferred."""

    first: int
    second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """Go on at a distance."""

    distance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Note the place in a slot: the start of group n in 2n, its end in 2n+1."""

    slot: int


class Anchor(StrEnum):
    """Hold only at the start, or at the end or before a final line end."""

    START = "^"
    END = "$"


Instruction = Consume | Split | Jump | Save | Anchor
Code = tuple[Instruction, ...]


class Parser:
    """Recursive descent straight to code; distances are relative, so that pieces can be put together and repeated."""

    def __init__(self, pattern: str) -> None:
        self.groups = 0
        self.names: dict[str, int] = {}
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def parse(self) -> Code:
        """Return the code; UsageError, with the offset, for what is malformed or not read alike."""
        code = self._alternatives()
        if self._at < len(self._pattern):
            raise self._refuse("there is a ) without its (")
        return code

    def _refuse(self, what: str) -> UsageError:
        return UsageError(f"the pattern {self._pattern!r} cannot be used: {what} at offset {self._at}")

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _skip(self, expected: str) -> bool:
        found = self._pattern.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found

    def _next(self, needed_for: str) -> str:
        if self._at >= len(self._pattern):
            raise self._refuse(f"it ends within {needed_for}")
        self._at += 1
        return self._pattern[self._at - 1]

    def _alternatives(self) -> Code:
        branches = [self._sequence()]
        while self._skip("|"):
            branches.append(self._sequence())
        code = branches.pop()
        for branch in reversed(branches):
            code = (
                Split(first=1, second=len(branch) + 2),
                *branch,
                Jump(distance=len(code) + 1),
                *code,
            )
        return self._bounded(code)

    def _sequence(self) -> Code:
        code: Code = ()
        while self._peek() not in ("", "|", ")"):
            code = self._bounded((*code, *self._repeated()))
        return code

    def _bounded(self, code: Code) -> Code:
        if len(code) > MAX_PROGRAM:
            raise self._refuse("its repetitions make it too big")
        return code

    def _repeated(self) -> Code:
        is_anchor = self._peek() in ("^", "$")
        atom = self._atom()
        bounds = self._quantifier()
        if bounds is None:
            return atom
        if is_anchor:
            raise self._refuse("a ^ or $ is repeated")
        if self._pattern[self._at - 1] == "}" and (_may_be_empty(atom) or any(isinstance(each, Save) for each in atom)):
            raise self._refuse("a group, or something that may be empty, is repeated by {n,m}")
        if _has_looped_group(atom):
            raise self._refuse("a repetition is over a group that is repeated itself")
        lazy = self._skip("?")
        if self._peek() in ("*", "+", "?", "{"):
            raise self._refuse("a repetition is repeated or possessive")
        return self._repeat(atom, bounds, _Preference.LESS if lazy else _Preference.MORE)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in _QUANTIFIERS.items():
            if self._skip(sign):
                return bounds
        if not self._skip("{"):
            return None
        low = self._number()
        high: int | None = low
        if self._skip(","):
            high = None if self._peek() == "}" else self._number()
        if not self._skip("}") or (high is not None and high < low):
            raise self._refuse("there is a { that starts no {n,m}")
        return low, high

    def _number(self) -> int:
        digits = ""
        while self._peek() and self._peek() in string.digits:
            digits += self._next("a repetition")
        if not digits or len(digits) > len(str(MAX_REPEAT)) or int(digits) > MAX_REPEAT:
            raise self._refuse(f"a repetition is not between 0 and {MAX_REPEAT}")
        return int(digits)

    def _repeat(self, atom: Code, bounds: tuple[int, int | None], preference: _Preference) -> Code:
        low, high = bounds
        code = atom * low
        if high is not None:
            for _ in range(high - low):
                code = (*code, _fork(preference, over=len(atom)), *atom)
            return self._bounded(code)
        if _may_be_empty(atom):
            raise self._refuse("a loop is over something that may be empty")
        loop = (_fork(preference, over=len(atom) + 1), *atom, Jump(distance=-len(atom) - 1))
        return self._bounded((*code, *loop))

    def _atom(self) -> Code:
        character = self._next("a pattern")
        match character:
            case "(":
                return self._group()
            case "[":
                return (self._class(),)
            case ".":
                return (Consume(ranges=tuple((end, end) for end in _LINE_ENDS), negated=True),)
            case "^" | "$":
                return (Anchor(character),)
            case "\\":
                return (self._escape(),)
            case "*" | "+" | "?" | "{":
                raise self._refuse(f"a {character} repeats nothing")
            case _:
                return (Consume(ranges=((character, character),)),)

    def _group(self) -> Code:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refuse("groups are nested too deep")
        slot = self._group_number()
        body = self._alternatives()
        if not self._skip(")"):
            raise self._refuse("there is a ( without its )")
        self._depth -= 1
        return body if slot is None else (Save(slot=2 * slot), *body, Save(slot=2 * slot + 1))

    def _group_number(self) -> int | None:
        if self._skip("?:"):
            return None
        name = ""
        if self._skip("?"):
            if not self._skip("<") or self._peek() not in (*string.ascii_letters,):
                raise self._refuse("there is a group of a kind that is not supported")
            while not self._skip(">"):
                name += self._next("a group's name")
        self.groups += 1
        if name:
            if name in self.names or not set(name) <= set(string.ascii_letters + string.digits):
                raise self._refuse("a group's name is taken or odd")
            self.names[name] = self.groups
        return self.groups

    def _escape(self) -> Consume:
        character = self._next("an escape")
        if character.lower() in _CLASSES:
            return Consume(ranges=_CLASSES[character.lower()], negated=character.isupper())
        literal = self._literal(character)
        return Consume(ranges=((literal, literal),))

    def _literal(self, character: str) -> str:
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character in _HEX_DIGITS:
            digits = "".join(self._next("an escape") for _ in range(_HEX_DIGITS[character]))
            if not set(digits) <= set(string.hexdigits):
                raise self._refuse("there is a number that is not hexadecimal")
            return chr(int(digits, 16))
        if character.isalnum():
            raise self._refuse(f"there is a \\{character}, which is not supported")
        return character

    def _class(self) -> Consume:
        negated = self._skip("^")
        ranges: list[tuple[str, str]] = []
        while not ranges or not self._skip("]"):
            ranges.extend(self._class_item())
        return Consume(ranges=tuple(ranges), negated=negated)

    def _class_item(self) -> _Ranges:
        for kind, ranges in _CLASSES.items():
            if self._skip(f"\\{kind}"):
                return ranges
        low = self._class_member()
        if self._peek() != "-" or self._pattern[self._at + 1 : self._at + 2] == "]":
            return ((low, low),)
        self._at += 1
        high = self._class_member()
        if high < low:
            raise self._refuse("a range in a class is upside down")
        return ((low, high),)

    def _class_member(self) -> str:
        character = self._next("a class")
        if character == "\\":
            return self._literal(self._next("an escape"))
        if character in "[]&":
            raise self._refuse("a class has an unescaped [, & or ] that engines read differently")
        return character


class _Preference(StrEnum):
    MORE = "greedy"
    LESS = "lazy"


_QUANTIFIERS: Final[Mapping[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def _fork(preference: _Preference, *, over: int) -> Split:
    """Return the choice between the ``over`` instructions that follow and what comes after them."""
    if preference is _Preference.MORE:
        return Split(first=1, second=over + 1)
    return Split(first=over + 1, second=1)


def _has_looped_group(code: Code) -> bool:
    loops = ((at + each.distance, at) for at, each in enumerate(code) if isinstance(each, Jump) and each.distance < 0)
    return any(isinstance(each, Save) for start, end in loops for each in code[start:end])


def _may_be_empty(code: Code) -> bool:
    reached, waiting = set[int](), [0]
    while waiting:
        at = waiting.pop()
        if at in reached:
            continue
        reached.add(at)
        if at == len(code):
            return True
        match code[at]:
            case Consume():
                continue
            case Split(first=first, second=second):
                waiting += (at + first, at + second)
            case Jump(distance=distance):
                waiting.append(at + distance)
            case Save() | Anchor():
                waiting.append(at + 1)
    return False
