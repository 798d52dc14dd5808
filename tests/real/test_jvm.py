"""No JVM outlives the process that started it, however that ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.real.jvm import RUNNING, Launch, run
from tests.real.keepers import keeper
from tests.real.maven import CHECKOUT, Profile, RealError

_PATIENCE: Final = 30
_CHILD: Final = """
import sys
from tests.real.keepers import keeper
with keeper() as running:
    print(running.process.pid, flush=True)
    sys.stdin.read()
"""


def _await_end(pid: int) -> bool:
    """Whether a process, which need not be a child, ends soon."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], _PATIENCE)[0])
    finally:
        os.close(watched)


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda blow: blow.name)
def test_it_ends_with_its_starter(blow: signal.Signals) -> None:
    command = [sys.executable, "-c", _CHILD]
    with subprocess.Popen(  # noqa: S603  our own program
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        starter.send_signal(blow)
        assert _await_end(pid)
        starter.wait(_PATIENCE)


def test_it_ends_with_its_context() -> None:
    def fail() -> None:
        with keeper() as running:
            pids.append(running.process.pid)
            raise LookupError

    pids: list[int] = []
    with pytest.raises(LookupError):
        fail()
    assert not Path(f"/proc/{pids[0]}").exists()
    assert not RUNNING


def test_what_ends_badly_says_why(tmp_path: Path) -> None:
    launch = Launch(name="none", profile=Profile.ZK39, main="no.such.Program", directory=tmp_path)
    with pytest.raises(RealError, match=r"ended with status 1[\s\S]*ClassNotFoundException"):
        run(launch)
