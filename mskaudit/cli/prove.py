"""`mskaudit prove`: the toolkit's own evidence."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

from mskaudit.cli.options import own_rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mskaudit.prove import Outcome


# Nobody looks at a file or a pipe through a window.
_UNBOUNDED: Final = 160
_WIDE: Final = 120


@click.command(short_help="Run every proof of the rules on reference worlds.")
@click.argument("identifiers", metavar="[ID]...", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the table.",
)
@own_rules
@click.option("--no-progress", is_flag=True, help="Show no progress on standard error.")
def prove(identifiers: tuple[str, ...], form: str, folders: tuple[Path, ...], *, no_progress: bool) -> int:
    """Run every proof of the rules on reference worlds; exit with 1 when one differs.

    With IDs, only the proofs of these rules; the other rules are still watched for verdicts that change.
    """
    from mskaudit.cli.output import say
    from mskaudit.cli.progress import watching
    from mskaudit.engine.corpus import load
    from mskaudit.prove import look, states
    from mskaudit.prove import prove as run

    corpus = load(*folders)
    with watching("proving", wanted=not no_progress) as watch:
        seen = look(states(corpus.select(only=identifiers)), watch=watch)
    outcomes = list(run(corpus, seen, only=identifiers))
    if form == "json":
        import msgspec

        say(msgspec.json.format(msgspec.json.encode(outcomes), indent=2) + b"\n")
    else:
        say(_table(outcomes).encode())
    differing = sum(one.complaint is not None for one in outcomes)
    click.echo(f"{len(outcomes)} proofs in {len(seen)} states, {differing} differ", err=True)
    return 1 if differing else 0


def _table(outcomes: Sequence[Outcome]) -> str:
    """A row per proof; on a narrow terminal under a heading per rule, so that names stay whole."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from mskaudit.render.words import spoken

    console = Console(width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _UNBOUNDED)
    narrow = console.width < _WIDE
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("rule / world" if narrow else "rule", *(() if narrow else ("world",)), "turn", "withheld"):
        table.add_column(name, overflow="fold", no_wrap=name not in {"turn", "withheld"})
    for name in ("expected", "got"):
        table.add_column(name, no_wrap=name == "expected", overflow="fold", min_width=len("not-applicable"))
    rule = ""
    for one in outcomes:
        if narrow and one.rule != rule:
            table.add_row(Text(one.rule, style="bold"))
        rule = one.rule
        turn = "\n".join(f"{_brief(path)} = {spoken(value)}" for path, value in one.turn.items())
        got = Text(str(one.got), style="red" if one.complaint else "green")
        if one.complaint:
            got.append(f"\n{one.complaint}")
        names = (f"  {one.world}",) if narrow else (one.rule, one.world)
        table.add_row(*names, Text(turn), "\n".join(one.withhold), one.expected, got)
    with console.capture() as captured:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines() if line.strip())


def _brief(path: str) -> str:
    """The end of a turn's path, which tells it apart well enough; the JSON has all of it."""
    return ".".join(path.split(".")[-2:])
