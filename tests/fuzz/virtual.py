"""Time that passes only when nothing else can: waits of days cost nothing, and a wait for nothing is found at once."""

from __future__ import annotations

import asyncio
import math
import selectors
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_GRACE = 0.003
_LAST_GRACE = 2.0
_WORK = 20.0
_AGAIN = 1.0
# So much that it does not vanish beside the seconds of all the waits of a campaign.
_TICK = 1e-5
_OWN_SOCKETS = 1


class HangError(KeyboardInterrupt):
    """Nothing will ever happen again, or far too much does; as a kind of interrupt asyncio keeps it from nobody."""


class _Selector(selectors.DefaultSelector):
    """Waits a moment for sockets, and lets the clock go on instead of waiting longer."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if len(self.get_map()) > _OWN_SOCKETS:
            ready = super().select(_LAST_GRACE if timeout is None else _GRACE)
        if ready:
            return ready
        if timeout is None:
            raise HangError("everybody waits, and nothing is due")
        self.loop.skip(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while there is something to do; `faults` is what nobody caught."""

    def __init__(self) -> None:
        self._clock = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self.faults: list[BaseException] = []
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._clock

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self._clock += seconds + _TICK
        # What is due now is done now: asyncio's own resolution vanishes beside a late hour, and it would wait for ever.
        self._clock_resolution = math.ulp(self._clock)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Do it at once: a thread would work while time passes."""
        del executor
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except OSError as error:
            done.set_exception(error)
        return done

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        found = context.get("exception")
        self.faults.append(found if isinstance(found, BaseException) else RuntimeError(context["message"]))


@contextmanager
def bounded_work() -> Iterator[None]:
    """Raise HangError in what takes 20 s of the processor, again and again; how busy the machine is does not matter."""
    before = signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, _WORK, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def rearm() -> None:
    """Begin to count the work anew."""
    signal.setitimer(signal.ITIMER_VIRTUAL, _WORK, _AGAIN)


def _too_long(_: int, _frame: FrameType | None) -> None:
    raise HangError(f"one case takes more than {_WORK:g} s of work")
