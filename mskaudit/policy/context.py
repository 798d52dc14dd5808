"""What is known of a request besides who, what and on what: condition keys, and the variables that stand for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mskaudit.policy.globs import Glob, Literal
from mskaudit.policy.kleene import Truth, all_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Part = str | Literal

_VARIABLE: Final = re.compile(r"\$\{([^{}]{1,256})\}")
_DEFAULT: Final = re.compile(r"([^,]*),\s*'([^']*)'\s*")
_SIGNS: Final = ("*", "?", "$")
_ARN_SPLITS: Final = 5


class Version(StrEnum):
    """The version of the policy language; variables exist in the newer only."""

    OLD = "2008-10-17"
    CURRENT = "2012-10-17"


class Rest(StrEnum):
    """How to take the keys that a context does not list."""

    UNKNOWN = "unknown"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Context:
    """The values of condition keys; a key with no values is known to be absent, and key names ignore case."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rest: Rest = Rest.UNKNOWN

    def lookup(self, key: str) -> tuple[str, ...] | None:
        """Return the key's values, none if it is absent, or None if that is unknown."""
        if key.lower() in self._lowered:
            return self._lowered[key.lower()]
        return () if self.rest is Rest.ABSENT else None

    @cached_property
    def _lowered(self) -> Mapping[str, tuple[str, ...]]:
        return {key.lower(): values for key, values in self.values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A text of a policy with its variables put in.

    ``certainty`` is None where a variable is unknown (`*` stands for it) and false where one is absent, so that the
    pattern matches nothing.
    """

    parts: tuple[Part, ...]
    certainty: Truth

    def matches(self, text: str) -> Truth:
        """Whether it matches all of ``text``; case matters."""
        return all_of((Glob.compile(self.parts).matches(text), self.certainty))

    def matches_arn(self, text: str, *, fields: Sequence[Callable[[str], str]]) -> Truth:
        """Whether it matches the ARN ``text`` field by field, each in the form that ``fields`` puts it in."""
        own, others = _split(self.parts), text.split(":", _ARN_SPLITS)
        if not len(own) == len(others) == len(fields):
            return False
        matching = (
            Glob.compile(_formed(part, form) for part in mine).matches(form(other))
            for mine, other, form in zip(own, others, fields, strict=True)
        )
        return all_of((*matching, self.certainty))

    def ignoring_case(self) -> Pattern:
        """Return the pattern in lower case, to be matched against text in lower case."""
        return Pattern(parts=tuple(_formed(part, str.lower) for part in self.parts), certainty=self.certainty)

    @property
    def fields(self) -> int:
        """How many fields it has, read as an ARN."""
        return len(_split(self.parts))


def resolve(text: str, context: Context, *, version: Version, plain: Callable[[str], Part] = str) -> Pattern:
    """Return ``text`` with its variables put in; ``plain`` makes a part of what is no variable."""
    if version is Version.OLD:
        return Pattern(parts=(plain(text),), certainty=True)
    parts: list[Part] = []
    certainties: list[Truth] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        part, certainty = _variable(match[1], context)
        parts += (plain(text[at : match.start()]), part)
        certainties.append(certainty)
        at = match.end()
    return Pattern(parts=(*parts, plain(text[at:])), certainty=all_of(certainties))


def _variable(name: str, context: Context) -> tuple[Part, Truth]:
    if name in _SIGNS:
        return Literal(text=name), True
    default = _DEFAULT.fullmatch(name)
    found = context.lookup((name if default is None else default[1]).strip())
    if found is None or len(found) > 1:
        return "*", None
    if found:
        return Literal(text=found[0]), True
    if default is not None:
        return Literal(text=default[2]), True
    return "*", False


def _formed(part: Part, form: Callable[[str], str]) -> Part:
    return Literal(text=form(part.text)) if isinstance(part, Literal) else form(part)


def _split(parts: Sequence[Part]) -> list[list[Part]]:
    """Return the parts by field of an ARN: at most six, the last with whatever colons are left."""
    fields: list[list[Part]] = [[]]
    for part in _cut(parts):
        if part == ":" and len(fields) <= _ARN_SPLITS:
            fields.append([])
        else:
            fields[-1].append(part)
    return fields


def _cut(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Literal):
            yield part
        else:
            yield from re.split("(:)", part)
