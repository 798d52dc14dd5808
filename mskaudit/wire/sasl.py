"""What the SASL mechanisms have in common: a client's two verbs, and JSON that says each thing once.

``PlainClient`` and ``ScramLogin`` are here; the others are in the modules of their mechanisms.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Protocol

from mskaudit.errors import LocalWireError, RemoteWireError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mskaudit.wire.scram import ScramClient

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class SaslClient(Protocol):
    """One login of a client with any mechanism."""

    def first(self) -> bytes:
        """Return the client's first message."""

    def respond(self, challenge: bytes) -> bytes | None:
        """Return the answer to what the server said, or None where nothing is left to say.

        Raises RemoteWireError if what it said is malformed or shows that it is not the server it should be.
        """


class PlainClient:
    """A login with PLAIN (RFC 4616): one message, and nothing to answer."""

    __slots__ = ("_message",)

    def __init__(self, username: str, password: str, *, authorization_id: str = "") -> None:
        parts = (authorization_id, username, password)
        if any("\0" in part for part in parts):
            raise LocalWireError("a name or password for PLAIN cannot contain NUL")
        self._message = "\0".join(parts).encode()

    def first(self) -> bytes:
        """Return the client's only message, which shows the password."""
        return self._message

    def respond(self, challenge: bytes) -> bytes | None:
        """Return None; RemoteWireError if the server says anything."""
        if challenge:
            raise RemoteWireError("the server answered a PLAIN login with a challenge")
        return None


class ScramLogin:
    """A login of a ``ScramClient`` with the two verbs: the proof first, then the check of the server's own."""

    __slots__ = ("_client", "_proved")

    def __init__(self, client: ScramClient) -> None:
        self._client = client
        self._proved = False

    def first(self) -> bytes:
        """Return the client's first message."""
        return self._client.first()

    def respond(self, challenge: bytes) -> bytes | None:
        """Return the proof for the server's first message, and None once its last has been verified."""
        if self._proved:
            self._client.verify(challenge)
            return None
        self._proved = True
        return self._client.respond(challenge)


def json_object(content: bytes) -> dict[str, object]:
    """Return a JSON object of the peer's; RemoteWireError if it is anything else or names a member twice."""
    try:
        value = json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise RemoteWireError("the peer sent JSON that is nested too deep") from None
    except ValueError as cause:
        raise RemoteWireError(f"the peer sent broken JSON: {str(cause)[:100]}") from None
    if not isinstance(value, dict):
        raise RemoteWireError("the peer sent JSON that is not an object")
    return value


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise RemoteWireError("the peer sent a JSON object that names a member twice")
        if _SURROGATE.search(name) or (isinstance(value, str) and _SURROGATE.search(value)):
            raise RemoteWireError("the peer sent a JSON object with text that no encoding has")
        members[name] = value
    return members


def _refuse_constant(name: str) -> object:
    raise RemoteWireError(f"the peer sent {name}, which is no JSON")
