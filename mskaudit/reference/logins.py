"""How a client logs in to a reference broker: the server's side of every mechanism, without I/O."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from mskaudit.errors import RemoteWireError
from mskaudit.wire.scram import ScramCredential, ScramMechanism, ScramRefusal, ScramServer

_PLAIN_PARTS: Final = 3


class LoginStep(StrEnum):
    """What a token of the client led to."""

    GO_ON = "go on"
    WELCOME = "welcome"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """The broker's token, or why there is none."""

    step: LoginStep
    token: bytes = b""
    message: str = ""


Login = Callable[[bytes], Outcome]
"""Takes the client's next token; not asked again after a refusal or a welcome."""


def begin(mechanism: str, users: Mapping[str, str]) -> Login:
    """A login with a mechanism; those that nobody can pass here refuse the first token."""
    match mechanism:
        case ScramMechanism.SHA_256 | ScramMechanism.SHA_512:
            return _Scram(ScramMechanism(mechanism), users)
        case "PLAIN":
            return lambda token: _plain(token, users)
        case _:
            return lambda _: _refused(mechanism)


class _Scram:
    """The two steps of SCRAM."""

    def __init__(self, mechanism: ScramMechanism, users: Mapping[str, str]) -> None:
        credentials = {name: _credential(mechanism, password) for name, password in users.items()}
        self._mechanism = mechanism
        self._server = ScramServer(mechanism=mechanism, credentials=credentials)
        self._answer: Callable[[bytes], bytes | ScramRefusal] = self._server.challenge

    def __call__(self, token: bytes) -> Outcome:
        try:
            answer = self._answer(token)
        except RemoteWireError:
            return _refused(self._mechanism)
        if isinstance(answer, ScramRefusal):
            return Outcome(LoginStep.REFUSED, message=answer.message)
        self._answer = self._server.conclude
        return Outcome(LoginStep.GO_ON if self._server.username is None else LoginStep.WELCOME, answer)


@cache
def _credential(mechanism: ScramMechanism, password: str) -> ScramCredential:
    # Deriving takes milliseconds, and worlds with the same users start again and again.
    return ScramCredential.derive(mechanism, password)


def _plain(token: bytes, users: Mapping[str, str]) -> Outcome:
    """RFC 4616: authorization id, user and password, with NUL between them."""
    parts = token.split(b"\0")
    if len(parts) != _PLAIN_PARTS:
        return _refused("PLAIN")
    acting, name, password = parts
    if acting and acting != name:
        message = "Authentication failed: Client requested an authorization id that is different from username"
        return Outcome(LoginStep.REFUSED, message=message)
    known = {user.encode(): secret.encode() for user, secret in users.items()}
    if name not in known or not hmac.compare_digest(known[name], password):
        return Outcome(LoginStep.REFUSED, message="Authentication failed: Invalid username or password")
    return Outcome(LoginStep.WELCOME)


def _refused(mechanism: str) -> Outcome:
    return Outcome(
        LoginStep.REFUSED,
        message="Authentication failed during authentication due to invalid credentials "
        f"with SASL mechanism {mechanism}",
    )
