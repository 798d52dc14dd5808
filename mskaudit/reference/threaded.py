"""A reference world for code that is not asynchronous: its event loop has a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mskaudit.errors import UsageError
from mskaudit.reference.handout import hand_out
from mskaudit.reference.worlds import parse_withhold, run, turned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mskaudit.reference.worlds import RunningWorld, World


class ReferenceCluster:
    """A running reference world: `running` is all of it, `described` what `cluster.json` says."""

    def __init__(self, running: RunningWorld, described: Mapping[str, Any], directory: Path) -> None:
        self.running = running
        self.described = described
        self.directory = directory

    @property
    def world(self) -> World:
        """The world as it was turned."""
        return self.running.world

    @property
    def aws_endpoint(self) -> str | None:
        """The URL at which its AWS answers, None in a world without."""
        return self.running.aws_endpoint

    def bootstrap(self, listener: str) -> str:
        """The addresses of a listener as `bootstrap.servers` takes them; UsageError if there is no such listener."""
        return ",".join(self.running.listener_addresses(listener))

    def properties(self, listener: str, user: str) -> Path:
        """The file with which a Java client logs in as a user; UsageError if that user cannot come in there."""
        listeners = {one["name"]: one["properties"] for one in self.described["listeners"]}
        if listener not in listeners:
            raise UsageError(f"there is no listener {listener!r}; there are {', '.join(listeners)}")
        if user not in listeners[listener]:
            raise UsageError(f"{user!r} cannot come in at {listener}; try {', '.join(listeners[listener])}")
        return Path(listeners[listener][user])


@contextmanager
def running(
    name: str, *, turn: Mapping[str, Any], withhold: tuple[str, ...], directory: Path | None
) -> Iterator[ReferenceCluster]:
    """A world that runs until the block ends; everything of it is closed then, and a fault of its own is raised."""
    world = turned(name, turn)
    withheld = parse_withhold(withhold)
    with TemporaryDirectory(prefix="mskaudit-") as temporary:
        thread = _Loop()
        try:
            context = run(world, withheld, endpoint=True)
            live = thread.do(context.__aenter__())
            try:
                place = directory or Path(temporary)
                yield ReferenceCluster(live, hand_out(live, name, place), place)
            finally:
                thread.do(context.__aexit__(None, None, None))
        finally:
            thread.stop()


class _Loop:
    """An event loop that runs in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reference world", daemon=True)
        self._thread.start()

    def do(self, step: Any) -> Any:
        """The result of a coroutine, run over there."""
        return asyncio.run_coroutine_threadsafe(step, self._loop).result()

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
