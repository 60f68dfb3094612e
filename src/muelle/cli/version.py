"""`muelle version`."""

import platform

import click

from muelle import __version__
from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console


@click.command(cls=MuelleCommand)
@click.pass_obj
def version(console: Console) -> None:
    """Say which Muelle and which Python this is."""
    if console.is_json:
        console.json({"muelle": __version__, "python": platform.python_version()})
    else:
        click.echo(f"muelle {__version__} (Python {platform.python_version()})")
