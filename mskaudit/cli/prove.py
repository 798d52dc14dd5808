"""`mskaudit prove`: the toolkit's own evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mskaudit.prove import Outcome


@click.command()
@click.argument("identifiers", metavar="[ID]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--no-progress", is_flag=True, help="Show no progress on standard error.")
def prove(identifiers: tuple[str, ...], form: str, *, no_progress: bool) -> int:
    """Run every proof of the rules on reference worlds; exit with 1 when one differs.

    With IDs, only the proofs of these rules; the other rules are still watched for verdicts that change.
    """
    from mskaudit.cli.progress import watching
    from mskaudit.engine.corpus import load
    from mskaudit.prove import look, states
    from mskaudit.prove import prove as run

    corpus = load()
    with watching("proving", wanted=not no_progress) as watch:
        seen = look(states(corpus.select(only=identifiers)), watch=watch)
    outcomes = list(run(corpus, seen, only=identifiers))
    if form == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(outcomes), indent=2))
    else:
        _table(outcomes)
    differing = sum(one.complaint is not None for one in outcomes)
    click.echo(f"{len(outcomes)} proofs in {len(seen)} states, {differing} differ", err=True)
    return 1 if differing else 0


def _table(outcomes: Sequence[Outcome]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("rule", "world", "turn", "withheld", "expected", "got"):
        table.add_column(name, overflow="fold")
    for one in outcomes:
        turn = "\n".join(f"{path} = {value}" for path, value in one.turn.items())
        got = Text(str(one.got), style="red" if one.complaint else "green")
        if one.complaint:
            got.append(f"\n{one.complaint}")
        table.add_row(one.rule, one.world, Text(turn), "\n".join(one.withhold), one.expected, got)
    Console().print(table)
