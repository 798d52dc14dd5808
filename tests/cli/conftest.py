"""The installed command, run as a user runs it: a process of its own with nothing of ours in its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_RUN = 60
NOTHING: Mapping[str, str] = MappingProxyType({})


class Ran(NamedTuple):
    """How a run ended, and what it wrote."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()

    @property
    def report(self) -> dict[str, Any]:
        """Standard output as the JSON report, which must be all there is."""
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def by_rule(self) -> dict[tuple[str, str], str]:
        """The verdicts of the JSON report by rule and subject."""
        return {(one["rule"], one["subject"]["id"]): one["verdict"] for one in self.report["findings"]}


class Cli:
    """Runs the command in an environment that holds what is given here and no AWS at all."""

    command = str(Path(sys.executable).with_name("mskaudit"))

    def __init__(self, home: Path) -> None:
        self.home = home

    def surroundings(self, more: Mapping[str, str] = NOTHING) -> dict[str, str]:
        """What the process sees."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **more,
        }

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] = NOTHING) -> Ran:
        """Run to the end."""
        return self.execute(self.command, *arguments, stdin=stdin, environment=environment)

    def python(self, program: str, *arguments: str | Path, environment: Mapping[str, str] = NOTHING) -> Ran:
        """Run a program in the interpreter that the command uses."""
        return self.execute(sys.executable, "-c", program, *arguments, environment=environment)

    def shell(self, script: str, environment: Mapping[str, str] = NOTHING) -> Ran:
        """Run a line of bash, in which `$M` is the command."""
        return self.execute("bash", "-c", script, environment={"M": self.command, **environment})

    def execute(self, *words: str | Path, stdin: bytes = b"", environment: Mapping[str, str] = NOTHING) -> Ran:
        """Run any program to the end; it never leaves a traceback."""
        done = subprocess.run(  # noqa: S603
            words,
            input=stdin,
            capture_output=True,
            env=self.surroundings(environment),
            cwd=self.home,
            timeout=LONGEST_RUN,
            check=False,
        )
        error = done.stderr.decode(errors="surrogateescape")
        assert "Traceback" not in error, error
        return Ran(done.returncode, done.stdout, error)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command, in a home of its own."""
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The answers of AWS that are kept in this repository."""
    return Path(__file__).parents[2] / "fixtures" / "aws"


@pytest.fixture(scope="session")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The dossier of a reference world, gathered once."""
    home = tmp_path_factory.mktemp("gathered")
    run = Cli(home)

    def gather(world: str) -> Path:
        path = home / f"{world}.json"
        if not path.exists():
            ran = run("gather", f"reference:{world}", "-o", path)
            assert (ran.status, ran.out) == (0, b""), ran.err
        return path

    return gather


@pytest.fixture
def legacy(gathered: Callable[[str], Path]) -> Path:
    """The dossier of the badly kept world."""
    return gathered("legacy-zookeeper")


@pytest.fixture
def hardened(gathered: Callable[[str], Path]) -> Path:
    """The dossier of the world in which nothing is wrong."""
    return gathered("hardened")
