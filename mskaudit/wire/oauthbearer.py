"""OAUTHBEARER, both ends, without I/O (RFC 7628, KIP-255), and tokens in the compact form of RFC 7515."""

from __future__ import annotations

import json
import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.sasl import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

MECHANISM: Final = "OAUTHBEARER"
INVALID_TOKEN: Final = '{"status":"invalid_token"}'  # noqa: S105  it is no secret
"""What Kafka says of any token it does not take."""

ACKNOWLEDGED: Final = b"\x01"
"""What a client says to an error, so that the server may end the login (RFC 7628 section 3.2.3)."""

UNSIGNED: Final = "none"
MAX_TOKEN: Final = 65_536
"""Characters of the longest token looked at."""

MAX_INSTANT: Final = 32_503_680_000
"""Seconds from 1970 to the year 3000; what ends later would overflow somewhere, as it does in Kafka."""

_SEPARATOR: Final = "\x01"
_AUTH: Final = "auth"
_SCHEME: Final = "bearer"
_PAIRS: Final = 64
# Kafka's reading of RFC 7628: the escapes of the authorization id are not undone.
_HEADER: Final = re.compile(r"n,(?:a=((?:[\x02-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)+))?,")
_PAIR: Final = re.compile(r"([A-Za-z]+)=([\x21-\x7e \t\r\n]+)")
_CREDENTIAL: Final = re.compile(r"([0-9A-Za-z_]+) +([-_.~+/A-Za-z0-9]+=*)")
_EXTENSION: Final = re.compile(r"[A-Za-z]+")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]*")
_SEGMENTS: Final = 3


class OtherScheme(RemoteWireError):  # noqa: N818  it says what came
    """A message that is well formed and offers something else than a bearer token, on which Kafka closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerRequest:
    """The client's first message, taken apart."""

    authorization_id: str
    token: str = field(repr=False)

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Return the request; RemoteWireError if malformed. Extensions are checked for form and dropped.

        Raises OtherScheme where the credential is none of a bearer.
        """
        try:
            header, *pairs = message.decode().split(_SEPARATOR, _PAIRS)
        except UnicodeDecodeError:
            raise RemoteWireError("the client sent an OAUTHBEARER message that is not UTF-8") from None
        leading = _HEADER.fullmatch(header)
        if leading is None or pairs[-2:] != ["", ""]:
            raise RemoteWireError("the client sent an OAUTHBEARER message without its header or its end")
        credential = _CREDENTIAL.fullmatch(_auth(pairs[:-2]))
        if credential is None or len(credential[2]) > MAX_TOKEN:
            raise RemoteWireError("the client sent an OAUTHBEARER message without a bearer token of sane length")
        if credential[1].lower() != _SCHEME:
            raise OtherScheme("the client sent an OAUTHBEARER message with something else than a bearer token")
        return cls(authorization_id=leading[1] or "", token=credential[2])


def _auth(pairs: list[str]) -> str:
    """Return the value of the only pair named auth."""
    matches = [_PAIR.fullmatch(pair) for pair in pairs]
    found = [match[2] for match in matches if match is not None and match[1] == _AUTH]
    if None in matches or len(found) != 1:
        raise RemoteWireError("the client sent an OAUTHBEARER message whose pairs are malformed or not one auth")
    return found[0]


class OauthClient:
    """A login with a bearer token; an error of the server's is acknowledged, so that it can say why."""

    __slots__ = ("_message",)

    def __init__(self, token: str, *, authorization_id: str = "", extensions: Mapping[str, str] | None = None) -> None:
        acting = authorization_id.replace("=", "=3D").replace(",", "=2C")
        pairs = {_AUTH: f"Bearer {token}", **(extensions or {})}
        if any(not _EXTENSION.fullmatch(name) or _SEPARATOR in value for name, value in pairs.items()):
            raise LocalWireError("an OAUTHBEARER token or extension cannot be sent as it is")
        header = f"n,a={acting}," if acting else "n,,"
        text = _SEPARATOR.join((header, *(f"{name}={value}" for name, value in pairs.items()), "", ""))
        self._message = text.encode()

    def first(self) -> bytes:
        """Return the client's first message, which shows the token."""
        return self._message

    def respond(self, challenge: bytes) -> bytes | None:
        """Return None to silence, and the acknowledgement to an error."""
        if not challenge:
            return None
        json_object(challenge)
        return ACKNOWLEDGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """A token in compact form, taken apart and not yet believed: ``signed`` is what the signature is of."""

    algorithm: str
    claims: Mapping[str, object] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, token: str) -> Self:
        """Return the token; RemoteWireError if it is none, names a claim twice, or has no algorithm."""
        parts = token.split(".", _SEGMENTS)
        if len(parts) != _SEGMENTS or len(token) > MAX_TOKEN:
            raise RemoteWireError("the client sent a token that has not three parts or is too long")
        header, claims, signature = map(_decode, parts)
        algorithm = _text(json_object(header), "alg")
        if algorithm is None:
            raise RemoteWireError("the client sent a token without an algorithm")
        return cls(
            algorithm=algorithm,
            claims=json_object(claims),
            signed=token.rpartition(".")[0].encode(),
            signature=signature,
        )

    def text(self, claim: str) -> str | None:
        """Return a claim that is text, or None if absent; RemoteWireError if it is anything else."""
        return _text(self.claims, claim)

    def texts(self, claim: str) -> tuple[str, ...]:
        """Return a claim that is one text or a list of them; RemoteWireError if it is anything else."""
        if claim not in self.claims:
            return ()
        value = self.claims[claim]
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in values):
            raise RemoteWireError("the client sent a token with a claim that should be text and is not")
        return tuple(values)

    def instant(self, claim: str) -> float | None:
        """Return a claim that is a time in seconds since 1970, or None if absent; RemoteWireError if it is none."""
        if claim not in self.claims:
            return None
        value = self.claims[claim]
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_INSTANT:
            raise RemoteWireError("the client sent a token with a time that is none")
        return float(value)


def signing_input(algorithm: str, claims: Mapping[str, object]) -> str:
    """Return header and claims of a token, to be signed and followed by a dot and the signature."""
    return f"{_segment({'alg': algorithm})}.{_segment(claims)}"


def compact(signed: str, signature: bytes) -> str:
    """Return the token of a signing input and its signature."""
    return f"{signed}.{_encode(signature)}"


def unsecured_jwt(claims: Mapping[str, object]) -> str:
    """Return a token that nobody signed."""
    return compact(signing_input(UNSIGNED, claims), b"")


def _text(members: Mapping[str, object], name: str) -> str | None:
    if name not in members:
        return None
    value = members[name]
    if not isinstance(value, str):
        raise RemoteWireError("the client sent a token with a claim that should be text and is not")
    return value


def _segment(members: Mapping[str, object]) -> str:
    if any(isinstance(value, float) and not math.isfinite(value) for value in members.values()):
        raise LocalWireError("a token cannot carry a number that is not finite")
    return _encode(json.dumps(members, separators=(",", ":")).encode())


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _decode(segment: str) -> bytes:
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise RemoteWireError("the client sent a token with a part that is not base64url")
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
