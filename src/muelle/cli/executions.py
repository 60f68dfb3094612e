"""`muelle executions`: what ran."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console
from muelle.cli.listing import PAGE, paged, within

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.engine import RunFilter
    from muelle.identity import Principal

_COLUMNS = ("execution_id", "workflow_id", "status", "timestamp", "total_duration_ms", "summary")
_STATUS = ("running", "success", "partial_success", "error")
_TIMELINE = ("timestamp", "event", "operation_id", "duration_ms")


@click.group(cls=MuelleGroup)
def executions() -> None:
    """List, show and export what ran."""


def _filtered(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    status = click.option("--status", type=click.Choice(_STATUS), help="How it ended.")
    agent = click.option("--agent", metavar="AGENT", shell_complete=agent_names, help="Who ran it: name or id.")
    workflow = click.option("--workflow", metavar="ID", help="Which workflow.")
    return status(agent(workflow(within(command))))


@executions.command("list")
@_filtered
@paged
@click.pass_obj
def list_executions(console: Console, /, limit: int, cursor: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """List executions, the newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> dict[str, Any]:
        return await app.executions.page(owner, await _where(app, owner, given), limit, cursor)

    page = act(console, action)
    console.listing("executions", page["executions"], _COLUMNS, page["next_cursor"])


@executions.command()
@click.argument("execution", metavar="ID")
@click.pass_obj
def show(console: Console, execution: str) -> None:
    """Show an execution: its operations with their outputs, and its timeline."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    shown = act(console, lambda app, owner: app.executions.show(owner, execution))
    if console.is_json:
        console.json(shown)
        return
    timeline = shown.pop("timeline")
    outputs = {step["operation_id"]: step.get("result", step.get("error")) for step in shown.pop("operations")}
    console.item(shown)
    click.echo()
    console.listing("events", timeline, _TIMELINE)
    click.echo()
    console.item(outputs)


@executions.command()
@_filtered
@click.option("--operations", "whole", is_flag=True, help="With the operations and the timeline of each.")
@click.option("--output", metavar="FILE", help="Where to; else standard output.")
@click.pass_obj
def export(console: Console, /, output: str | None, *, whole: bool, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Write executions as JSON, one a line, the newest first."""
    from muelle.cli.exporting import export_lines  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> None:
        where = await _where(app, owner, given)
        await export_lines(console, output, _exported(app, owner, where, whole=whole))

    act(console, action)


async def _exported(
    app: "App", owner: "Principal", where: "RunFilter", *, whole: bool
) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = await app.executions.page(owner, where, PAGE, cursor)
        for entry in page["executions"]:
            yield await app.executions.show(owner, entry["execution_id"]) if whole else entry
        cursor = page["next_cursor"]
        if cursor is None:
            return


async def _where(app: "App", owner: "Principal", given: dict[str, Any]) -> "RunFilter":
    from muelle.cli.moments import ago  # noqa: PLC0415 - loaded by now
    from muelle.cli.session import principal_id  # noqa: PLC0415 - as above
    from muelle.engine import RunFilter  # noqa: PLC0415 - as above

    return RunFilter(
        status=given["status"],
        principal=await principal_id(app, owner, given["agent"]),
        workflow=given["workflow"],
        since=ago(given["since"], app.clock.now()),
        until=ago(given["until"], app.clock.now()),
    )
