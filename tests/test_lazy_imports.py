"""What a start of the command may not import: it would cost more than the whole answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HEAVY: Final = {"boto3", "botocore", "OpenSSL", "policyuniverse", "jinja2", "rich"}
PROGRAM: Final = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from mskaudit.cli import main
main()
"""
SHAPES: Final = Path(__file__).parents[1] / "fixtures" / "aws"


def imported(*arguments: str | Path) -> set[str]:
    """The packages that a run of the command imports."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, check=False)  # noqa: S603
    assert done.stdout
    return {module.partition(".")[0] for module in json.loads(done.stderr.splitlines()[-1])}


@pytest.fixture(scope="module")
def dossier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dossier of three clusters."""
    path = tmp_path_factory.mktemp("lazy") / "dossier.json"
    program: list[str | Path] = [
        sys.executable,
        "-m",
        "mskaudit",
        "gather",
        SHAPES / "list-clusters-v2.json",
        "-o",
        path,
    ]
    subprocess.run(program, check=True)  # noqa: S603
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["audit", "--help"],
        ["rules", "list"],
        ["explain", "public-access"],
        ["audit", SHAPES / "list-clusters-v2.json"],
        ["audit", SHAPES / "list-clusters-v2.json", "--format", "json"],
        ["gather", SHAPES / "list-clusters-v2.json"],
    ],
    ids=lambda arguments: " ".join(Path(argument).name for argument in arguments),
)
def test_a_start_imports_no_heavy_library(arguments: list[str | Path]) -> None:
    assert imported(*arguments) & HEAVY == set()


def test_an_audit_of_a_dossier_imports_no_heavy_library(dossier: Path) -> None:
    assert imported("audit", dossier) & HEAVY == set()
    assert imported("judge", dossier, "--format", "json") & HEAVY == set()


def test_help_imports_not_even_the_engine() -> None:
    assert imported("--help") & {"yaml", "asyncio", "cryptography"} == set()
