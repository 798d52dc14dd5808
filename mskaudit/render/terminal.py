"""A page of text of limited width: wrapping by terminal cells, labels, and colours that never carry meaning alone."""

from __future__ import annotations

import unicodedata
from itertools import chain
from typing import TYPE_CHECKING, Final

from mskaudit.render.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

NARROWEST: Final = 40
_CONTINUES: Final = " \\"
_RESET: Final = "\x1b[0m"


def cells(text: str) -> int:
    """How many columns a terminal uses for a text: wide characters two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text, none wider than `width` cells; words longer than a line are cut."""
    lines = [""]
    used = 0
    for word, size in chain.from_iterable(_pieces(word, width) for word in text.split(" ") if word):
        if used and used + 1 + size > width:
            lines.append("")
            used = 0
        lines[-1] += f" {word}" if used else word
        used += size + bool(used)
    return lines


def _pieces(word: str, width: int) -> Iterator[tuple[str, int]]:
    """A word cut into pieces of at most `width` cells."""
    size = cells(word)
    if size <= width:
        yield word, size
        return
    start, used = 0, 0
    for end, character in enumerate(word):
        size = _cell(character)
        if used + size > width:
            yield word[start:end], used
            start, used = end, 0
        used += size
    yield word[start:], used


def continued(command: str, width: int) -> list[str]:
    """A command in lines of at most `width` cells as far as its options allow; what is quoted stays whole."""
    if cells(command) <= width:
        return [command]
    first, *options = _options(command)
    lines = [first]
    for option in options:
        grown = f"{lines[-1]} {option}"
        if cells(grown) > width - len(_CONTINUES):
            lines.append(f"  {option}")
        else:
            lines[-1] = grown
    return [f"{line}{_CONTINUES}" for line in lines[:-1]] + lines[-1:]


def _options(command: str) -> list[str]:
    """The command and each of its options with its value."""
    options: list[str] = []
    for piece in command.split(" --"):
        if options and any(options[-1].count(quote) % 2 for quote in "'\""):
            options[-1] += f" --{piece}"
        else:
            options.append(f"--{piece}" if options else piece)
    return options


class Page:
    """Lines under construction; what is written to it must be visible text already."""

    def __init__(self, width: int, *, color: bool) -> None:
        self._width = max(width, NARROWEST)
        self._color = color
        self._lines: list[str] = []

    def paint(self, text: str, style: str) -> str:
        """The text in an SGR style such as `1;31`, where colour is wanted."""
        return f"\x1b[{style}m{text}{_RESET}" if self._color and style else text

    def gap(self) -> None:
        """An empty line, unless there is one."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def heading(self, text: str) -> None:
        """The first line of a section."""
        self.gap()
        self._lines.extend(self.paint(line, "1") for line in wrap(text, self._width))

    def write(self, text: str, *, indent: int = 0, style: str = "") -> None:
        """A paragraph."""
        self._lines.extend(" " * indent + self.paint(line, style) for line in wrap(text, self._width - indent))

    def entry(self, label: str, text: str, *, indent: int = 0, column: int = 10, style: str = "") -> None:
        """A paragraph with a label that hangs in a column of its own."""
        start = indent + column
        first, *rest = wrap(text, self._width - start)
        self._lines.append(" " * indent + self.paint(label.ljust(column), style) + first)
        self._lines.extend(" " * start + line for line in rest)

    def command(self, text: str, *, indent: int) -> None:
        """Lines to be copied: one that is too long goes on after a backslash, and only between its options."""
        for line in text.rstrip().split("\n"):
            pieces = continued(visible(line.expandtabs(4)), self._width - indent)
            self._lines.extend(" " * indent + piece for piece in pieces)

    def text(self) -> str:
        """Everything written, ending with a newline."""
        return "\n".join(line.rstrip() for line in self._lines) + "\n"
