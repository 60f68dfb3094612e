"""`muelle runs`: what ran, what goes on, and what may be done to it."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names, run_ids
from muelle.cli.console import Console
from muelle.cli.listing import paged, within
from muelle.cli.purging import purge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from muelle.app import App
    from muelle.engine import RunFilter, RunRecord, Submitted
    from muelle.identity import Principal
    from muelle.workflows import Format, Outcome
    from muelle.workflows.runs import Verb

STATUSES = (
    *("queued", "running", "waiting", "paused", "success"),
    *("partial_success", "error", "cancelled", "dead"),
)
FORMATS = ("full", "summary", "minimal")
_COLUMNS = ("execution_id", "workflow_id", "status", "timestamp", "total_duration_ms", "summary")
_TIMELINE = ("timestamp", "event", "operation_id", "duration_ms", "outcome", "wait_ms")
_WAITS = ("operation_id", "kind", "subject", "expires_at")
_PROGRESS_EVERY = 100  # runs
the_run = click.argument("run", metavar="ID", shell_complete=run_ids)


@click.group(cls=MuelleGroup)
def runs() -> None:
    """List, show, follow and change runs."""


runs.add_command(purge)


def filtered(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    """Give a command what narrows a list of runs."""
    status = click.option("--status", type=click.Choice(STATUSES), help="How it stands, or ended.")
    agent = click.option("--agent", metavar="AGENT", shell_complete=agent_names, help="Who ran it: name or id.")
    workflow = click.option("--workflow", metavar="ID", help="Which workflow.")
    kind = click.option("--kind", metavar="NAME", help="'workflow', or the name of a pack's job.")
    cause = click.option("--cause", metavar="TEXT", help="What started it, such as schedule:ID or rerun:ID.")
    return status(agent(workflow(kind(cause(within(command))))))


@runs.command("list")
@filtered
@paged
@click.pass_obj
def list_runs(console: Console, /, limit: int, cursor: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """List runs, the newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> dict[str, Any]:
        return await app.executions.page(owner, await where(app, owner, given), limit, cursor)

    page = act(console, action)
    console.listing("executions", page["executions"], _COLUMNS, page["next_cursor"])


@runs.command()
@the_run
@click.pass_obj
def show(console: Console, run: str) -> None:
    """Show a run: its operations with their outputs, its timeline, and what it waits for."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    shown = act(console, lambda app, owner: app.executions.show(owner, run))
    if console.is_json:
        console.json(shown)
        return
    timeline, waits = shown.pop("timeline"), shown.pop("waits", ())
    outputs = {step["operation_id"]: step.get("result", step.get("error")) for step in shown.pop("operations")}
    console.item(shown)
    click.echo()
    console.listing("events", timeline, _TIMELINE)
    if waits:
        click.echo()
        console.listing("waits", waits, _WAITS)
    click.echo()
    console.item(outputs)


@runs.command()
@the_run
@click.option("--wait", type=click.FloatRange(0), default=0.0, help="Wait so many seconds for it to end.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="full", help="How much the answer tells.")
@click.pass_obj
def result(console: Console, run: str, wait: float, form: "Format") -> int:
    """Print the answer of a run, as 'muelle run' does.

    Ends with 0 if it succeeded, and with 1 if it failed in whole or in part, or has not ended.
    """
    from muelle.cli.run import show_outcome  # noqa: PLC0415 - few commands need it
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.core import RunId  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "tuple[Outcome | None, RunRecord]":
        outcome = await app.runs.result(owner, RunId(run), wait)
        return outcome, await app.runs.find(owner, run)

    outcome, record = act(console, action)
    if outcome is None:
        _tell_standing(console, record)
        return 1
    show_outcome(console, outcome, form)
    return 0 if outcome.status == "success" else 1


def _tell_standing(console: Console, record: "RunRecord") -> None:
    if console.is_json:
        console.json({"execution_id": record.run, "status": record.status})
    else:
        console.note(f"{record.run} has not ended: it is {record.status}.")


@runs.command()
@the_run
@click.pass_obj
def watch(console: Console, run: str) -> int:
    """Follow a run until it ends: a tree of its operations on a terminal, else a line for each event.

    Ends with 0 if the run succeeded. Ctrl-C ends the watching, not the run.
    """
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.watching import watched  # noqa: PLC0415 - as above

    status = act(console, lambda app, owner: watched(console, app, owner, run))
    return 0 if status == "success" else 1


def _changed(console: Console, run: str, verb: "Verb") -> None:
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> dict[str, Any]:
        from muelle.workflows.history import entry_of  # noqa: PLC0415 - loaded by now

        record = await app.runs.change(owner, run, verb)
        await note_idle(console, app)
        return entry_of(record)

    console.item(act(console, action))


@runs.command()
@the_run
@click.pass_obj
def cancel(console: Console, run: str) -> None:
    """End a run; operations with 'compensate' are undone, the last first."""
    _changed(console, run, "cancel")


@runs.command()
@the_run
@click.pass_obj
def pause(console: Console, run: str) -> None:
    """Let a run come to a step's end, and stop there."""
    _changed(console, run, "pause")


