"""One boolean out of a `server.properties`, read as the broker reads it.

Only the asked flag leaves this module: the rest of such a file may hold secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mskaudit.errors import CannotLook
from mskaudit.model.evidence import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK: Final = " \t\f"
_NATURAL_LINE: Final = re.compile(r"\r\n|\r|\n")
_PAIR: Final = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CONTROL: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_flag(content: bytes, name: str) -> bool | None:
    """The last value a property is given, None when the file does not have it.

    Follows `java.util.Properties.load` for the file and Kafka's `ConfigDef.parseType` for the boolean (trimmed, in
    whatever case).

    Raises:
        CannotLook: malformed, the value is neither true nor false or the file has a broken unicode escape.
    """
    value: str | None = None
    for key, given in _pairs(content):
        if key == name:
            value = given
    if value is None:
        return None
    match value.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise CannotLook(Reason.MALFORMED, f"`{name}` is neither true nor false")


def _pairs(content: bytes) -> Iterator[tuple[str, str]]:
    for line in _logical_lines(content.decode("latin-1")):
        pair = _PAIR.fullmatch(line)
        assert pair is not None  # every part of the pattern may be empty
        yield _unescaped(pair[1]), _unescaped(pair[2])


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments and blanks, each joined with what continues it."""
    pending = ""
    for natural in _NATURAL_LINE.split(text):
        line = natural.lstrip(_BLANK)
        if not pending and (not line or line[0] in "#!"):
            continue
        joined = pending + line
        if _continues(line):
            pending = joined[:-1]
        else:
            pending = ""
            yield joined
    if pending:
        yield pending


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_meant, text)


def _meant(escape: re.Match[str]) -> str:
    letter = escape[1]
    if letter == "u":
        raise CannotLook(Reason.MALFORMED, "the configuration has a unicode escape without four hexadecimal digits")
    if letter[0] == "u":
        return chr(int(letter[1:], 16))
    return _CONTROL[letter] if letter in _CONTROL else letter
