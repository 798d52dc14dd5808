"""What a request wants of a resource's settings, and what they are like once it has its way."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from mskaudit.reference.config_keys import ConfigType
from mskaudit.reference.services.topic_placing import Refusal
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ChangeOperation(IntEnum):
    """What to do with a setting, by the numbers of IncrementalAlterConfigs."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class Change(NamedTuple):
    """One setting to change; the operation is any number that a client may send."""

    name: str
    operation: int
    value: str | None


class Wish(NamedTuple):
    """What is to become of one resource; `replaces` if settings that are not named are to go."""

    kind: int
    name: str
    changes: tuple[Change, ...]
    replaces: bool


class Known(NamedTuple):
    """What is known of settings: the kind of each, and what it is now."""

    type_of: Callable[[str], ConfigType]
    value_of: Callable[[str], str | None]


def changed(current: Mapping[str, str], wish: Wish, known: Known) -> dict[str, str] | Refusal:
    """The settings after a wish that has been checked for missing values."""
    wanted = {} if wish.replaces else dict(current)
    for change in wish.changes:
        if change.operation not in set(ChangeOperation):
            return Refusal(ErrorCode.UNKNOWN_SERVER_ERROR, None)
        if change.operation == ChangeOperation.DELETE:
            wanted.pop(change.name, None)
        elif change.operation == ChangeOperation.SET:
            wanted[change.name] = change.value or ""
        elif known.type_of(change.name) is not ConfigType.LIST:
            verb = ChangeOperation(change.operation).name.lower()
            message = f"Config value {verb} is not allowed for config key: {change.name[:300]}"
            return Refusal(ErrorCode.INVALID_CONFIG, message)
        else:
            before = wanted[change.name] if change.name in wanted else known.value_of(change.name)
            wanted[change.name] = _edited(before or "", change)
    return wanted


def _edited(before: str, change: Change) -> str:
    """A list with members added or taken away."""
    members = [member for member in before.split(",") if member]
    named = [member for member in (change.value or "").split(",") if member]
    if change.operation == ChangeOperation.APPEND:
        return ",".join(dict.fromkeys((*members, *named)))
    return ",".join(member for member in members if member not in set(named))
