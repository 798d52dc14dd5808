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
_OPEN_FILES: Final = ("/dev/stderr", "/dev/fd/", "/proc/self/fd/")


def plan(outputs: Sequence[Output], output: Path | None, *, quiet: bool) -> tuple[Output, ...]:
    """Which report goes where, checked before anything is looked at.

    Raises:
        UsageError: two reports for one place, or a file that cannot be written.
    """
    planned = list(outputs) or ([] if quiet and output is None else [Output("text", None)])
    if output is not None and not is_stdout(output):
        unplaced = [number for number, one in enumerate(planned) if one.path is None]
        if len(unplaced) != 1:
            raise UsageError("--output is for the one --format that names no file; write --format FORMAT:PATH instead")
        planned[unplaced[0]] = Output(planned[unplaced[0]].format, output)
    planned = [Output(kind, None if path is None or is_stdout(path) else path) for kind, path in planned]
    places = [path and path.resolve() for _, path in planned]
    for place in places:
        if places.count(place) > 1:
            raise UsageError(f"two reports for {place or 'standard output'}; write --format FORMAT:PATH for each")
    for _, path in planned:
        if path is not None:
            check_writable(path)
    return tuple(planned)


def is_stdout(path: Path) -> bool:
    """Whether a path is a way to write standard output."""
    return str(path) in {"-", "/dev/stdout"}


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the work is done.

    Raises:
        UsageError: its folder does not exist, or it or its folder may not be written.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: the folder {path.parent} does not exist")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{path} cannot be written: permission denied")
    if not _is_device(path):
        partial = _partial(path)
        try:
            partial.touch()
            partial.unlink()
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def write(planned: Sequence[Output], result: AuditResult, rules: Mapping[str, Rule], *, color: str) -> None:
    """Render and write every report: files first, so that nobody who stops reading keeps them from being written."""
    for kind, path in sorted(planned, key=lambda one: one.path is None):
        content = _render(kind, result, rules, color=_colored(color, to_file=path is not None))
        if path is None:
            say(content)
        else:
            store(path, content)


def say(content: bytes) -> None:
    """Write to standard output; a reader who has enough of it changes nothing about the rest of the run."""
    try:
        click.echo(content, nl=False, color=True)
    except BrokenPipeError:
        from mskaudit.cli import discard_output

        discard_output()


def store(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    if _is_device(path):
        return _pass_on(path, content)
    partial = _partial(path)
    try:
        partial.write_bytes(content)
        if path.exists():
            partial.chmod(path.stat().st_mode)
        partial.replace(path.resolve())
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _pass_on(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _is_device(path: Path) -> bool:
    """Whether a path can only be written, not replaced: a device, a pipe, or an open file such as /dev/fd/3."""
    return (path.exists() and not path.is_file()) or str(path).startswith(_OPEN_FILES)


def _partial(path: Path) -> Path:
    """Where a file is written before it takes its place; a link stays, and what it names is replaced."""
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


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
