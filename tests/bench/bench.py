"""Measures the speed goals as whole processes, side by side in one run; `make bench` prints the table.

Times are medians; `ratio` is against the bare interpreter of the same run, which travels better than seconds do.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
RUNS = 7
CLUSTERS = 1000
START_GOAL = 0.150
_OWN = re.compile(r"cluster/orders/[0-9a-f]{8}-")


class Case(NamedTuple):
    """One command line and what it should not exceed: seconds and MiB, where there is a goal."""

    label: str
    arguments: Sequence[str]
    seconds: float | None
    mebibytes: float | None = None


class Measure(NamedTuple):
    """Median seconds and the peak of resident memory in MiB."""

    seconds: float
    mebibytes: float


def measure(arguments: Sequence[str]) -> Measure:
    """Run a command a few times and wait for each."""
    seconds, peaks = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        child = os.posix_spawn(
            arguments[0],
            list(arguments),
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)],
        )
        _, _, usage = os.wait4(child, 0)
        seconds.append(time.perf_counter() - start)
        peaks.append(usage.ru_maxrss / 1024)
    return Measure(statistics.median(seconds), max(peaks))


def cluster(number: int) -> dict[str, Any]:
    """One cluster as `aws kafka list-clusters-v2` prints it, every fifth with another fault."""
    world = json.loads((ROOT / "fixtures" / "aws" / "provisioned-zookeeper.json").read_text())
    shape: dict[str, Any] = world["ClusterInfo"]
    shape["ClusterName"] = f"bench-{number}"
    shape["ClusterArn"] = f"arn:aws:kafka:eu-west-1:123456789012:cluster/bench-{number}/{number:08x}-1"
    if number % 5 == 0:
        shape["Provisioned"]["EncryptionInfo"]["EncryptionInTransit"]["ClientBroker"] = "TLS_PLAINTEXT"
    return shape


def probed() -> bytes:
    """A dossier of many clusters with everything that AWS and nine listeners of each say: one world, renamed."""
    from mskaudit.model import dossier
    from mskaudit.prove import State, look

    state = State("hardened", "{}", ())
    document = json.loads(dossier.store(look([state])[state]))
    one = json.dumps(document["subjects"])
    names = [f"cluster/bench-{number}/{number:08x}-" for number in range(CLUSTERS)]
    document["subjects"] = [subject for name in names for subject in json.loads(_OWN.sub(name, one))]
    document["targets"][0]["clusters"] = CLUSTERS
    return json.dumps(document).encode()


def cases(folder: Path) -> Iterator[Case]:
    """Every goal, with the files it needs written to a folder."""
    tool = str(Path(sys.executable).with_name("mskaudit"))
    few, many, saved = folder / "clusters.json", folder / "many.json", folder / "dossier.json"
    full = folder / "probed.json"
    # In a process of its own: a child's peak memory begins with that of its parent.
    write = f"import pathlib; from tests.bench.bench import probed; pathlib.Path({str(full)!r}).write_bytes(probed())"
    subprocess.run([sys.executable, "-c", write], check=True, cwd=ROOT)  # noqa: S603  our own code
    few.write_text(json.dumps({"ClusterInfoList": [cluster(number) for number in range(5)]}))
    many.write_text(json.dumps({"ClusterInfoList": [cluster(number) for number in range(CLUSTERS)]}))
    yield Case("python -c pass", [sys.executable, "-c", "pass"], None)
    yield Case("mskaudit --help", [tool, "--help"], 0.150)
    yield Case("mskaudit audit clusters.json (5 clusters)", [tool, "audit", str(few)], 0.400)
    yield Case("mskaudit gather many.json (1,000 clusters)", [tool, "gather", str(many), "-o", str(saved)], 1.5)
    for form, goal in (("text", 1.5), ("json", 1.5), ("html", None)):
        label = f"mskaudit judge dossier.json --format {form} (1,000 clusters)"
        yield Case(label, [tool, "judge", str(saved), "--format", form], goal, 250)
    for form in ("text", "json"):
        label = f"mskaudit judge probed.json --format {form} (9,000 listeners)"
        yield Case(label, [tool, "judge", str(full), "--format", form], 1.5, 250)


STARTING = """
import asyncio, sys, time
from mskaudit.reference.broker import serve
from mskaudit.reference.worlds import load

async def start() -> float:
    brokers = load("self-managed").brokers
    begun = time.perf_counter()
    async with serve(brokers):
        return time.perf_counter() - begun

sys.stdout.write(str(asyncio.run(start())))
"""


def started() -> float:
    """Median seconds in which three brokers with fresh certificates are up, in processes that have their imports."""
    runs = (
        subprocess.run([sys.executable, "-c", STARTING], check=True, capture_output=True)  # noqa: S603  our own code
        for _ in range(RUNS)
    )
    return statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    """Print the table; a goal that is missed is marked, never an error: times depend on the machine."""
    base = None
    print(f"{'what':<62} {'median s':>9} {'ratio':>6} {'goal s':>7} {'peak MiB':>9} {'goal':>5}")
    with tempfile.TemporaryDirectory() as name:
        for case in cases(Path(name)):
            took = measure(case.arguments)
            base = base or took.seconds
            late = " late" if case.seconds and took.seconds > case.seconds else ""
            due = f"{case.seconds:.2f}" if case.seconds else ""
            large = " large" if case.mebibytes and took.mebibytes > case.mebibytes else ""
            goal = f"{case.mebibytes:.0f}" if case.mebibytes else ""
            print(
                f"{case.label:<62} {took.seconds:>9.3f} {took.seconds / base:>6.1f} {due:>7} "
                f"{took.mebibytes:>9.1f} {goal:>5}{late}{large}"
            )
    up = started()
    late = " late" if up > START_GOAL else ""
    print(f"{'three brokers of self-managed, after imports':<62} {up:>9.3f} {'':>6} {START_GOAL:>7.2f}{late}")


if __name__ == "__main__":
    main()
