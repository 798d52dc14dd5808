"""What Kafka calls a client: certificate names as Java writes them, the rules that map them, and addresses as text.

Every form here was compared with Java 17 and Kafka 4.3.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from mskaudit.errors import UsageError
from mskaudit.policy.regexes import Match, Regex, compile_regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_RULES: Final = 4000
"""Characters of a ``ssl.principal.mapping.rules`` value."""

MAX_NAME: Final = 4096
"""Characters of a distinguished name that is mapped."""

_SETTING: Final = "ssl.principal.mapping.rules"
_RULE: Final = r"(DEFAULT)|RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?)"
_SPLITTER: Final = re.compile(rf"\s*((?:{_RULE}).*?|.*?)\s*(?:,|$)", re.ASCII)
_PARSER: Final = re.compile(_RULE)
_REFERENCE: Final = re.compile(r"\$([0-9]+)")
_MAX_DIGITS: Final = 9  # Java reads a reference as an int
_TWO_DIGITS: Final = 10


class _Case(StrEnum):
    KEEP = ""
    LOWER = "L"
    UPPER = "U"

    def apply(self, name: str) -> str:
        match self:
            case _Case.KEEP:
                return name
            case _Case.LOWER:
                return name.lower()
            case _Case.UPPER:
                return name.upper()
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One rule; the replacement's parts are text, or the number of a group."""

    regex: Regex
    replacement: tuple[str | int, ...]
    case: _Case

    def apply(self, name: str) -> str | None:
        if not self.regex.matches(name):
            return None
        return self.case.apply("".join(self._replaced(name)))

    def _replaced(self, name: str) -> Iterator[str]:
        """Yield the pieces of the name with every occurrence of the pattern replaced, as Java's replaceAll does."""
        copied = 0
        for found in self.regex.find_all(name):
            yield name[copied : found.start]
            yield from (self._part(part, found, name) for part in self.replacement)
            copied = found.end
        yield name[copied:]

    @staticmethod
    def _part(part: str | int, found: Match, name: str) -> str:
        if isinstance(part, str):
            return part
        span = found.groups[part]
        return "" if span is None else name[slice(*span)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalMapping:
    """A compiled ``ssl.principal.mapping.rules``; None among the rules is DEFAULT, the name as it is."""

    rules: tuple[_Rule | None, ...]

    @classmethod
    def parse(cls, text: str = "DEFAULT") -> PrincipalMapping:
        """Return the mapping; UsageError, with the rule, if Kafka would refuse it or a pattern is not supported."""
        if len(text) > MAX_RULES:
            raise UsageError(f"{_SETTING} has {len(text)} characters; keep it to {MAX_RULES}")
        found = (match[1] for match in _SPLITTER.finditer(text.strip(_JAVA_BLANKS)))
        return cls(rules=tuple(_parse_rule(rule) for rule in found if rule))

    def map(self, distinguished_name: str) -> str | None:
        """Return the principal's name by the first rule that applies; None if none does, and then the login fails.

        UsageError if the name is longer than ``MAX_NAME`` or a pattern costs too much on it.
        """
        if len(distinguished_name) > MAX_NAME:
            raise UsageError(f"the certificate's name has {len(distinguished_name)} characters; {MAX_NAME} are mapped")
        for rule in self.rules:
            name = distinguished_name if rule is None else rule.apply(distinguished_name)
            if name is not None:
                return name
        return None


def distinguished_name(attributes: Sequence[tuple[str, str]]) -> str:
    """Return a certificate's name as Kafka shows it, such as `CN=client,O=x`, from (attribute, value) pairs.

    The pairs come in the certificate's order, which the text reverses; attributes are short names (`CN`) or OIDs.
    The form is that of RFC 2253 as Java's X500Principal writes it; UsageError for an attribute without an OID.
    """
    return ",".join(_attribute(attribute, value) for attribute, value in reversed(attributes))


def host_text(address: str) -> str:
    """Return an IP address as Java writes it, since ACLs compare hosts as text; UsageError if it is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise UsageError(f"{address!r} is no IP address; give one such as 10.0.0.1 or ::1") from error
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    groups = ":".join(f"{high << 8 | low:x}" for high, low in zip(parsed.packed[::2], parsed.packed[1::2], strict=True))
    return groups if parsed.scope_id is None else f"{groups}%{parsed.scope_id}"


def _parse_rule(text: str) -> _Rule | None:
    match = _PARSER.match(text)
    if match is None or match.end() != len(text):
        rest = text if match is None else text[match.end() :]
        raise UsageError(
            f"{_SETTING} has {text!r}, not understood from {rest!r}; write DEFAULT or RULE:pattern/replacement/[LU]"
        )
    if match[1] is not None:
        return None
    try:
        regex = compile_regex(match[2])
        return _Rule(regex=regex, replacement=tuple(_replacement(match[3], regex)), case=_Case(match[4]))
    except UsageError as error:
        raise UsageError(f"{_SETTING} has {text!r}: {error}") from error


def _replacement(text: str, regex: Regex) -> Iterator[str | int]:
    """Yield the parts of a replacement as Java reads it."""
    text = _with_literal_references(text, regex.groups)
    at = 0
    while at < len(text):
        if text[at] == "\\":
            yield text[at + 1 : at + 2]
            at += 2
        elif text[at] == "$":
            group, at = _group(text, at + 1, regex)
            yield group
        else:
            yield text[at]
            at += 1


def _group(text: str, at: int, regex: Regex) -> tuple[int, int]:
    """Return the group that is referred to from ``at`` on, and where the reference ends."""
    if text[at : at + 1] == "{":
        name, closed, _ = text[at + 1 :].partition("}")
        if not closed or name not in regex.names:
            raise UsageError(f"the replacement {text!r} names a group that the pattern lacks")
        return regex.names[name], at + len(name) + 2
    digits = _digits(text, at)
    if not digits or int(digits[0]) > regex.groups:
        raise UsageError(f"the replacement {text!r} has a $ without a group of the pattern; write \\$ for the sign")
    used = 1
    while used < len(digits) and int(digits[: used + 1]) <= regex.groups:
        used += 1
    return int(digits[:used]), at + used


def _digits(text: str, at: int) -> str:
    match = _REFERENCE.match(f"${text[at : at + _MAX_DIGITS]}")
    return "" if match is None else match[1]


def _with_literal_references(text: str, groups: int) -> str:
    """Return the replacement with references to groups that are not there escaped, the way Kafka does it.

    Kafka places a second escape by the offsets before the first, so two such references end in an error, here too.
    """
    value = text
    for match in _REFERENCE.finditer(text) if groups else ():
        if match[1].startswith("0"):
            continue
        if len(match[1]) > _MAX_DIGITS:
            raise UsageError(f"the replacement {text!r} refers to a group by too long a number")
        number = int(match[1])
        while number > groups and number >= _TWO_DIGITS:
            number //= 10
        if number > groups:
            value = f"{value[: match.start()]}\\{value[match.start() :]}"
    return value


def _attribute(attribute: str, value: str) -> str:
    oid = _OIDS[attribute.upper()] if attribute.upper() in _OIDS else attribute
    if not _OID.fullmatch(oid):
        raise UsageError(f"{attribute!r} is no attribute of a name that is known; give its OID")
    if oid in _KEYWORDS:
        return f"{_KEYWORDS[oid]}={_escape(value)}"
    content = value.encode()
    tag = _TAGS[oid] if oid in _TAGS else _UTF8_STRING
    return f"{oid}=#{tag:02x}{_der_length(len(content)).hex()}{content.hex()}"


def _escape(value: str) -> str:
    text = "".join(f"\\{each}" if each in ',=+<>#;"\\' else each for each in value).replace("\0", "\\00")
    led = text.lstrip(" \r")
    lead = "".join(f"\\{each}" for each in text[: len(text) - len(led)])
    body = led.rstrip(" \r")
    return lead + body + "".join(f"\\{each}" for each in led[len(body) :])


def _der_length(length: int) -> bytes:
    if length < _SHORT_FORM:
        return bytes([length])
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([_SHORT_FORM | len(size)]) + size


_JAVA_BLANKS: Final = "".join(map(chr, range(0x21)))
_SHORT_FORM: Final = 0x80
_PRINTABLE_STRING: Final = 0x13
_IA5_STRING: Final = 0x16
_UTF8_STRING: Final = 0x0C
_OID: Final = re.compile(r"[0-2](?:\.[0-9]{1,40}){1,40}", re.ASCII)
_KEYWORDS: Final[Mapping[str, str]] = {  # those of RFC 2253; Java writes all others as OIDs
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
_OIDS: Final[Mapping[str, str]] = {
    **{keyword: oid for oid, keyword in _KEYWORDS.items()},
    "S": "2.5.4.8",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
    "SURNAME": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "T": "2.5.4.12",
    "TITLE": "2.5.4.12",
    "GIVENNAME": "2.5.4.42",
    "DNQ": "2.5.4.46",
}
_TAGS: Final[Mapping[str, int]] = {  # the string types that certificates usually use for them
    "1.2.840.113549.1.9.1": _IA5_STRING,
    "2.5.4.5": _PRINTABLE_STRING,
    "2.5.4.46": _PRINTABLE_STRING,
}
