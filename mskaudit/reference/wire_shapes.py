"""Values as JSON on the wire and back, as a shape of botocore's service model lays down."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mskaudit.errors import RemoteWireError, UsageError

_EXACT: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (float, int),
    "float": (float, int),
    "string": (str,),
}
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def to_wire(value: Any, shape: Any, place: str) -> Any:
    """The JSON of a value with the member names of boto3; `place` is how messages call it.

    Times are ISO 8601 text or aware datetimes, blobs are bytes. Works for the protocols rest-json and json.

    Raises:
        UsageError: unknown or missing member, wrong type, or a value that an enumeration does not have.
    """
    match shape.type_name:
        case "structure":
            return _structure(value, shape, place)
        case "list":
            return [
                to_wire(item, shape.member, f"{place}[{number}]")
                for number, item in enumerate(_checked(value, (Sequence,), shape, place))
            ]
        case "map":
            items = _checked(value, (Mapping,), shape, place).items()
            return {to_wire(k, shape.key, place): to_wire(v, shape.value, f"{place}.{k}") for k, v in items}
        case "blob":
            return base64.b64encode(_checked(value, (bytes,), shape, place)).decode("ascii")
        case "timestamp":
            return _timestamp(value, shape, place)
        case _:
            return _scalar(value, shape, place)


def _structure(value: Any, shape: Any, place: str) -> dict[str, Any]:
    given = _checked(value, (Mapping,), shape, place)
    for member in given:
        if member not in shape.members:
            known = ", ".join(sorted(shape.members))
            raise UsageError(f"`{place}.{member}` is not in the AWS service model; `{shape.name}` has {known}")
    for member in shape.required_members:
        if member not in given:
            raise UsageError(f"`{place}.{member}` is missing; the AWS service model requires it")
    return {
        _wire_name(shape, member): to_wire(v, shape.members[member], f"{place}.{member}") for member, v in given.items()
    }


def _wire_name(shape: Any, member: str) -> str:
    serialization = shape.members[member].serialization
    name: str = serialization.get("name", member)
    return name


def _scalar(value: Any, shape: Any, place: str) -> Any:
    _checked(value, _EXACT[shape.type_name], shape, place)
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        raise UsageError(f"`{place}` cannot be {value!r}; the AWS service model has {', '.join(shape.enum)}")
    return value


def _timestamp(value: Any, shape: Any, place: str) -> str | float:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise UsageError(f"`{place}` is not a time; write it as ISO 8601") from None
    _checked(moment, (datetime,), shape, place)
    if moment.tzinfo is None:
        raise UsageError(f"`{place}` is a time without zone; end it with Z")
    serialization = shape.serialization
    if "timestampFormat" in serialization and serialization["timestampFormat"] == "iso8601":
        return str(moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    return float(moment.timestamp())


def _checked(value: Any, types: tuple[type, ...], shape: Any, place: str) -> Any:
    stray_boolean = isinstance(value, bool) and bool not in types
    stray_text = isinstance(value, str | bytes) and Sequence in types
    if stray_boolean or stray_text or not isinstance(value, types):
        raise UsageError(f"`{place}` is {type(value).__name__}; the AWS service model wants {shape.type_name}")
    return value


def from_wire(value: Any, shape: Any, place: str) -> Any:
    """What JSON from a peer means, with the member names of boto3; members that the model lacks are passed over.

    Raises:
        RemoteWireError: missing member, wrong type, or a value outside the bounds of the model.
    """
    match shape.type_name:
        case "structure":
            return _members(_received(value, (dict,), shape, place), shape, place)
        case "list":
            items = _received(value, (list,), shape, place)
            return [from_wire(item, shape.member, f"{place}[{number}]") for number, item in enumerate(items)]
        case "map":
            return {key: from_wire(v, shape.value, place) for key, v in _received(value, (dict,), shape, place).items()}
        case "blob":
            return _bytes(_received(value, (str,), shape, place), place)
        case "timestamp":
            return _received(value, (str, int, float), shape, place)
        case _:
            return _bounded(_received(value, _EXACT[shape.type_name], shape, place), shape, place)


def from_text(text: str, shape: Any, place: str) -> Any:
    """What a part of a path or a query means; RemoteWireError if it is not what the model wants there."""
    match shape.type_name:
        case "integer" | "long" if _INTEGER.fullmatch(text):
            return _bounded(int(text), shape, place)
        case "boolean" if text in {"true", "false"}:
            return text == "true"
        case "string":
            return _bounded(text, shape, place)
        case _:
            raise RemoteWireError(f"{place} cannot be read as {shape.type_name}")


def _members(given: dict[str, Any], shape: Any, place: str) -> dict[str, Any]:
    names = {member: _wire_name(shape, member) for member in shape.members}
    for member in shape.required_members:
        if given.get(names[member]) is None:
            raise RemoteWireError(f"{member} is missing in {place}")
    return {
        member: from_wire(given[name], shape.members[member], f"{place}.{member}")
        for member, name in names.items()
        if given.get(name) is not None
    }


def _bytes(text: str, place: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise RemoteWireError(f"{place} is not base64") from None


def _bounded(value: Any, shape: Any, place: str) -> Any:
    size = len(value) if isinstance(value, str) else value
    bounds = shape.metadata
    if ("min" in bounds and size < bounds["min"]) or ("max" in bounds and size > bounds["max"]):
        raise RemoteWireError(f"{place} is outside of what the model allows")
    return value


def _received(value: Any, types: tuple[type, ...], shape: Any, place: str) -> Any:
    stray_boolean = isinstance(value, bool) and bool not in types
    if stray_boolean or not isinstance(value, types):
        raise RemoteWireError(f"{place} is not {shape.type_name}")
    return value
