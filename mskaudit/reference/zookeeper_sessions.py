"""Sessions of a reference ZooKeeper: they outlive connections, and end when nobody touches them."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST: Final = 1000
_PASSWORD_SIZE: Final = 16
_FIRST: Final = 0x1000_0000_0001_0000
_TICKS: Final = (2, 20)


class Holder(Protocol):
    """A connection that speaks for a session."""

    def dismiss(self) -> None:
        """End: the session is gone, or somebody else's."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """Who may come back with a password; `timeout` in milliseconds."""

    id: int
    password: bytes
    timeout: int
    holder: Holder | None
    timer: asyncio.TimerHandle | None = None


class Sessions:
    """All sessions, bounded: the oldest gives way. `forget` hears of each that ends."""

    def __init__(self, *, tick_time: int, forget: Callable[[int], None]) -> None:
        self._tick_time = tick_time
        self._forget = forget
        self._sessions: dict[int, Session] = {}
        self._next = _FIRST

    @property
    def ids(self) -> tuple[int, ...]:
        """The sessions there are."""
        return tuple(self._sessions)

    def open(self, *, timeout: int, holder: Holder) -> Session:
        """Begin a session."""
        if len(self._sessions) >= _MOST:
            self._expire(self._sessions[next(iter(self._sessions))])
        password = secrets.token_bytes(_PASSWORD_SIZE)
        session = Session(id=self._next, password=password, timeout=self._negotiated(timeout), holder=holder)
        self._next += 1
        self._sessions[session.id] = session
        self.touch(session)
        return session

    def resume(self, identity: int, password: bytes | None, *, timeout: int, holder: Holder) -> Session | None:
        """Go on with a session on another connection, which ends the one before; None if it has expired."""
        session = self._sessions.get(identity)
        if session is None or password is None or not secrets.compare_digest(password, session.password):
            return None
        if session.holder is not None:
            session.holder.dismiss()
        session.holder = holder
        session.timeout = self._negotiated(timeout)
        self.touch(session)
        return session

    def touch(self, session: Session) -> None:
        """Let a session live on for its timeout, if it still does."""
        if self._sessions.get(session.id) is session:
            _stop(session)
            loop = asyncio.get_running_loop()
            session.timer = loop.call_later(session.timeout / 1000, self._expire, session)

    def release(self, session: Session, holder: Holder) -> None:
        """Leave a session behind for somebody to resume."""
        if session.holder is holder:
            session.holder = None

    def end(self, session: Session) -> None:
        """End a session at its own wish."""
        _stop(session)
        if self._sessions.pop(session.id, None) is not None:
            self._forget(session.id)

    def close(self) -> None:
        """Stop all clocks."""
        for session in self._sessions.values():
            _stop(session)
        self._sessions.clear()

    def _expire(self, session: Session) -> None:
        self.end(session)
        if session.holder is not None:
            session.holder.dismiss()

    def _negotiated(self, timeout: int) -> int:
        shortest, longest = (self._tick_time * ticks for ticks in _TICKS)
        return min(max(timeout, shortest), longest)


def _stop(session: Session) -> None:
    if session.timer is not None:
        session.timer.cancel()
        session.timer = None
