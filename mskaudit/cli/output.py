"""Where reports go: standard output holds one at most, files take any."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

import click

from mskaudit.cli.options import Output
from mskaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mskaudit.engine.rule import Rule
    from mskaudit.model.verdicts import AuditResult

NARROWEST: Final = 40


def plan(outputs: Sequence[Output], output: Path | None, *, quiet: bool) -> tuple[Output, ...]:
    """Which report goes where, checked before anything is looked at.

    Raises:
        UsageError: two reports for one place, or a file that cannot be written.
    """
    planned = list(outputs) or ([] if quiet and output is None else [Output("text", None)])
    if output is not None:
        unplaced = [number for number, one in enumerate(planned) if one.path is None]
        if len(unplaced) != 1:
            raise UsageError("--output is for the one --format that names no file; write --format FORMAT:PATH instead")
        planned[unplaced[0]] = Output(planned[unplaced[0]].format, output)
    places = [one.path for one in planned]
    for place in places:
        if places.count(place) > 1:
            raise UsageError(f"two reports for {place or 'standard output'}; write --format FORMAT:PATH for each")
        if place is not None:
            check_writable(place)
    return tuple(planned)


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the work is done.

    Raises:
        UsageError: its folder does not exist, or it or its folder may not be written.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: the folder {path.parent} does not exist")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path} cannot be written: permission denied")


def write(planned: Sequence[Output], result: AuditResult, rules: Mapping[str, Rule], *, color: str) -> None:
    """Render and write every report."""
    for kind, path in planned:
        content = _render(kind, result, rules, color=_colored(color, to_file=path is not None))
        if path is None:
            click.echo(content, nl=False, color=True)
        else:
            store(path, content)


def store(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # a device or a pipe, which cannot be replaced
            return
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _render(kind: str, result: AuditResult, rules: Mapping[str, Rule], *, color: bool) -> bytes:
    if kind == "json":
        from mskaudit.render import json

        return json.render(result)
    if kind == "html":
        from mskaudit.render import html

        return html.render(result, rules)
    from mskaudit.render import text

    width = max(NARROWEST, shutil.get_terminal_size((100, 24)).columns)
    return text.render(result, rules, width=width, color=color).encode()


def _colored(color: str, *, to_file: bool) -> bool:
    if color != "auto":
        return color == "always"
    return not to_file and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
