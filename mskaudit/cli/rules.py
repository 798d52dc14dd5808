"""`mskaudit rules` and `mskaudit explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mskaudit import __version__
from mskaudit.cli.options import own_rules

if TYPE_CHECKING:
    from mskaudit.engine.rule import Rule


@click.group()
def rules() -> None:
    """List, show, check and begin rules."""


@rules.command("list")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the list."
)
@own_rules
def list_rules(form: str, folders: tuple[Path, ...]) -> None:
    """List every rule."""
    from mskaudit.engine.corpus import load

    listed = [one.rule for one in load(*folders)]
    if form == "json":
        import msgspec

        content = msgspec.json.encode([_entry(rule) for rule in listed])
        click.echo(msgspec.json.format(content, indent=2))
        return
    width = max(len(rule.id) for rule in listed)
    for rule in listed:
        click.echo(f"{rule.id:<{width}}  {rule.text.severity:<13}  {rule.category:<14}  {rule.text.title}")


def _entry(rule: Rule) -> dict[str, Any]:
    from mskaudit.model.verdicts import Verdict

    expected = [proof.expect for proof in rule.text.verify]
    return {
        "id": rule.id,
        "category": rule.category,
        "title": rule.text.title,
        "severity": rule.text.severity,
        "subject": rule.text.subject,
        "controls": rule.text.controls,
        "proofs": {verdict.value: expected.count(verdict) for verdict in Verdict if verdict in expected},
    }


@rules.command()
@click.argument("identifier", metavar="ID")
@own_rules
def show(identifier: str, folders: tuple[Path, ...]) -> None:
    """Show the file of a rule."""
    from mskaudit.engine.corpus import load

    click.echo(Path(load(*folders).find(identifier).file).read_bytes(), nl=False)


@rules.command()
@own_rules
def lint(folders: tuple[Path, ...]) -> int:
    """Check every rule file; exit with 1 when there is something to mend."""
    from mskaudit import resources
    from mskaudit.engine.lint import lint as check
    from mskaudit.reference.worlds import names

    problems = check((resources.folder("rules"), *folders), worlds=names())
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(problems)} to mend" if problems else "every rule is sound", err=True)
    return 1 if problems else 0


@rules.command()
@click.argument("category")
@click.argument("slug")
@click.option(
    "--rules",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of rules to add to (default: this checkout's).",
)
def new(category: str, slug: str, folder: Path | None) -> None:
    """Begin a rule: one file that lints, to be changed into a real one."""
    from mskaudit import resources
    from mskaudit.engine.corpus import SLUG, rule_files
    from mskaudit.engine.lint import scaffold
    from mskaudit.errors import UsageError

    for word in (category, slug):
        if not SLUG.fullmatch(word):
            raise UsageError(f"{word!r} is no name for a rule; use lower-case words joined by hyphens")
    home = resources.folder("rules")
    if folder is None and home.parent.name == "_data":
        raise UsageError("this mskaudit is installed, not a checkout; name your own folder with --rules DIR")
    ours = {path.stem: path for path in rule_files(home)}
    if slug in ours:
        raise UsageError(f"the rule {slug} is already in {ours[slug]}; give yours another name")
    try:
        click.echo(scaffold(folder or home, category=category, slug=slug, version=__version__))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None


@click.command(short_help="Explain a rule.")
@click.argument("identifier", metavar="ID")
@own_rules
def explain(identifier: str, folders: tuple[Path, ...]) -> None:
    """Explain a rule: what it finds, why it matters, how to mend it, and how it is proven."""
    import shutil

    from mskaudit.engine.corpus import load
    from mskaudit.render.explain import render

    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    click.echo(render(load(*folders).find(identifier), width=width), nl=False)
