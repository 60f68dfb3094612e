"""`muelle executions`: the first name of `muelle runs`, for what ran."""

from typing import Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console
from muelle.cli.runs import export_runs, filtered, list_runs, show


@click.group(cls=MuelleGroup)
def executions() -> None:
    """List, show and export what ran: the first name of 'muelle runs'."""


executions.add_command(list_runs)
executions.add_command(show)


@executions.command()
@filtered
@click.option("--operations", "whole", is_flag=True, help="With the operations and the timeline of each.")
@click.option("--output", metavar="FILE", help="Where to; else standard output.")
@click.pass_obj
def export(console: Console, /, output: str | None, *, whole: bool, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Write executions as JSON, one a line, the newest first."""
    export_runs(console, output, given, whole=whole)
