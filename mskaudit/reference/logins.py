"""How a client logs in to a reference broker: the server's side of every mechanism, without I/O.

The words of a refusal are those of Kafka 4.3.1.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.errors import RemoteWireError
from mskaudit.reference.realm import AwsCredential, IamSettings, OauthSettings, Realm, User
from mskaudit.wire.scram import ScramMechanism, ScramRefusal, ScramServer

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "AwsCredential",
    "IamSettings",
    "Login",
    "LoginStep",
    "OauthSettings",
    "Outcome",
    "Realm",
    "User",
    "begin",
]

_PLAIN_PARTS: Final = 3


class LoginStep(StrEnum):
    """What a token of the client led to."""

    GO_ON = "go on"
    WELCOME = "welcome"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """The broker's token, or why there is none.

    Only with a welcome come the `principal`, such as `User:alice`, the `lifetime_ms` of the session, 0 for no end,
    and the `identity` of those who came with an AWS signature.
    """

    step: LoginStep
    token: bytes = b""
    message: str = ""
    principal: str | None = None
    lifetime_ms: int = 0
    identity: AwsCredential | None = None


Login = Callable[[bytes], Outcome]
"""Takes the client's next token; not asked again after a refusal or a welcome."""


def begin(mechanism: str, realm: Realm) -> Login:
    """A login with a mechanism; those that nobody can pass here refuse the first token."""
    match mechanism:
        case ScramMechanism.SHA_256 | ScramMechanism.SHA_512:
            return _Scram(ScramMechanism(mechanism), realm)
        case "PLAIN":
            return lambda token: _plain(token, realm)
        case _:
            return lambda _: _refused(mechanism)


class _Scram:
    """The two steps of SCRAM."""

    def __init__(self, mechanism: ScramMechanism, realm: Realm) -> None:
        known = {user: credential for (kind, user), credential in realm.scram.items() if kind == mechanism}
        self._mechanism = mechanism
        self._realm = realm
        self._server = ScramServer(mechanism=mechanism, credentials=known)
        self._answer: Callable[[bytes], bytes | ScramRefusal] = self._server.challenge

    def __call__(self, token: bytes) -> Outcome:
        try:
            answer = self._answer(token)
        except RemoteWireError:
            return _refused(self._mechanism)
        if isinstance(answer, ScramRefusal):
            return Outcome(LoginStep.REFUSED, message=answer.message)
        self._answer = self._server.conclude
        if self._server.username is None:
            return Outcome(LoginStep.GO_ON, answer)
        return _welcome(self._realm, f"User:{self._server.username}", token=answer)


def _plain(token: bytes, realm: Realm) -> Outcome:
    """RFC 4616: authorization id, user and password, with NUL between them; checked in Kafka's order."""
    parts = token.decode(errors="replace").split("\0", _PLAIN_PARTS)
    if len(parts) != _PLAIN_PARTS:
        message = f"Invalid SASL/PLAIN response: expected {_PLAIN_PARTS} tokens, got {len(parts)}"
        return Outcome(LoginStep.REFUSED, message=message)
    acting, name, password = parts
    if not name or not password:
        missing = "password" if name else "username"
        return Outcome(LoginStep.REFUSED, message=f"Authentication failed: {missing} not specified")
    known = realm.passwords.get(name)
    if known is None or not hmac.compare_digest(known.encode(), password.encode()):
        return Outcome(LoginStep.REFUSED, message="Authentication failed: Invalid username or password")
    if acting not in ("", name):
        message = "Authentication failed: Client requested an authorization id that is different from username"
        return Outcome(LoginStep.REFUSED, message=message)
    return _welcome(realm, f"User:{name}")


def _welcome(
    realm: Realm,
    principal: str,
    *,
    token: bytes = b"",
    expires: datetime | None = None,
    identity: AwsCredential | None = None,
) -> Outcome:
    return Outcome(
        LoginStep.WELCOME,
        token,
        principal=principal,
        lifetime_ms=_lifetime_ms(realm, expires),
        identity=identity,
    )


def _lifetime_ms(realm: Realm, expires: datetime | None) -> int:
    """The session's lifetime (KIP-368): the nearer of the credential's end and the limit, 0 where neither is."""
    ends = [realm.reauth_limit_ms] if realm.reauth_limit_ms > 0 else []
    if expires is not None:
        ends.append(round((expires - realm.clock()).total_seconds() * 1000))
    return max(0, min(ends, default=0))


def _refused(mechanism: str) -> Outcome:
    return Outcome(
        LoginStep.REFUSED,
        message="Authentication failed during authentication due to invalid credentials "
        f"with SASL mechanism {mechanism}",
    )
