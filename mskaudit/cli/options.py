"""Options that several commands share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS: Final = ("text", "json", "html")
SEVERITIES: Final = ("critical", "high", "medium", "low", "informational")


class Output(NamedTuple):
    """One report to write: the format, and the file (None: standard output)."""

    format: str
    path: Path | None


class OutputType(click.ParamType[Output]):
    """`FORMAT` or `FORMAT:PATH`."""

    name = "format[:path]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        """The text as an output."""
        if isinstance(value, Output):
            return value
        kind, colon, path = str(value).partition(":")
        if kind not in FORMATS:
            self.fail(f"{kind!r} is not a format; there are {', '.join(FORMATS)}", param, ctx)
        if colon and not path:
            self.fail(f"{value!r} names no file after the colon", param, ctx)
        return Output(kind, Path(path) if path else None)


class DayType(click.ParamType[str]):
    """A date as YYYY-MM-DD, kept as text."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, if it is a date."""
        day = str(value)
        try:
            as_written = date.fromisoformat(day).isoformat() == day
        except ValueError:
            as_written = False
        if not as_written:
            self.fail(f"{day!r} is not a date like 2026-11-23", param, ctx)
        return day


def combined(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one, in the order that `--help` shows."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


looking = combined(
    click.option("--probe", is_flag=True, help="Also connect to the brokers of clusters found through AWS."),
    click.option("--offline", is_flag=True, help="Open no connection at all."),
    # boto3 reads AWS_DEFAULT_REGION alone; the AWS command line reads this as well.
    click.option("--region", metavar="REGION", envvar="AWS_REGION", help="AWS region, instead of the configured one."),
    click.option("--profile", metavar="NAME", help="AWS profile, instead of the configured one."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0.1, max=300),
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="Seconds for one connection to a broker.",
    ),
    click.option("--no-progress", is_flag=True, help="Show no progress on standard error."),
)

own_rules = click.option(
    "--rules",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of your own rules besides ours (repeatable).",
)

choosing = combined(
    click.option("--rule", "only", multiple=True, metavar="ID", help="Only this rule (repeatable)."),
    click.option("--skip-rule", "skip", multiple=True, metavar="ID", help="Not this rule (repeatable)."),
    own_rules,
    click.option("--min-severity", type=click.Choice(SEVERITIES), help="Only rules of this severity or graver."),
)

judging = combined(
    click.option(
        "--fail-on",
        type=click.Choice(SEVERITIES),
        default="high",
        show_default=True,
        help="Exit with 1 when a finding of this severity or graver fails.",
    ),
    click.option(
        "--on-incomplete",
        type=click.Choice(["fail", "warn"]),
        default="fail",
        show_default=True,
        help="Whether evidence that could not be had ends with 3.",
    ),
    click.option("--as-of", type=DayType(), metavar="DATE", help="Judge as on this day (default: when gathered)."),
)

reporting = combined(
    click.option(
        "--format",
        "outputs",
        multiple=True,
        type=OutputType(),
        metavar="FORMAT[:PATH]",
        help="text, json or html, to a file or standard output (repeatable; default: text).",
    ),
    click.option(
        "--output", "-o", type=click.Path(path_type=Path), metavar="PATH", help="File for the format that names none."
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Colour in text; auto heeds NO_COLOR and whether it is a terminal.",
    ),
    click.option(
        "--quiet", "-q", is_flag=True, help="No progress and no notes; no report unless --format asks for it."
    ),
)
