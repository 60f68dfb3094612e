"""`muelle completion`: what a shell needs to complete commands."""

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

_HOW = {
    "bash": 'eval "$(muelle completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(muelle completion zsh)"   # in ~/.zshrc, after compinit',
    "fish": "muelle completion fish | source   # in ~/.config/fish/config.fish",
}


@click.command(cls=MuelleCommand)
@click.argument("shell", type=click.Choice(tuple(_HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands, operations, agents, APIs and credentials."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    console: Console = context.obj
    kind = get_completion_class(shell)
    if kind is None:  # click knows every shell of the choice
        raise click.UsageError(f"There is no completion for {shell}.")
    script = kind(context.find_root().command, {}, "muelle", "_MUELLE_COMPLETE").source()
    if console.is_json:
        console.json({"shell": shell, "script": script})
        return
    if console.is_terminal:
        console.note(f"# {_HOW[shell]}")
    click.echo(script)
