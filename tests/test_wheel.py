"""The wheel, installed away from the checkout: everything it needs travels with it."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).parents[1]


class Installed(NamedTuple):
    """The wheel, and the environment it is installed in."""

    wheel: Path
    bin: Path
    run: Callable[..., subprocess.CompletedProcess[str]]


def _pip(*words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fresh environment with the wheel; its dependencies are those installed here, the checkout is out of reach."""
    home = tmp_path_factory.mktemp("wheel")
    _pip("wheel", CHECKOUT, "--no-deps", "--wheel-dir", home / "dist")
    (wheel,) = (home / "dist").glob("*.whl")
    venv.create(home / "venv")
    python = home / "venv" / "bin" / "python"
    _pip("--python", python, "install", "--no-deps", wheel)
    (packages,) = (home / "venv" / "lib").glob("python*/site-packages")
    # A path file in a path that a path file adds is not read, so that our own editable install stays behind.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            words,
            capture_output=True,
            text=True,
            cwd=home,
            env={"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"},
            check=False,
        )

    return Installed(wheel, python.parent, run)


def test_the_wheel_holds_the_rules_the_reports_and_the_worlds_of_the_checkout(installed: Installed) -> None:
    with ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if name.startswith("mskaudit/_data/")}
        stray = {name for name in wheel.namelist() if not name.startswith("mskaudit")}
    expected = {
        f"mskaudit/_data/{path.relative_to(CHECKOUT).as_posix()}"
        for folder in ("rules", "reports", "fixtures/releases", "fixtures/worlds")
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(CHECKOUT).parts)
    }
    assert held == expected
    assert stray == set(), "neither tests nor documentation are installed"


def test_the_installed_package_reads_its_own_folders(installed: Installed) -> None:
    program = (
        "import mskaudit; from mskaudit.resources import folder; "
        "print(mskaudit.__file__, *map(folder, ('rules', 'reports', 'fixtures/worlds')), sep='\\n')"
    )
    package, *folders = installed.run(installed.bin / "python", "-c", program).stdout.splitlines()
    data = Path(package).parent / "_data"
    assert data.is_relative_to(installed.bin.parent)
    assert folders == [str(data / name) for name in ("rules", "reports", "fixtures/worlds")]
    assert str(CHECKOUT) not in package


def test_the_installed_command_audits_a_reference_world(installed: Installed) -> None:
    report = ["--format", "text", "--format", "html:report.html"]
    ran = installed.run(installed.bin / "mskaudit", "audit", "reference:legacy-zookeeper", *report)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "Policy violated: exit status 1" in ran.stdout
    html = (installed.bin.parents[1] / "report.html").read_text()
    assert "<style" in html
    assert "plaintext-listener" in html


def test_the_installed_command_lists_the_same_rules(installed: Installed) -> None:
    here = installed.run(Path(sys.executable).with_name("mskaudit"), "rules", "list")
    there = installed.run(installed.bin / "mskaudit", "rules", "list")
    assert there.returncode == 0
    assert there.stdout == here.stdout
    assert installed.run(installed.bin / "mskaudit", "rules", "lint").returncode == 0


def test_the_installed_command_begins_rules_in_a_folder_of_the_user_only(installed: Installed) -> None:
    ran = installed.run(installed.bin / "mskaudit", "rules", "new", "own", "x")
    assert ran.returncode == 2
    assert "--rules DIR" in ran.stderr
    assert installed.run(installed.bin / "mskaudit", "rules", "new", "own", "x", "--rules", "mine").returncode == 0
