"""Progress on standard error, for people who wait."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from mskaudit.gather.collect import Watch


class Bar:
    """A bar that grows with what is still to be looked at."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._steps = 0

    def expect(self, steps: int) -> None:
        """So many more looks are to come."""
        self._steps += steps
        self._progress.update(self._task, total=self._steps)

    def done(self, what: str) -> None:
        """One look is over."""
        self._progress.update(self._task, advance=1, what=what)


@contextmanager
def watching(label: str, *, wanted: bool) -> Iterator[Watch | None]:
    """A watcher that draws, if it is wanted and standard error is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[what]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, progress.add_task(label, total=None, what=""))
