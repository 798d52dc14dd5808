"""Every knob of a reference world with what turning it does, read from the values that a world is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from mskaudit.reference.worlds import World, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

# The parts of a path that a world chooses the names of.
_NAMES: Final = {
    "brokers.listeners": "LISTENER",
    "brokers.users": "USER",
    "brokers.aws_credentials": "NAME",
    "brokers.acls": "NAME",
    "doors": "NAME",
}
_UNTURNED: Final = frozenset({"title", "description"})


class Knob(NamedTuple):
    """A path that can be turned: what values it takes, its default as JSON (None: it has none), and what it does."""

    path: str
    values: str
    default: str | None
    effect: str


def knobs() -> Iterator[Knob]:
    """Every knob, in the order of the world."""
    yield from _of(World, "")


def takes_text(path: str) -> bool:
    """Whether the value at a path is a text; UsageError if that is no path."""
    kind: Any = World
    for step in steps(path):
        kind = _member(kind, step)
    return any(isinstance(choice, type) and issubclass(choice, str) for choice in _choices(kind))


def _member(kind: Any, step: str) -> Any:
    """The type of what stands at a step inside of a type, None where nothing does."""
    for choice in _choices(kind):
        if get_origin(choice) is Mapping:
            return get_args(choice)[1]
        if isinstance(choice, type) and issubclass(choice, Struct):
            hints = get_type_hints(choice, include_extras=True)
            return hints[step] if step in hints else None
    return None


def _choices(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have, without their notes."""
    bare, _ = _taken_apart(hint)
    members = get_args(bare) if get_origin(bare) in {Union, UnionType} else (bare,)
    return tuple(_taken_apart(member)[0] for member in members)


def _of(kind: type[Struct], prefix: str) -> Iterator[Knob]:
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        path = f"{prefix}{field.name}"
        if path in _UNTURNED:
            continue
        hint = hints[field.name]
        _, effect = _taken_apart(hint)
        members = _choices(hint)
        values = _narrowed(hint) or " or ".join(_named(member) for member in members)
        yield Knob(path, values, _default(field), effect)
        for member in members:
            yield from _inside(member, path)


def _inside(kind: Any, path: str) -> Iterator[Knob]:
    """The knobs of what stands at a path, where it has fields of its own."""
    if get_origin(kind) is Mapping and path in _NAMES:
        _, value = get_args(kind)
        for member in _choices(value):
            yield from _inside(member, f"{path}.{_NAMES[path]}")
    elif isinstance(kind, type) and issubclass(kind, Struct):
        yield from _of(kind, f"{path}.")


def _taken_apart(hint: Any) -> tuple[Any, str]:
    """The type without its notes, and its description."""
    if get_origin(hint) is not Annotated:
        return hint, ""
    bare, *notes = get_args(hint)
    return bare, next((note.description for note in notes if isinstance(note, Meta) and note.description), "")


def _narrowed(hint: Any) -> str:
    """The choices that a field leaves of its type, nothing where it leaves all."""
    schemas = (note.extra_json_schema or {} for note in get_args(hint)[1:] if isinstance(note, Meta))
    return " | ".join(next((schema["enum"] for schema in schemas if "enum" in schema), ()))


def _default(field: msgspec.structs.FieldInfo) -> str | None:
    if field.default is not msgspec.NODEFAULT:
        return _spoken(field.default)
    return None if field.default_factory is msgspec.NODEFAULT else _spoken(field.default_factory())


def _spoken(value: Any) -> str:
    """A value as JSON; of values with fields only that they are the default."""
    return "as below" if isinstance(value, Struct) else json.dumps(msgspec.to_builtins(value), ensure_ascii=False)


def _named(kind: Any) -> str:
    """A type in the words of somebody who writes YAML."""
    bare, _ = _taken_apart(kind)
    origin = get_origin(bare)
    if origin is tuple:
        return f"list of {_named(get_args(bare)[0])}"
    if origin is Mapping or bare is Mapping:
        return "mapping"
    if bare is NoneType:
        return "null"
    if isinstance(bare, type) and issubclass(bare, Struct):
        return "mapping"
    if members := getattr(bare, "__members__", None):
        return " | ".join(str(member.value) for member in members.values())
    return {bool: "true | false", int: "number", float: "number", str: "text"}[bare]
