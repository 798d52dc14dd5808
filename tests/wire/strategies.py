"""Values that the message tables can carry, read off the tables themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import strategies as st

from mskaudit.wire import schema
from mskaudit.wire.schema import Kind, Wire

ZERO = UUID(int=0)
RANGES = {
    Kind.INT8: (-(2**7), 2**7 - 1),
    Kind.INT16: (-(2**15), 2**15 - 1),
    Kind.INT32: (-(2**31), 2**31 - 1),
    Kind.INT64: (-(2**63), 2**63 - 1),
    Kind.UINT16: (0, 2**16 - 1),
}


def scalar(kind: Kind) -> st.SearchStrategy[Any]:
    """Return the values a scalar wire type can carry; no NaN, which equals nothing."""
    match kind:
        case Kind.BOOL:
            return st.booleans()
        case Kind.UUID:
            return st.uuids() | st.just(ZERO)
        case Kind.STRING:
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
        case Kind.BYTES:
            return st.binary(max_size=20)
        case Kind.FLOAT64:
            return st.floats(allow_nan=False)
        case _:
            low, high = RANGES[kind]
            return st.integers(low, high)


Choice = Callable[[str], st.SearchStrategy[Any] | None]
"""What a field may be by its name, None for whatever its type can carry."""


def anything(_name: str) -> None:
    """Choose nothing: every field may be whatever its type can carry."""


def value(hint: Any, version: int, choice: Choice) -> st.SearchStrategy[Any]:
    """Return the values a field can carry in a version."""
    bare, notes, optional = schema._dissect(hint)
    wire = next((note for note in notes if isinstance(note, Wire)), Wire())
    if is_dataclass(bare):
        values = table_values(bare, version, choice)
    elif get_origin(bare) is tuple:
        values = st.lists(value(get_args(bare)[0], version, choice), max_size=2).map(tuple)
    else:
        values = scalar(next(note for note in notes if isinstance(note, Kind)))
    return st.none() | values if optional and version >= wire.nullable_since else values


def table_values(table: Any, version: int, choice: Choice = anything) -> st.SearchStrategy[Any]:
    """Return the instances of a table that a version can carry, some fields by choice."""
    return _table_values(table, version, choice)


@cache
def _table_values(table: Any, version: int, choice: Choice) -> st.SearchStrategy[Any]:
    hints = get_type_hints(table, include_extras=True)
    present = {}
    for field in fields(table):
        _, notes, _ = schema._dissect(hints[field.name])
        wire = next((note for note in notes if isinstance(note, Wire)), Wire())
        if wire.since <= version <= wire.until:
            chosen = choice(field.name)
            present[field.name] = value(hints[field.name], version, choice) if chosen is None else chosen
    return st.builds(table, **present)
