"""What goes to which stream and file, whoever reads it and however."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Cli

ESCAPE = b"\x1b"
BOLD = b"\x1b[1m"


class Shown(NamedTuple):
    """How a run on a terminal ended, and what it showed."""

    status: int
    screen: bytes


@pytest.fixture
def terminal(cli: Cli) -> Callable[..., Shown]:
    """Runs the command with a terminal of 100 columns on all of its streams."""

    def run(*arguments: str | Path, **environment: str) -> Shown:
        ours, theirs = pty.openpty()
        with subprocess.Popen(  # noqa: S603
            [cli.command, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=cli.surroundings({"TERM": "xterm-256color", "COLUMNS": "100"} | environment),
            cwd=cli.home,
        ) as running:
            os.close(theirs)
            screen = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        assert b"Traceback" not in screen
        return Shown(running.returncode, screen)

    return run


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other side has closed it
        return b""


def test_a_terminal_shows_progress_and_colour(terminal: Callable[..., Shown]) -> None:
    shown = terminal("audit", "reference:hardened")
    assert shown.status == 0
    assert b"looking" in shown.screen
    assert BOLD + b"mskaudit" in shown.screen
    assert b"Clean: exit status 0" in shown.screen
    assert b"\x1b[?25h" in shown.screen, "the cursor comes back"


def test_proving_shows_progress_too(terminal: Callable[..., Shown]) -> None:
    shown = terminal("prove", "public-access")
    assert shown.status == 0
    assert b"proving" in shown.screen


@pytest.mark.parametrize("arguments", [("--no-progress",), ("--quiet", "--format", "text")], ids=str)
def test_progress_can_be_turned_off(terminal: Callable[..., Shown], arguments: tuple[str, ...], legacy: Path) -> None:
    shown = terminal("audit", legacy, *arguments)
    assert shown.status == 1
    assert b"looking" not in shown.screen
    assert BOLD in shown.screen


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"NO_COLOR": ""}, True),
        ((), {"TERM": "dumb"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "always"), {"TERM": "dumb"}, True),
    ],
    ids=str,
)
def test_colour_on_a_terminal_is_as_asked(
    terminal: Callable[..., Shown],
    legacy: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    colored: bool,  # noqa: FBT001
) -> None:
    assert (ESCAPE in terminal("judge", legacy, *arguments, **environment).screen) is colored


def test_colour_in_a_pipe_is_there_only_when_demanded(cli: Cli, legacy: Path) -> None:
    plain = cli("judge", legacy)
    assert ESCAPE not in plain.out
    assert BOLD in cli("judge", legacy, "--color", "always").out
    assert cli("judge", legacy, "--color", "never").out == plain.out
    assert ESCAPE not in cli("judge", legacy, "--output", "report.txt").out
    assert (cli.home / "report.txt").read_bytes() == plain.out


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_text_report_keeps_to_the_width_of_the_terminal(cli: Cli, legacy: Path, columns: int) -> None:
    ran = cli("judge", legacy, environment={"COLUMNS": str(columns)})
    commands = ("aws ", "--", "|", "'")
    wide = [line for line in ran.text.splitlines() if len(line) > columns]
    assert [line for line in wide if not line.strip().startswith(commands)] == []


def test_a_pipe_gets_the_report_alone(cli: Cli, legacy: Path) -> None:
    ran = cli("judge", legacy)
    assert ran.err == ""
    assert ran.text.startswith("mskaudit ")
    ran = cli("audit", "reference:legacy-zookeeper", "--format", "json")
    assert ran.report["summary"]["exit_status"] == ran.status == 1
    assert ran.err.startswith("mskaudit: exit status 1: ")
    assert ran.err.count("\n") == 1


def test_quiet_says_nothing_that_was_not_asked_for(cli: Cli, legacy: Path) -> None:
    assert cli("judge", legacy, "--quiet") == (1, b"", "")
    assert cli("judge", legacy, "-q", "-o", "report.txt") == (1, b"", "")
    assert (cli.home / "report.txt").read_text().startswith("mskaudit ")
    loud, quiet = (cli("judge", legacy, "--format", "json", *more) for more in ([], ["--quiet"]))
    assert quiet == (1, loud.out, "")


def test_several_formats_go_to_their_files_and_one_to_standard_output(cli: Cli, legacy: Path) -> None:
    ran = cli("judge", legacy, "--format", "json", "--format", "html:a.html", "--format", "text:a.txt")
    assert ran.status == ran.report["summary"]["exit_status"] == 1
    assert (cli.home / "a.html").read_text().startswith("<!doctype html>")
    assert "Policy violated" in (cli.home / "a.txt").read_text()
    only = cli("judge", legacy, "--format", "json:a.json")
    assert only.out == b""
    assert (cli.home / "a.json").read_bytes() == ran.out


def test_output_names_the_file_of_the_one_format_without(cli: Cli, legacy: Path) -> None:
    ran = cli("judge", legacy, "--format", "html:a.html", "--format", "json", "--output", "a.json")
    assert ran.out == b""
    assert json.loads((cli.home / "a.json").read_bytes())["summary"]["exit_status"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "json", "--format", "text"],
        ["--format", "json", "--format", "text:-"],
        ["--format", "json:/dev/stdout", "--format", "text"],
        ["--format", "json:a", "--format", "text:a"],
        ["--format", "json:a", "--format", "text:./a"],
        ["--format", "json:a", "--format", "text:link"],
        ["--format", "json:a", "--format", "text", "--output", "a"],
        ["--format", "json", "--format", "text", "--output", "a"],
        ["--format", "json:a", "--output", "b"],
    ],
    ids=" ".join,
)
def test_two_reports_for_one_place_are_refused(cli: Cli, legacy: Path, arguments: list[str]) -> None:
    (cli.home / "link").symlink_to("a")
    ran = cli("judge", legacy, *arguments)
    assert (ran.status, ran.out) == (2, b"")
    assert "write --format FORMAT:PATH" in ran.err
    assert [path.name for path in cli.home.iterdir()] == ["link"]


@pytest.fixture
def stdout_link() -> Iterator[str]:
    """What /dev/stdout names; put back should a test replace it, which root may."""
    link = Path("/dev/stdout")
    names = os.readlink(link)  # noqa: PTH115  as text
    yield names
    if not link.is_symlink():
        link.unlink()
        link.symlink_to(names)


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_can_be_named(cli: Cli, legacy: Path, name: str, stdout_link: str) -> None:
    expected = cli("judge", legacy, "--format", "json").out
    assert cli("judge", legacy, "--format", f"json:{name}").out == expected
    assert cli("judge", legacy, "--format", "json", "--output", name).out == expected
    assert cli("gather", legacy, "--output", name).out == cli("gather", legacy).out
    ran = cli.shell(f"echo before >shown; $M judge {legacy} --format json:{name} >>shown; cat shown")
    assert ran.out == b"before\n" + expected
    assert str(Path("/dev/stdout").readlink()) == stdout_link, "what it names is written, not replaced"
    assert not (cli.home / "-").exists()


def test_an_open_file_can_be_named(cli: Cli, legacy: Path) -> None:
    ran = cli.shell(f"$M judge {legacy} -q --format json:/dev/fd/3 3>shown >/dev/null; cat shown")
    assert ran.out == cli("judge", legacy, "--format", "json").out
    assert cli.shell(f"$M judge {legacy} -q --format json:/dev/fd/3 3>&1 | cat").out == ran.out


def test_a_named_pipe_is_written_and_stays(cli: Cli, legacy: Path) -> None:
    ran = cli.shell(
        f"mkfifo pipe; cat pipe >shown & $M judge {legacy} -q --format json:pipe; wait; test -p pipe && cat shown"
    )
    assert ran.report["summary"]["exit_status"] == 1


def test_a_file_is_replaced_whole_and_keeps_its_mode_and_its_link(cli: Cli, legacy: Path) -> None:
    kept = cli.home / "kept"
    kept.mkdir()
    (kept / "a.json").write_text("old")
    (kept / "a.json").chmod(0o600)
    (cli.home / "a.json").symlink_to("kept/a.json")
    with (kept / "a.json").open() as reader:
        assert cli("judge", legacy, "-q", "--format", "json", "-o", "a.json").status == 1
        assert reader.read() == "old", "who reads the old file keeps it"
    assert (cli.home / "a.json").is_symlink()
    assert json.loads((kept / "a.json").read_bytes())["summary"]["exit_status"] == 1
    assert (kept / "a.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.iterdir()] == ["a.json"]


def test_a_file_that_fills_the_device_is_told(cli: Cli, legacy: Path) -> None:
    for ran in (
        cli("judge", legacy, "--format", "json:/dev/full"),
        cli.shell(f"$M judge {legacy} >/dev/full"),
        cli.shell("$M rules list >/dev/full"),
        cli.shell("$M --help >/dev/full"),
    ):
        assert ran.status == 2
        assert "cannot be written" in ran.err


def test_a_reader_who_leaves_changes_neither_status_nor_files(cli: Cli, legacy: Path) -> None:
    ran = cli.shell(f"($M judge {legacy} -q --format json --format html:a.html; echo $? >status) | true; cat status")
    assert ran.err == ""
    assert ran.out == b"1\n"
    assert (cli.home / "a.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    "command", ["--help", "--version", "audit --help", "rules list", "explain public-access", "completion bash"]
)
def test_a_reader_who_leaves_is_no_failure(cli: Cli, command: str) -> None:
    ran = cli.shell(f"(sleep 0.1; $M {command}; echo $? >status) | true; cat status")
    assert (ran.out, ran.err) == (b"0\n", "")


def test_closed_streams_are_no_fault(cli: Cli, legacy: Path) -> None:
    assert cli.shell(f"$M judge {legacy} >&-")[:2] == (1, b"")
    assert cli.shell(f"$M judge {legacy} -q --format json 2>&-").report["summary"]["exit_status"] == 1
    assert cli.shell("$M judge - <&-").status == 2
    assert cli.shell("$M audit nowhere.json <&- >&- 2>&-") == (2, b"", "")


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=str,
)
def test_any_locale_will_do(cli: Cli, fixtures: Path, environment: dict[str, str]) -> None:
    path = cli.home / "straße.json"
    path.write_bytes(
        (fixtures / "serverless.json").read_bytes().replace(b'ClusterName": "', b'ClusterName": "\xc3\xa9')
    )
    assert cli("audit", path, environment=environment).status == 0
    assert cli("audit", path, "--format", "json", environment=environment).report["summary"]["exit_status"] == 0
    assert cli("audit", "größe.json", environment=environment).status == 2
    assert cli("audit", "--help", environment=environment).status == 0
    shown = cli("rules", "new", "own", "x", "--rules", "größe", environment=environment)
    assert shown.status == 0


def test_a_file_name_may_have_any_bytes(cli: Cli, fixtures: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[31m.json")
    (cli.home / name).write_bytes((fixtures / "serverless.json").read_bytes())
    ran = cli("audit", name, "--format", "json")
    assert ran.status == 0
    assert ESCAPE not in ran.out
    assert ESCAPE not in cli("audit", name).out
    assert "\x1b" not in cli("judge", name).err
    assert "\x1b" not in cli("audit", f"no{name}").err
