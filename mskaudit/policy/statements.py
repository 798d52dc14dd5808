"""IAM policy documents, checked once: JSON of any shape becomes typed statements, or one sentence says why not.

Source: IAM user guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from mskaudit.errors import UsageError
from mskaudit.policy.conditions import Condition
from mskaudit.policy.context import Version

MAX_STATEMENTS: Final = 1000
MAX_CHARACTERS: Final = 131_072
"""Characters of all actions, resources, principals and values of one document; IAM itself stops below."""

MAX_TEXT: Final = 2048
"""Characters of one action, resource, principal, key or value."""

_Choice = TypeVar("_Choice", bound=StrEnum)
_MAX_BITS: Final = 128
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ROOT: Final = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):root")
_TOP: Final = frozenset({"Version", "Id", "Statement"})
_ELEMENTS: Final = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
_PRINCIPAL_KINDS: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


class Effect(StrEnum):
    """What a statement does."""

    ALLOW = "Allow"
    DENY = "Deny"


class Attachment(StrEnum):
    """What a policy is attached to: a user or role (also as its boundary), or the resource itself."""

    IDENTITY = "identity"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """The values of an element such as Action, or of its opposite NotAction, which means everything else."""

    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """Whom a statement of a resource's policy is about; ``names`` are ARNs, services and the like, exactly."""

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement; ``place`` names it for people, ``resources`` is None where it is about whatever carries it."""

    place: str
    version: Version
    attachment: Attachment
    effect: Effect
    actions: Patterns
    resources: Patterns | None
    principals: Principals | None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy document that has been checked."""

    name: str
    statements: tuple[Statement, ...]


def parse_policy(document: object, *, name: str, attachment: Attachment = Attachment.IDENTITY) -> Policy:
    """Return the statements of a JSON document; UsageError, with the place, if IAM would not take it."""
    return _Reader(name, attachment).policy(document)


class _Reader:
    """Reads one document; it counts characters, so that a document cannot cost more than its share."""

    def __init__(self, name: str, attachment: Attachment) -> None:
        self._name = name
        self._attachment = attachment
        self._characters = 0

    def policy(self, document: object) -> Policy:
        top = self._object(document, "", allowed=_TOP)
        version = self._choice(Version, top["Version"], ".Version") if "Version" in top else Version.OLD
        if "Statement" not in top:
            raise self._refuse("", "it has no Statement")
        statements = top["Statement"] if isinstance(top["Statement"], list) else [top["Statement"]]
        if len(statements) > MAX_STATEMENTS:
            raise self._refuse(".Statement", f"there are more than {MAX_STATEMENTS}")
        return Policy(
            name=self._name,
            statements=tuple(
                self._statement(each, f".Statement[{number}]", version) for number, each in enumerate(statements)
            ),
        )

    def _statement(self, document: object, place: str, version: Version) -> Statement:
        found = self._object(document, place, allowed=_ELEMENTS)
        if "Effect" not in found:
            raise self._refuse(place, "it has no Effect")
        actions = self._patterns(found, "Action", place)
        if actions is None:
            raise self._refuse(place, "it has neither Action nor NotAction")
        resources = self._patterns(found, "Resource", place)
        if resources is None and self._attachment is Attachment.IDENTITY:
            raise self._refuse(place, "it has neither Resource nor NotResource")
        sid = f" ({self._text(found['Sid'], f'{place}.Sid')})" if "Sid" in found else ""
        return Statement(
            place=f"{self._name}{place}{sid}",
            version=version,
            attachment=self._attachment,
            effect=self._choice(Effect, found["Effect"], f"{place}.Effect"),
            actions=actions,
            resources=resources,
            principals=self._principals(found, place),
            conditions=self._conditions(found, place),
        )

    def _patterns(self, found: dict[str, Any], element: str, place: str) -> Patterns | None:
        present = self._one_of(found, element, place)
        if present is None:
            return None
        return Patterns(values=self._texts(found[present], f"{place}.{present}"), negated=present != element)

    def _one_of(self, found: dict[str, Any], element: str, place: str) -> str | None:
        present = [each for each in (element, f"Not{element}") if each in found]
        if len(present) > 1:
            raise self._refuse(place, f"it has both {present[0]} and {present[1]}")
        return present[0] if present else None

    def _principals(self, found: dict[str, Any], place: str) -> Principals | None:
        present = self._one_of(found, "Principal", place)
        if self._attachment is Attachment.IDENTITY:
            if present is not None:
                raise self._refuse(place, f"a policy of a user or role has no {present}")
            return None
        if present is None:
            raise self._refuse(place, "it has neither Principal nor NotPrincipal")
        names = self._principal_names(found[present], f"{place}.{present}")
        roots = {name: root[1] for name in names if (root := _ROOT.fullmatch(name)) is not None}
        accounts = {name for name in names if _ACCOUNT.fullmatch(name)}
        return Principals(
            everyone="*" in names,
            accounts=frozenset(accounts | set(roots.values())),
            names=frozenset(names - roots.keys() - accounts - {"*"}),
            negated=present != "Principal",
        )

    def _principal_names(self, document: object, place: str) -> set[str]:
        if isinstance(document, str):
            if document != "*":
                raise self._refuse(place, f"it is {document[:80]!r}; only * stands alone")
            return {"*"}
        kinds = self._object(document, place, allowed=_PRINCIPAL_KINDS)
        names: set[str] = set()
        for kind, value in kinds.items():
            texts = self._texts(value, f"{place}.{kind}")
            names.update(each for each in texts if kind == "AWS" or each != "*")
        return names

    def _conditions(self, found: dict[str, Any], place: str) -> tuple[Condition, ...]:
        if "Condition" not in found:
            return ()
        place = f"{place}.Condition"
        return tuple(
            Condition(operator=operator, key=key, values=self._texts(values, f"{place}.{operator}.{key}"))
            for operator, keys in self._object(found["Condition"], place).items()
            for key, values in self._object(keys, f"{place}.{operator}").items()
        )

    def _texts(self, value: object, place: str) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise self._refuse(place, "it is empty")
        texts = tuple(self._text(each, place) for each in values)
        self._characters += sum(map(len, texts)) + len(texts)
        if self._characters > MAX_CHARACTERS:
            raise self._refuse(place, f"the document has more than {MAX_CHARACTERS} characters")
        return texts

    def _text(self, value: object, place: str) -> str:
        match value:
            case bool():
                return str(value).lower()
            case str() if len(value) <= MAX_TEXT:
                return value
            case int() if value.bit_length() <= _MAX_BITS:
                return str(value)
            case float():
                return repr(value)
            case str() | int():
                raise self._refuse(place, "a value is too long")
            case _:
                raise self._refuse(place, f"it has a {type(value).__name__} where text belongs")

    def _object(self, value: object, place: str, *, allowed: frozenset[str] | None = None) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._refuse(place, f"it is a {type(value).__name__}, not an object")
        for key in value:
            if not isinstance(key, str) or len(key) > MAX_TEXT:
                raise self._refuse(place, "it has a name that is no text or too long")
            if allowed is not None and key not in allowed:
                raise self._refuse(place, f"it has an unknown element {key[:80]!r}")
        return value

    def _choice(self, kind: type[_Choice], value: object, place: str) -> _Choice:
        for each in kind:
            if value == each.value:
                return each
        raise self._refuse(place, f"it is none of {', '.join(kind)}")

    def _refuse(self, place: str, what: str) -> UsageError:
        return UsageError(f"the policy {self._name}{place} is not valid: {what}")
