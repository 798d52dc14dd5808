"""A client that says what it is told to and hears what comes back, over a socket with a deadline.

It knows no broker of its own: the same lines are spoken to the reference and to Apache Kafka.
"""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from mskaudit.errors import MskAuditError
from mskaudit.wire.apis import APIS
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    Request,
    Response,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)
from mskaudit.wire.scram import ScramClient, ScramMechanism

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

Address = tuple[str, int]
R = TypeVar("R", bound=Response)

DEADLINE: Final = 10.0
_CHUNK: Final = 65536
_PAUSE: Final = 0.02


class Closed(Exception):  # noqa: N818  it is what happened, not what went wrong
    """The peer closed where an answer was due."""


class Refused(Exception):  # noqa: N818  the same
    """The peer refused a login with an error code and its words."""

    def __init__(self, code: int, message: str | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Conversation:
    """One connection; every method raises `Closed` where the peer ends it and TimeoutError where it says nothing."""

    def __init__(self, stream: socket.socket, *, client_id: str = "mskaudit") -> None:
        self.stream = stream
        self._connection = ClientConnection(client_id=client_id, apis=APIS)

    def ask(self, request: Request, version: int, kind: type[R]) -> R:
        """The answer to a request, which is of a kind."""
        answer = self.ask_any(request, version)
        if not isinstance(answer, kind):
            raise TypeError(f"{type(answer).__name__} is no {kind.__name__}")
        return answer

    def ask_any(self, request: Request, version: int) -> Response:
        """The answer to a request."""
        return self._exchange(self._connection.send(request, version=version))

    def versions(self, version: int = 3) -> ApiVersionsResponse:
        """What the peer supports."""
        named = ApiVersionsRequest(client_software_name="mskaudit", client_software_version="0.1.0")
        return self.ask(named, version, ApiVersionsResponse)

    def handshake(self, mechanism: str, *, version: int = 1) -> SaslHandshakeResponse:
        """Choose a mechanism."""
        return self.ask(SaslHandshakeRequest(mechanism=mechanism), version, SaslHandshakeResponse)

    def token(self, content: bytes) -> SaslAuthenticateResponse:
        """Send one token of a mechanism."""
        return self.ask(SaslAuthenticateRequest(auth_bytes=content), 2, SaslAuthenticateResponse)

    def log_in(self, mechanism: str, user: str, password: str) -> SaslAuthenticateResponse:
        """Log in with a password, and return the last answer; `Refused` if the broker does not want that."""
        shaken = self.handshake(mechanism)
        if shaken.error_code:
            raise Refused(shaken.error_code, ",".join(shaken.mechanisms))
        if mechanism == "PLAIN":
            return self._accepted(f"\0{user}\0{password}".encode())
        client = ScramClient(mechanism=ScramMechanism(mechanism), username=user, password=password)
        challenge = self._accepted(client.first())
        last = self._accepted(client.respond(challenge.auth_bytes))
        client.verify(last.auth_bytes)
        return last

    def _accepted(self, content: bytes) -> SaslAuthenticateResponse:
        answer = self.token(content)
        if answer.error_code:
            raise Refused(answer.error_code, answer.error_message)
        return answer

    def _exchange(self, frame: bytes) -> Response:
        self._write(frame)
        while True:
            answers = self._connection.receive(self.read())
            if answers:
                return answers[0].message

    def _write(self, content: bytes) -> None:
        try:
            self.stream.sendall(content)
        except ConnectionError as cause:
            raise Closed(str(cause)) from cause

    def read(self) -> bytes:
        """What comes next, at least one byte."""
        try:
            chunk = self.stream.recv(_CHUNK)
        except ConnectionError as cause:
            raise Closed(str(cause)) from cause
        if not chunk:
            raise Closed("closed")
        return chunk


@contextmanager
def talk(
    address: Address, context: ssl.SSLContext | None = None, *, deadline: float = DEADLINE
) -> Iterator[Conversation]:
    """A conversation with a listener, over TLS if there is a context."""
    with socket.create_connection(address, deadline) as plain:
        if context is None:
            yield Conversation(plain)
        else:
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                yield Conversation(wrapped)


def until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again until a condition holds; TimeoutError where it does not in time."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > DEADLINE:
            raise TimeoutError(f"{what} had not come about after {DEADLINE:.0f} s")
        time.sleep(_PAUSE)


def answers(address: Address, context: ssl.SSLContext | None = None) -> bool:
    """Whether a broker answers ApiVersions there already."""
    try:
        with talk(address, context, deadline=2.0) as conversation:
            return conversation.versions(0).error_code == 0
    except (OSError, Closed, MskAuditError):
        return False
