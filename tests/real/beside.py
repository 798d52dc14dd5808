"""Something asynchronous that runs in a thread of its own, beside a test that waits for sockets."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

R = TypeVar("R")


@contextmanager
def beside(start: Callable[[], AbstractAsyncContextManager[R]]) -> Iterator[R]:
    """What `start` gives, running until the context ends; what it raises, at its start or later, is raised here."""
    running: list[R] = []
    faults: list[BaseException] = []
    started, over = threading.Event(), threading.Event()

    async def run() -> None:
        async with start() as what:
            running.append(what)
            started.set()
            await asyncio.to_thread(over.wait)

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as fault:  # noqa: BLE001  it is raised in the other thread
            faults.append(fault)
        finally:
            started.set()

    thread = threading.Thread(target=main, name="beside")
    thread.start()
    started.wait()
    try:
        if running:
            yield running[0]
    finally:
        over.set()
        thread.join()
    if faults:
        raise faults[0]
