"""Logins with an AWS signature: the mechanism AWS_MSK_IAM and the token form for OAUTHBEARER, both ends, without I/O.

Both carry a presigned request ``kafka-cluster:Connect`` (aws-msk-iam-auth): the first as JSON, signed for the broker's
host, the second as an unpadded base64url URL, signed for the endpoint of the region and so good for all its clusters.
"""

from __future__ import annotations

import binascii
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote_to_bytes

from mskaudit.errors import RemoteWireError
from mskaudit.wire import sigv4
from mskaudit.wire.sasl import json_object
from mskaudit.wire.sigv4 import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

MECHANISM: Final = "AWS_MSK_IAM"
VERSION: Final = "2020_10_22"
ACTION: Final = "kafka-cluster:Connect"
SERVICE: Final = "kafka-cluster"
EXPIRES_S: Final = 900
"""Seconds that AWS's own clients let a signature live."""

MAX_SIZE: Final = 65_536
"""Bytes of the largest login looked at; session tokens are a few KiB."""

_USER_AGENT: Final = "mskaudit"
_TIMESTAMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EXPIRES: Final = re.compile(r"[1-9][0-9]{0,5}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
# Amazon's own signer for Java leaves the path out.
_URL: Final = re.compile(r"https://([A-Za-z0-9.-]{1,253})/?\?([\x21\x24-\x7e]+)")
_PARAMETERS: Final = {
    "Action": "action",
    "X-Amz-Algorithm": "x-amz-algorithm",
    "X-Amz-Credential": "x-amz-credential",
    "X-Amz-Date": "x-amz-date",
    "X-Amz-Expires": "x-amz-expires",
    "X-Amz-Security-Token": "x-amz-security-token",
    "X-Amz-SignedHeaders": "x-amz-signedheaders",
    "X-Amz-Signature": "x-amz-signature",
    "User-Agent": "user-agent",
}
_OPTIONAL: Final = {"x-amz-security-token", "user-agent"}
_UNSIGNED: Final = {"X-Amz-Signature", "User-Agent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKeys:
    """The keys of an AWS identity; a session token belongs to temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedConnect:
    """A signed request to connect: ``host`` is what it was signed for, ``members`` are those of the JSON form."""

    host: str
    members: Mapping[str, str] = field(repr=False)
    access_key: str
    scope: Scope
    signed_at: datetime
    expires_s: int

    @classmethod
    def sign(cls, keys: AwsKeys, *, host: str, region: str, now: datetime, expires_s: int = EXPIRES_S) -> Self:
        """Return a request signed with the keys for a host, from an aware time on for so many seconds."""
        timestamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = Scope(date=timestamp[:8], region=region, service=SERVICE)
        members = {
            "action": ACTION,
            "x-amz-algorithm": sigv4.ALGORITHM,
            "x-amz-credential": f"{keys.access_key}/{scope}",
            "x-amz-date": timestamp,
            "x-amz-expires": str(expires_s),
            "x-amz-signedheaders": "host",
        }
        if keys.session_token is not None:
            members["x-amz-security-token"] = keys.session_token
        members["x-amz-signature"] = _sign(keys.secret_key, host, scope, members)
        return cls._of(host, members)

    @classmethod
    def parse_payload(cls, message: bytes) -> Self:
        """Return the request of a first message of AWS_MSK_IAM; RemoteWireError if it is none."""
        if len(message) > MAX_SIZE:
            raise RemoteWireError(f"the client sent an IAM login of {len(message)} bytes")
        members = _strings(json_object(message))
        if members.pop("version", None) != VERSION:
            raise RemoteWireError(f"the client sent an IAM login that is not of version {VERSION}")
        host = members.pop("host", "")
        return cls._of(host, members)

    @classmethod
    def parse_token(cls, token: str) -> Self:
        """Return the request of a bearer token; RemoteWireError if it is none."""
        if len(token) > MAX_SIZE or not _TOKEN.fullmatch(token):
            raise RemoteWireError("the client sent an IAM token that is too long or no base64url")
        try:
            url = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise RemoteWireError("the client sent an IAM token that is not base64url of a URL") from None
        parts = _URL.fullmatch(url)
        if parts is None:
            raise RemoteWireError("the client sent an IAM token that is not a URL with a query")
        return cls._of(parts[1], _query_members(parts[2]))

    @classmethod
    def _of(cls, host: str, members: dict[str, str]) -> Self:
        required = set(_PARAMETERS.values()) - _OPTIONAL
        if not host or not required <= set(members) <= required | _OPTIONAL:
            raise RemoteWireError("the client sent an IAM login that lacks a member or has one too many")
        if members["x-amz-algorithm"] != sigv4.ALGORITHM or members["x-amz-signedheaders"] != "host":
            raise RemoteWireError("the client sent an IAM login signed in another way than its mechanism asks for")
        if members["action"] != ACTION:
            raise RemoteWireError("the client sent an IAM login for another action than to connect")
        if not _SIGNATURE.fullmatch(members["x-amz-signature"]) or not _EXPIRES.fullmatch(members["x-amz-expires"]):
            raise RemoteWireError("the client sent an IAM login whose signature or lifetime is malformed")
        access_key, scope = Scope.parse(members["x-amz-credential"])
        signed_at = _instant(members["x-amz-date"])
        if scope.date != members["x-amz-date"][:8]:
            raise RemoteWireError("the client sent an IAM login whose scope is of another day than its date")
        return cls(
            host=host,
            members=members,
            access_key=access_key,
            scope=scope,
            signed_at=signed_at,
            expires_s=int(members["x-amz-expires"]),
        )

    @property
    def session_token(self) -> str | None:
        """The session token, or None where the keys are lasting ones."""
        return self.members["x-amz-security-token"] if "x-amz-security-token" in self.members else None

    @property
    def expires(self) -> datetime:
        """The time its validity ends."""
        return self.signed_at + timedelta(seconds=self.expires_s)

    def is_signed_with(self, secret_key: str) -> bool:
        """Whether the signature is that of the secret key; compared in constant time."""
        right = _sign(secret_key, self.host, self.scope, self.members)
        return hmac.compare_digest(right.encode(), self.members["x-amz-signature"].encode())

    def payload(self) -> bytes:
        """Return the first message of AWS_MSK_IAM."""
        message = {"version": VERSION, "host": self.host, "user-agent": _USER_AGENT, **self.members}
        return json.dumps(message, separators=(",", ":")).encode()

    def token(self) -> str:
        """Return the bearer token; as AWS's own signers do, it names the client after signing."""
        signed = {name: self.members[member] for name, member in _PARAMETERS.items() if member in self.members}
        url = f"https://{self.host}/?{sigv4.query(signed)}&User-Agent={_USER_AGENT}"
        return urlsafe_b64encode(url.encode()).decode().rstrip("=")


class MskIamClient:
    """A login with AWS_MSK_IAM: the signed request, then the server's word that it knows the version."""

    __slots__ = ("_request",)

    def __init__(self, keys: AwsKeys, *, host: str, region: str, now: datetime) -> None:
        self._request = SignedConnect.sign(keys, host=host, region=region, now=now)

    def first(self) -> bytes:
        """Return the client's only message."""
        return self._request.payload()

    def respond(self, challenge: bytes) -> bytes | None:
        """Return None; RemoteWireError if the server's answer is not one to a login."""
        answer = _strings(json_object(challenge))
        if "version" not in answer or answer["version"] != VERSION:
            raise RemoteWireError(f"the server answered an IAM login with another version than {VERSION}")
        return None


def iam_token(keys: AwsKeys, *, region: str, now: datetime, expires_s: int = EXPIRES_S) -> str:
    """Return a bearer token for all clusters of a region."""
    request = SignedConnect.sign(keys, host=endpoint(region), region=region, now=now, expires_s=expires_s)
    return request.token()


def endpoint(region: str) -> str:
    """The host that bearer tokens are signed for."""
    return f"kafka.{region}.amazonaws.com"


def success(request_id: str) -> bytes:
    """Return the server's answer to a good login with AWS_MSK_IAM."""
    return json.dumps({"version": VERSION, "request-id": request_id}, separators=(",", ":")).encode()


def _sign(secret_key: str, host: str, scope: Scope, members: Mapping[str, str]) -> str:
    signed = {
        name: members[member] for name, member in _PARAMETERS.items() if name not in _UNSIGNED and member in members
    }
    return sigv4.signature(secret_key, scope=scope, timestamp=members["x-amz-date"], host=host, parameters=signed)


def _strings(members: Mapping[str, object]) -> dict[str, str]:
    texts = {name: value for name, value in members.items() if isinstance(value, str)}
    if len(texts) != len(members):
        raise RemoteWireError("the peer sent an IAM message with a value that is no text")
    return texts


def _query_members(query: str) -> dict[str, str]:
    members: dict[str, str] = {}
    for pair in query.split("&", 2 * len(_PARAMETERS)):
        name, equals, value = pair.partition("=")
        if name not in _PARAMETERS or not equals or _PARAMETERS[name] in members:
            raise RemoteWireError("the client sent an IAM token with a strange or repeated parameter")
        try:
            members[_PARAMETERS[name]] = unquote_to_bytes(value).decode()
        except UnicodeDecodeError:
            raise RemoteWireError("the client sent an IAM token with a parameter that is not UTF-8") from None
    return members


def _instant(timestamp: str) -> datetime:
    if not _TIMESTAMP.fullmatch(timestamp):
        raise RemoteWireError("the client sent an IAM login whose date is malformed")
    try:
        instant = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RemoteWireError("the client sent an IAM login with a date that does not exist") from None
    if instant.year == MAXYEAR:
        raise RemoteWireError("the client sent an IAM login that would end after all dates")
    return instant
