"""`mskaudit completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print the completion script of a shell.

    \b
    bash: eval "$(mskaudit completion bash)"
    zsh:  eval "$(mskaudit completion zsh)"
    fish: mskaudit completion fish | source
    """
    from click.shell_completion import get_completion_class

    from mskaudit.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "mskaudit", "_MSKAUDIT_COMPLETE").source())
