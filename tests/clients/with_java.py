"""Apache Kafka's own clients, in one JVM for all, with the properties that a reference cluster hands out."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from mskaudit.wire.codes import ErrorCode
from tests.clients.visits import COMPLETE, PATIENCE, Outcome, Refused, Verb
from tests.real.maven import Profile, class_path

if TYPE_CHECKING:
    from tests.clients.visits import Deed, Visit

_SOURCE: Final = Path(__file__).with_name("Client.java")
_OPTIONS: Final = (
    "-Xmx256m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    f"-Dlog4j.configuration=file:{Path(__file__).with_name('log4j.properties')}",
)
_END: Final = 10.0


class Java:
    """The adapter, and a context manager: the JVM ends with it, and with the process that started it."""

    def __enter__(self) -> Self:
        """Start it; the first answer comes once its source is compiled."""
        self._asking = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603  the Java that everything here is run with
            ["java", *_OPTIONS, "-cp", class_path(Profile.IAM), str(_SOURCE)],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        assert self._process.stdin is not None  # it was started with pipes
        assert self._process.stdout is not None
        self._process.stdin.close()  # it ends with its input
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def do(self, visit: Visit, deed: Deed) -> Outcome:
        """Go in, do it, leave nothing open, and tell."""
        told = {
            "properties": str(visit.properties),
            "overrides": visit.overrides,
            "system": visit.system,
            "patience": PATIENCE,
            "complete": COMPLETE,
            **deed._asdict(),
        }
        answer = self._ask(told)
        assert "fault" not in answer, answer
        return Outcome(
            refused=Refused(answer["refused"]) if "refused" in answer else None,
            error=ErrorCode(answer["error"]) if "error" in answer else None,
            seen=_looked(answer["seen"]) if deed.verb is Verb.LOOK and "seen" in answer else answer.get("seen"),
            says=answer["says"] if "says" in answer else "",
        )

    def _ask(self, told: dict[str, Any]) -> dict[str, Any]:
        """Ask one thing at a time: system properties are those of the whole JVM."""
        with self._asking:
            assert self._process.stdin is not None  # as above
            assert self._process.stdout is not None
            self._process.stdin.write(msgspec.json.encode(told).decode() + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"Java ended with status {self._process.wait()}"
        answer: dict[str, Any] = msgspec.json.decode(line)
        return answer


def _looked(seen: dict[str, Any]) -> dict[str, Any]:
    """What was seen, with the ids of brokers as numbers again."""
    return seen | {"brokers": {int(number): address for number, address in seen["brokers"].items()}}
