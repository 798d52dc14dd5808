"""How a client logs in to a reference broker: the server's side of every mechanism, without I/O.

The words of a refusal are those of Kafka 4.3.1.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

from mskaudit.errors import RemoteWireError
from mskaudit.reference import identities
from mskaudit.reference.identities import Signer
from mskaudit.reference.realm import AwsCredential, IamSettings, OauthSettings, Realm, User
from mskaudit.reference.tokens import Bearer, bearer
from mskaudit.wire import msk_iam, oauthbearer
from mskaudit.wire.oauthbearer import BearerRequest, OtherScheme
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
    ABANDONED = "abandoned"
    """Kafka trips over the token, and closes without a word."""


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
        case oauthbearer.MECHANISM:
            return _Oauth(realm)
        case msk_iam.MECHANISM:
            return lambda token: _iam(token, realm)
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


class _Oauth:
    """OAUTHBEARER: a bad token is answered with an error as if all were well, and refused once that is acknowledged.

    The client may send another token instead, as Kafka allows.
    """

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._failed = False

    def __call__(self, token: bytes) -> Outcome:
        failed, self._failed = self._failed, False
        if failed and token == oauthbearer.ACKNOWLEDGED:
            return Outcome(LoginStep.REFUSED, message=oauthbearer.INVALID_TOKEN)
        try:
            request = BearerRequest.parse(token)
        except OtherScheme:
            return Outcome(LoginStep.ABANDONED)
        except RemoteWireError:
            return _refused(oauthbearer.MECHANISM)
        holder = _holder(request.token, self._realm)
        if holder is None:
            self._failed = True
            return Outcome(LoginStep.GO_ON, oauthbearer.INVALID_TOKEN.encode())
        name = holder.principal if isinstance(holder, Bearer) else holder.credential.principal
        if request.authorization_id not in ("", name):
            message = (
                f"Authentication failed: Client requested an authorization id ({request.authorization_id}) "
                f"that is different from the token's principal name ({name})"
            )
            return Outcome(LoginStep.REFUSED, message=message)
        identity = holder.credential if isinstance(holder, Signer) else None
        return _welcome(self._realm, f"User:{name}", expires=holder.expires, identity=identity)


def _holder(token: str, realm: Realm) -> Bearer | Signer | None:
    """Whose token it is, by a JWT or by an AWS signature, or None."""
    try:
        found = bearer(token, realm.oauth, realm.clock()) if "." in token else identities.of_token(token, realm)
    except RemoteWireError:
        return None
    return found if isinstance(found, Bearer | Signer) else None


def _iam(token: bytes, realm: Realm) -> Outcome:
    """AWS_MSK_IAM: one message each way, and no word on what was wrong."""
    request_id = str(uuid4())
    try:
        signer = identities.of_message(token, realm)
    except RemoteWireError:
        signer = None
    if not isinstance(signer, Signer):
        return Outcome(LoginStep.REFUSED, message=f"[{request_id}]: Access denied")
    return _welcome(
        realm,
        f"User:{signer.credential.principal}",
        token=msk_iam.success(request_id),
        expires=signer.expires,
        identity=signer.credential,
    )


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
    """The session's lifetime (KIP-368): the nearer of the credential's end and the limit, 0 where neither is.

    A credential that clocks that differ keep alive beyond its end gives the shortest there is, since 0 has no end.
    """
    ends = [realm.reauth_limit_ms] if realm.reauth_limit_ms > 0 else []
    if expires is not None:
        ends.append(round((expires - realm.clock()).total_seconds() * 1000))
    return max(1, min(ends)) if ends else 0


def _refused(mechanism: str) -> Outcome:
    return Outcome(
        LoginStep.REFUSED,
        message="Authentication failed during authentication due to invalid credentials "
        f"with SASL mechanism {mechanism}",
    )
