"""The command line: parse, call, and map the outcome to an exit status."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

import click

from mskaudit import __version__
from mskaudit.errors import CannotLook, MskAuditError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

INTERNAL: Final = 70
INCOMPLETE: Final = 3
USAGE: Final = 2
INTERRUPTED: Final = 130

# Name, module and attribute of every command; a module is imported when its command is needed.
COMMANDS: Final = {
    "audit": ("mskaudit.cli.audit", "audit"),
    "gather": ("mskaudit.cli.audit", "gather"),
    "judge": ("mskaudit.cli.audit", "judge"),
    "rules": ("mskaudit.cli.rules", "rules"),
    "explain": ("mskaudit.cli.rules", "explain"),
    "prove": ("mskaudit.cli.prove", "prove"),
    "reference": ("mskaudit.cli.reference", "reference"),
    "completion": ("mskaudit.cli.completion", "completion"),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is named or listed, and whose readers may leave early."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context, after which `--help` and `--version` have been answered."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except OSError as error:
            _give_up(error)
            raise click.exceptions.Exit(0) from None

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns; click would end with 1, which here means a violated policy."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            _give_up(error)
            return 0
        return status

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of a first day with the tool."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 clean, 1 policy violated, 2 usage, 3 evidence incomplete, 4 nothing in scope, 70 a fault of "
    "mskaudit.",
)
@click.version_option(__version__, prog_name="mskaudit")
def cli() -> None:
    """Audit the security of Amazon MSK and Apache Kafka.

    Try `mskaudit audit reference:legacy-zookeeper`: an audit of a badly kept cluster that mskaudit brings along.
    """


def main() -> None:
    """Run the command line and end the process with its exit status."""
    with _Faults():
        _open_streams()
        sys.exit(_run())


def _open_streams() -> None:
    """Give every standard stream that the caller closed (`>&-`) somewhere to go, and every character a form."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  it lasts as long as we do
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _run() -> int:
    try:
        status = cli.main(prog_name="mskaudit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except CannotLook as error:
        _complain(str(error))
        return INCOMPLETE
    except MskAuditError as error:
        _complain(str(error))
        return USAGE
    return int(status or 0)


def _give_up(error: OSError) -> None:
    """Go on without standard output: whoever read it has enough of it, or it is full, which is told."""
    if error.errno not in {errno.EPIPE, errno.ENOSPC}:
        raise error
    discard_output()
    if error.errno == errno.ENOSPC:
        raise UsageError("standard output cannot be written: no space is left") from None


def discard_output() -> None:
    """Let what is still to go to standard output go nowhere, so that closing it does not fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(sentence: str) -> None:
    from mskaudit.render.words import visible

    click.echo(f"mskaudit: {visible(sentence)}", err=True)


class _Faults:
    """Turns an exception nobody foresaw into one sentence and status 70."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or not isinstance(error, Exception):
            return
        # The text of the exception may quote what was read, so only its kind and place are told.
        place = traceback.extract_tb(trace)[-1]
        where = f"{os.path.basename(place.filename)}:{place.lineno}"  # noqa: PTH119  importing pathlib for this would cost
        click.echo(
            f"mskaudit: a fault of mskaudit itself, {type(error).__name__} at {where}; please report it with the "
            "command that led here",
            err=True,
        )
        raise SystemExit(INTERNAL) from None
