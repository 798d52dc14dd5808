"""AWS Signature Version 4 of a presigned GET of "/", as IAM logins of Amazon MSK use it (AWS, "Signing requests")."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from mskaudit.errors import RemoteWireError

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_TERMINATOR: Final = "aws4_request"
_SCOPE_PARTS: Final = 4
_NO_PAYLOAD: Final = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a signature is good for: a day as yyyymmdd, a region, a service."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{_TERMINATOR}"

    @classmethod
    def parse(cls, credential: str) -> tuple[str, Self]:
        """Return the access key and the scope of a credential ``key/date/region/service/aws4_request``.

        Raises RemoteWireError if it has another form.
        """
        access_key, *parts = credential.rsplit("/", _SCOPE_PARTS)
        if len(parts) != _SCOPE_PARTS or not access_key or parts[-1] != _TERMINATOR:
            raise RemoteWireError("the peer sent an AWS credential that is not a key and its scope")
        date, region, service, _ = parts
        return access_key, cls(date=date, region=region, service=service)


def encode(text: str) -> str:
    """Return text with every byte escaped that RFC 3986 does not leave unreserved."""
    return quote(text, safe="-_.~")


def query(parameters: Mapping[str, str]) -> str:
    """Return the canonical query: names and values escaped, then sorted."""
    return "&".join(f"{name}={value}" for name, value in sorted((encode(k), encode(v)) for k, v in parameters.items()))


def signature(secret_key: str, *, scope: Scope, timestamp: str, host: str, parameters: Mapping[str, str]) -> str:
    """Return the signature in hex; the timestamp is yyyymmddThhmmssZ, and the only signed header is the host."""
    canonical = "\n".join(("GET", "/", query(parameters), f"host:{host}", "", "host", _NO_PAYLOAD))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = "\n".join((ALGORITHM, timestamp, str(scope), digest))
    return _hmac(_signing_key(secret_key, scope), signed).hex()


def _signing_key(secret_key: str, scope: Scope) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (scope.date, scope.region, scope.service, _TERMINATOR):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
