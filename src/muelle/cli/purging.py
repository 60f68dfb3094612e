"""`muelle runs purge`: removing what ended long ago."""

from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal


@click.command(cls=MuelleCommand)
@click.option("--older-than", "age", required=True, metavar="SPAN", help="Those that ended longer ago: 12h, 30d, 52w.")
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow, or of this job.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def purge(console: Console, age: str, workflow: str | None, *, yes: bool) -> None:
    """Remove runs that ended longer ago than a span, with all that they left: steps, outputs, answers.

    What is older than the setting engine.retention_days is removed without this.
    """
    from muelle.cli.job_options import seconds_of  # noqa: PLC0415 - few commands need it
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    seconds = seconds_of(age, "--older-than")
    which = f"runs of '{workflow}'" if workflow else "runs"
    console.confirm(f"Remove all {which} that ended more than {age} ago?", is_sure=yes)

    async def action(app: "App", owner: "Principal") -> int:
        from muelle.rooms import jobs_of  # noqa: PLC0415 - loaded by now

        return await jobs_of(app).purge(owner, seconds, workflow)

    removed = act(console, action)
    if console.is_json:
        console.json({"removed": removed})
    else:
        console.note(f"Removed {removed} runs.")