@runs.command()
@the_run
@click.pass_obj
def resume(console: Console, run: str) -> None:
    """Have a paused run go on."""
    _changed(console, run, "resume")


@runs.command()
@the_run
@click.pass_obj
def replay(console: Console, run: str) -> None:
    """Have a run go on that was given up as dead."""
    _changed(console, run, "replay")


@runs.command()
@the_run
@click.argument("priority", type=click.IntRange(1, 5))
@click.pass_obj
def prioritise(console: Console, run: str, priority: int) -> None:
    """Give a run that waits its turn another priority, 1 (first) to 5."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> dict[str, Any]:
        from muelle.workflows.history import entry_of  # noqa: PLC0415 - loaded by now

        return entry_of(await app.runs.prioritise(owner, run, priority))

    console.item(act(console, action))


@runs.command()
@the_run
@click.option("--from", "origin", metavar="OPERATION", help="From this operation on; what came before is kept.")
@click.option("--input", "pairs", multiple=True, metavar="K=V", help="An input, in place of the first run's.")
@click.option("--inputs", metavar="FILE", help="A file with a JSON object of inputs, in place of the first run's.")
@click.option("--priority", type=click.IntRange(1, 5), default=3, help="1 goes first, 5 last.")
@click.pass_obj
def rerun(
    console: Console, run: str, origin: str | None, pairs: tuple[str, ...], inputs: str | None, priority: int
) -> None:
    """Run a document again as a new run, and print its id."""
    from muelle.cli.arguments import read_inputs  # noqa: PLC0415 - few commands need it
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    given = read_inputs(inputs, pairs) if pairs or inputs else None

    async def action(app: "App", owner: "Principal") -> "Submitted":
        from muelle.workflows.runs import Wishes  # noqa: PLC0415 - loaded by now

        submitted = await app.runs.rerun(owner, run, origin, Wishes(priority=priority), inputs=given)
        await note_idle(console, app)
        return submitted

    tell_submitted(console, act(console, action))


def tell_submitted(console: Console, submitted: "Submitted") -> None:
    """Print the id of a run that was handed in."""
    if console.is_json:
        console.json({"execution_id": submitted.run, "is_new": submitted.is_new})
    else:
        click.echo(submitted.run)


async def note_idle(console: Console, app: "App") -> None:
    """Tell somebody who is there if nobody will take a run up."""
    if console.is_attended and not console.is_json and not (await app.engine.queue.depths())[1]:
        console.note("No worker is there: 'muelle up' or 'muelle worker' takes it up.")


@runs.command()
@filtered
@click.option("--operations/--no-operations", "whole", default=True, help="With the operations and the timeline.")
@click.option("--output", metavar="FILE", help="Where to; else standard output.")
@click.pass_obj
def export(console: Console, /, output: str | None, *, whole: bool, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Write runs as JSON, one a line, the newest first."""
    export_runs(console, output, given, whole=whole)


def export_runs(console: Console, output: str | None, given: dict[str, Any], *, whole: bool) -> None:
    """Write runs as JSON lines, and say on stderr how far that has come."""
    from muelle.cli.exporting import export_lines  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> None:
        items = _exported(app, owner, await where(app, owner, given), whole=whole)
        await export_lines(console, output, _counted(console, items))

    act(console, action)


async def _exported(
    app: "App", owner: "Principal", wanted: "RunFilter", *, whole: bool
) -> "AsyncIterator[dict[str, Any]]":
    from muelle.cli.listing import PAGE  # noqa: PLC0415 - loaded by now

    cursor: str | None = None
    while True:
        page = await app.executions.page(owner, wanted, PAGE, cursor)
        for entry in page["executions"]:
            yield await app.executions.show(owner, entry["execution_id"]) if whole else entry
        cursor = page["next_cursor"]
        if cursor is None:
            return


async def _counted(console: Console, items: "AsyncIterator[dict[str, Any]]") -> "AsyncIterator[dict[str, Any]]":
    is_shown = console.is_attended and not console.is_json
    count = 0
    async for item in items:
        yield item
        count += 1
        if is_shown and count % _PROGRESS_EVERY == 0:
            click.echo(f"\r{count} runs", nl=False, err=True)
    if is_shown and count >= _PROGRESS_EVERY:
        click.echo("\r\x1b[K", nl=False, err=True)


async def where(app: "App", owner: "Principal", given: dict[str, Any]) -> "RunFilter":
    """Return which runs the options of a command name."""
    from muelle.cli.moments import ago  # noqa: PLC0415 - loaded by now
    from muelle.cli.session import principal_id  # noqa: PLC0415 - as above
    from muelle.engine import RunFilter  # noqa: PLC0415 - as above

    return RunFilter(
        status=given["status"],
        principal=await principal_id(app, owner, given["agent"]),
        workflow=given["workflow"],
        kind=given["kind"],
        cause=given["cause"],
        since=ago(given["since"], app.clock.now()),
        until=ago(given["until"], app.clock.now()),
    )
