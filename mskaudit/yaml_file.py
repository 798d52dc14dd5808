"""YAML read the way hostile or mistyped files need it: located, bounded, and no surprises.

Values keep the line they stand on, duplicate keys and aliases (which can grow without bound) are refused, and dates
stay text.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar

import msgspec
import yaml

from mskaudit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

LARGEST: Final = 1 << 20
_DEEPEST: Final = 40
_QUOTED: Final = 60
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TRUTH: Final = ("false", "no", "off", "true", "yes", "on")
_FIRST_TRUE: Final = _TRUTH.index("true")
_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "tag:yaml.org,2002:bool": lambda text: _TRUTH.index(text.lower()) >= _FIRST_TRUE,
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0),
    "tag:yaml.org,2002:float": lambda text: _finite(float(text.replace("_", ""))),
    "tag:yaml.org,2002:null": lambda _: None,
}


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError
    return number


class Document(NamedTuple):
    """The values of a YAML file and the line of each, by its path of keys and positions."""

    name: str
    value: Any
    lines: dict[tuple[str | int, ...], int]

    def place(self, *path: str | int) -> str:
        """`file:line` of a value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}" if path in self.lines else self.name

    def convert(self, kind: type[T], *, strict: bool = True) -> T:
        """The document as a typed value; unless `strict`, text may stand where a number is due.

        Raises:
            InputError: it does not have the shape, with file and line.
        """
        try:
            return msgspec.convert(self.value, kind, strict=strict)
        except msgspec.ValidationError as error:
            text, _, where = str(error).partition(" - at `$")
            raise InputError(f"{self.place(*_steps(where.rstrip('`')))}: {text}{_named(where)}") from None


def _steps(where: str) -> tuple[str | int, ...]:
    """The place `.verify[0].expect` of msgspec as path; a step it shows as `[...]` ends the path."""
    steps: list[str | int] = []
    for part in where.replace("[", ".[").split("."):
        if part.startswith("["):
            if not part[1:-1].isdigit():
                break
            steps.append(int(part[1:-1]))
        elif part:
            steps.append(part)
    return tuple(steps)


def _named(where: str) -> str:
    return f", at {where.strip('.`')}" if where else ""


def read(path: Path, name: str | None = None) -> Document:
    """A YAML file; `name` is how messages call it.

    Raises:
        InputError: missing, not UTF-8, too large, not YAML, or with aliases or duplicate keys.
    """
    called = name or str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{called} cannot be read: {error.strerror}") from None
    return parse(content, called)


def parse(content: bytes, name: str) -> Document:
    """YAML in bytes, located by `name`."""
    if len(content) > LARGEST:
        raise InputError(f"{name} has {len(content)} bytes; a YAML file here has at most {LARGEST}")
    try:
        text = content.decode()
        _check_depth(text, name)
        node = yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{name}{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise InputError(f"{name} is not YAML: it has characters that YAML does not allow") from None
    builder = _Builder(name)
    if node is None:
        return Document(name, None, {(): 1})
    return Document(name, builder.build(node, ()), builder.lines)


def _check_depth(text: str, name: str) -> None:
    """Refuse deep nesting before composing, which recurses in C and would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                place = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
                raise InputError(f"{place}: nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[tuple[str | int, ...], int] = {}
        self.seen: set[int] = set()

    def fail(self, node: yaml.Node, why: str) -> NoReturn:
        raise InputError(f"{self.name}:{node.start_mark.line + 1}: {why}")

    def build(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        if id(node) in self.seen:
            self.fail(node, "aliases are not allowed; write the value again")
        self.seen.add(id(node))
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, number)) for number, child in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.fail(key, "a key is text")
            if key.value in built:
                self.fail(key, f"the key {_shown(key.value)!r} stands twice")
            built[key.value] = self.build(child, (*path, key.value))
        return built

    def scalar(self, node: yaml.Node) -> Any:
        if node.tag not in _SCALARS:
            return node.value
        try:
            return _SCALARS[node.tag](node.value)
        except ValueError:
            self.fail(node, f"{_shown(node.value)!r} is not a value; quote it to make it text")


def _shown(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
