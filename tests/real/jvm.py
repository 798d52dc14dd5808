"""Processes of Java that are always stopped: also after a failed test, an interrupt, or the death of this process.

A JVM runs in a process group of its own below a shell that waits for the end of its standard input, which the
kernel brings about whenever this process ends. Class-data archives make starts two seconds shorter; each is made by the
first process of its kind.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tests.real.maven import CACHE, Profile, RealError, class_path, java_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEAN: Final = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Djava.awt.headless=true",
    "-XX:-UsePerfData",
    "-Xlog:cds=off",
)
_START: Final = 60.0
_STOP: Final = 10.0
_ARCHIVING: Final = 60.0
_PAUSE: Final = 0.02
_TAIL: Final = 60
_NOISE: Final = re.compile(r"class\.path|classpath|^\t[a-z.]+ = |^$")
_GUARD: Final = """
exec 3<&0
"$@" </dev/null & java=$!
echo $java >"$PID_FILE"
(cat <&3 >/dev/null; kill -TERM $java; sleep 5; kill -KILL $java) 2>/dev/null &
wait $java
"""


class Launch(Struct, frozen=True, kw_only=True):
    """One Java program: `name` names its logs in `directory`; `heap_mb` bounds its heap in MiB.

    `jars` come before the class path of the profile.
    """

    name: str
    profile: Profile
    main: str
    arguments: tuple[str, ...] = ()
    directory: Path
    options: tuple[str, ...] = ()
    heap_mb: int = 128
    jars: tuple[Path, ...] = ()

    @property
    def class_path(self) -> str:
        """All of the class path."""
        return os.pathsep.join((*map(str, self.jars), class_path(self.profile)))

    @property
    def output(self) -> Path:
        """Where standard output and error go."""
        return self.directory / f"{self.name}.out"

    @property
    def log(self) -> Path:
        """Where the program's logging goes."""
        return self.directory / f"{self.name}.log"

    @property
    def archive(self) -> Path:
        """The class-data archive of this program: bound to the class path and the very Java."""
        key = f"{self.class_path} {self.main} {java_version()}"
        return CACHE / "archives" / f"{self.profile}-{sha256(key.encode()).hexdigest()[:12]}.jsa"


class Running:
    """A JVM that runs; `archiving` if it writes its class-data archive when it ends."""

    def __init__(self, launch: Launch, *, archiving: bool) -> None:
        self.launch = launch
        self._archiving = archiving
        self._pid_file = launch.directory / f"{launch.name}.pid"
        with launch.output.open("a") as output:
            self._guard = subprocess.Popen(  # noqa: S603  a command of our own
                ["/bin/sh", "-c", _GUARD, "guard", *_command(launch, archiving=archiving)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=launch.directory,
                env={**os.environ, "PID_FILE": str(self._pid_file)},
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._guard.poll() is not None

    @property
    def pid(self) -> int:
        """The number of the Java process itself; only once it is there."""
        return int(self._pid_file.read_text())

    def resident_mib(self) -> int | None:
        """The memory it holds, in MiB; None where the system does not tell."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return None
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) // 1024 if found else None

    def await_ready(self, ready: Callable[[], bool]) -> float:
        """Ask until it is ready, and return the seconds that took; RealError if it ends or takes too long."""
        began = time.monotonic()
        while not ready():
            if self.ended:
                raise RealError(f"{self.launch.name} ended while starting\n{tail(self.launch)}")
            if time.monotonic() - began > _START:
                raise RealError(f"{self.launch.name} was not ready after {_START:.0f} s\n{tail(self.launch)}")
            time.sleep(_PAUSE)
        return time.monotonic() - began

    def wait(self, seconds: float) -> int:
        """Wait for its end and return its exit status; RealError if it takes longer."""
        try:
            return self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            raise RealError(f"{self.launch.name} had not ended after {seconds:.0f} s\n{tail(self.launch)}") from None

    def stop(self) -> None:
        """End it and everything it started: asked to first, made to in the end."""
        try:
            self._signal_java()
            with suppress(subprocess.TimeoutExpired):
                self._guard.wait(_ARCHIVING if self._archiving else _STOP)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
            if self._guard.stdin is not None:
                self._guard.stdin.close()

    def _signal_java(self) -> None:
        while not self.ended and not (self._pid_file.exists() and self._pid_file.read_text().strip()):
            time.sleep(_PAUSE)
        if not self.ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)


RUNNING: Final[list[Running]] = []
"""What runs now, for the logs of a failed test."""


@contextmanager
def started(launch: Launch) -> Iterator[Running]:
    """A JVM that runs until the context ends."""
    launch.directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        draft = stack.enter_context(_archiving(launch))
        running = Running(launch, archiving=draft)
        RUNNING.append(running)
        try:
            yield running
        finally:
            RUNNING.remove(running)
            running.stop()


@contextmanager
def _archiving(launch: Launch) -> Iterator[bool]:
    """Whether this process is to make the archive: there is none, and nobody else is making it."""
    archive = launch.archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        claim = None if archive.exists() else os.open(archive.with_suffix(".claim"), os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        claim = None
    try:
        yield claim is not None
        if claim is not None and _draft(launch).exists():
            _draft(launch).rename(archive)
    finally:
        if claim is not None:
            os.close(claim)
            archive.with_suffix(".claim").unlink()


def run(launch: Launch, *, seconds: float = 60.0) -> str:
    """Run a program to its end and return what it printed; RealError unless it ended well."""
    with started(launch) as running:
        status = running.wait(seconds)
    if status:
        raise RealError(f"{launch.name} ended with status {status}\n{tail(launch)}")
    return launch.output.read_text()


def tail(launch: Launch) -> str:
    """The last lines of both logs, without the endless class path."""
    lines = []
    for file in (launch.output, launch.log):
        if file.exists():
            kept = [line for line in file.read_text(errors="replace").splitlines() if not _NOISE.search(line)]
            lines += [f"--- {file.name}", *kept[-_TAIL:]]
    return "\n".join(lines)


def shown(launch: Launch) -> str:
    """The command that started it, for the curious."""
    return shlex.join(_command(launch, archiving=False))


def _draft(launch: Launch) -> Path:
    return launch.archive.with_suffix(".draft")


def _command(launch: Launch, *, archiving: bool) -> list[str]:
    archive = []
    if archiving:
        archive = [f"-XX:ArchiveClassesAtExit={_draft(launch)}"]
    elif launch.archive.exists():
        archive = [f"-XX:SharedArchiveFile={launch.archive}"]
    logging = [
        f"-Dlogfile={launch.log}",
        f"-Dlog4j.configuration=file:{Path(__file__).with_name('log4j.properties')}",
        f"-Dlog4j2.configurationFile=file:{Path(__file__).with_name('log4j2.properties')}",
    ]
    heap = f"-Xmx{launch.heap_mb}m"
    place = ["-cp", launch.class_path]
    return ["java", heap, *_LEAN, *archive, *logging, *launch.options, *place, launch.main, *launch.arguments]
