"""A promise that no connection is opened, kept by the interpreter itself."""

from __future__ import annotations

import sys

from mskaudit.errors import UsageError

# https://docs.python.org/3/library/audit_events.html
_FORBIDDEN = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
    }
)


def forbid_connections() -> None:
    """From here on every attempt to use the network fails, whoever makes it; this cannot be taken back."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if event in _FORBIDDEN:
        raise UsageError(f"--offline forbids connections, and something tried {event}")
