"""The conditions of IAM statements, in three values: what depends on an unknown key is unknown.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from operator import eq, ge, gt, le, lt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, assert_never

from mskaudit.policy.context import resolve
from mskaudit.policy.globs import Literal
from mskaudit.policy.kleene import Truth, all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mskaudit.policy.context import Context, Version

    _Compare = Callable[[str, str, Context, Version], Truth]

_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})", re.ASCII)
_EPOCH: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_TRUTHS: Final = MappingProxyType({"true": True, "false": False})
_AS_IT_IS: Final = (str,) * 6


class Quantifier(StrEnum):
    """How a condition takes a key with several values."""

    ONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One line of a condition block: an operator, a key, and values of which one must match."""

    operator: str
    key: str
    values: tuple[str, ...]

    def evaluate(self, context: Context, version: Version) -> Truth:
        """Whether it holds; None if that depends on an unknown key, an unknown operator or an unreadable value."""
        quantifier, name, optional = _read(self.operator)
        found = context.lookup(self.key)
        if name == "null":
            return self._null(found)
        if name not in _OPERATORS or found is None:
            return None
        compare, negated = _OPERATORS[name]
        if not found:
            return optional or quantifier is Quantifier.ALL or (negated and quantifier is Quantifier.ONE)
        match = partial(self._match, compare=compare, negated=negated, context=context, version=version)
        match quantifier:
            case Quantifier.ONE:
                return match(found[0]) if len(found) == 1 else None
            case Quantifier.ALL:
                return all_of(map(match, found))
            case Quantifier.ANY:
                return any_of(map(match, found))
            case _:
                assert_never(quantifier)

    def _null(self, found: tuple[str, ...] | None) -> Truth:
        if found is None:
            return None
        wanted = [_truth(value) for value in self.values]
        return any_of(None if each is None else each is not bool(found) for each in wanted)

    def _match(self, value: str, *, compare: _Compare, negated: bool, context: Context, version: Version) -> Truth:
        result = any_of(compare(value, wanted, context, version) for wanted in self.values)
        if negated and any(resolve(each, context, version=version).certainty is False for each in self.values):
            return None  # AWS does not say what differs from a variable that is absent
        return negate(result) if negated else result


def _read(operator: str) -> tuple[Quantifier, str, bool]:
    """Return an operator's quantifier, its name in lower case, and whether it holds for an absent key."""
    quantifier = next(
        (each for each in (Quantifier.ALL, Quantifier.ANY) if operator.lower().startswith(each.lower())), Quantifier.ONE
    )
    name = operator.lower().removeprefix(quantifier.lower())
    return quantifier, name.removesuffix("ifexists"), name.endswith("ifexists")


def _string_equals(value: str, wanted: str, context: Context, version: Version) -> Truth:
    return resolve(wanted, context, version=version, plain=_literal).matches(value)


def _string_equals_ignoring_case(value: str, wanted: str, context: Context, version: Version) -> Truth:
    pattern = resolve(wanted, context, version=version, plain=_literal)
    return pattern.ignoring_case().matches(value.lower())


def _string_like(value: str, wanted: str, context: Context, version: Version) -> Truth:
    return resolve(wanted, context, version=version).matches(value)


def _arn_like(value: str, wanted: str, context: Context, version: Version) -> Truth:
    return resolve(wanted, context, version=version).matches_arn(value, fields=_AS_IT_IS)


def _bool(value: str, wanted: str, context: Context, version: Version) -> Truth:
    if _truth(value) is None:
        return None
    pattern = resolve(wanted, context, version=version, plain=_literal).ignoring_case()
    readable = any_of(pattern.matches(truth) for truth in _TRUTHS)
    return pattern.matches(value.lower()) if readable else None


def _binary(value: str, wanted: str, _context: Context, _version: Version) -> Truth:
    return value == wanted


def _ordered(
    value: str,
    wanted: str,
    _context: Context,
    _version: Version,
    *,
    parse: Callable[[str], Any],
    order: Callable[[Any, Any], bool],
) -> Truth:
    left, right = parse(value), parse(wanted)
    return None if left is None or right is None else order(left, right)


def _ip(value: str, wanted: str, _context: Context, _version: Version) -> Truth:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _date(text: str) -> datetime | None:
    try:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(text), tz=UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _truth(text: str) -> Truth:
    return _TRUTHS[text.lower()] if text.lower() in _TRUTHS else None


def _literal(text: str) -> Literal:
    return Literal(text=text)


_ORDERS: Final = MappingProxyType(
    {"lessthan": lt, "lessthanequals": le, "greaterthan": gt, "greaterthanequals": ge, "equals": eq}
)
_OPERATORS: Final[Mapping[str, tuple[_Compare, bool]]] = MappingProxyType(
    {
        "stringequals": (_string_equals, False),
        "stringnotequals": (_string_equals, True),
        "stringequalsignorecase": (_string_equals_ignoring_case, False),
        "stringnotequalsignorecase": (_string_equals_ignoring_case, True),
        "stringlike": (_string_like, False),
        "stringnotlike": (_string_like, True),
        "arnequals": (_arn_like, False),
        "arnnotequals": (_arn_like, True),
        "arnlike": (_arn_like, False),
        "arnnotlike": (_arn_like, True),
        "bool": (_bool, False),
        "binaryequals": (_binary, False),
        "ipaddress": (_ip, False),
        "notipaddress": (_ip, True),
        "numericnotequals": (partial(_ordered, parse=_number, order=eq), True),
        "datenotequals": (partial(_ordered, parse=_date, order=eq), True),
        **{f"numeric{name}": (partial(_ordered, parse=_number, order=order), False) for name, order in _ORDERS.items()},
        **{f"date{name}": (partial(_ordered, parse=_date, order=order), False) for name, order in _ORDERS.items()},
    }
)
