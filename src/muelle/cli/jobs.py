"""`muelle jobs`: what packs do in the background, handed in, looked at and changed; the queue; the dead."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import job_kinds, run_ids
from muelle.cli.console import Console
from muelle.cli.job_options import as_agent, handed
from muelle.cli.listing import paged, within
from muelle.cli.runs import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muelle.app import App
    from muelle.engine import RunPage, RunRecord, Submitted
    from muelle.engine.job_doors.service import QueueLook, Verb
    from muelle.identity import Principal

_COLUMNS = ("execution_id", "kind", "status", "submitted_at", "duration_ms", "problem")
_KINDS = ("name", "summary", "queue", "priority", "attempts")
_DEPTHS = ("queue", "state", "jobs", "age_seconds")
_WORKERS = ("worker", "name", "queues", "places", "held", "lease_left_seconds")
the_job = click.argument("job", metavar="ID", shell_complete=run_ids)
the_jobs = click.argument("jobs", metavar="ID...", nargs=-1, required=True, shell_complete=run_ids)
the_kind = click.argument("kind", metavar="KIND", shell_complete=job_kinds)


@click.group(cls=MuelleGroup)
def jobs() -> None:
    """Have packs do work in the background: hand jobs in, look at them, change them."""


@jobs.command()
@as_agent
@click.pass_obj
def kinds(console: Console, agent: str | None) -> None:
    """List which jobs there are; with --json also what each is handed."""
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> list[Any]:
        from muelle.engine.job_doors.shapes import kind_shape  # noqa: PLC0415 - loaded by now
        from muelle.rooms import jobs_of  # noqa: PLC0415 - as above

        return [kind_shape(kind) for kind in jobs_of(app).kinds(await acting_as(app, owner, agent))]

    console.listing("kinds", act(console, action), _KINDS)


@jobs.command()
@the_kind
@handed
@click.option("--at", metavar="TIME", help="Not before this time; ISO 8601, or a span as 30m or 2h.")
@as_agent
@click.pass_obj
def submit(console: Console, /, kind: str, at: str | None, agent: str | None, **given: Any) -> None:  # noqa: ANN401 - click's
    """Hand a job in for a worker to do, and print its id."""
    from muelle.cli.job_options import order_of, payload_of  # noqa: PLC0415 - as below
    from muelle.cli.runs import note_idle, tell_submitted  # noqa: PLC0415 - as below
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    payload = payload_of(given)

    async def action(app: "App", owner: "Principal") -> "Submitted":
        from muelle.rooms import jobs_of  # noqa: PLC0415 - loaded by now

        actor, order = await acting_as(app, owner, agent), order_of(given, app.clock.now(), at)
        submitted = await jobs_of(app).submit(actor, kind, payload, order)
        await note_idle(console, app)
        return submitted

    tell_submitted(console, act(console, action))


@jobs.command()
@the_kind
@handed
@as_agent
@click.pass_obj
def run(console: Console, /, kind: str, agent: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Do a job now, in this process, and print what it returns as JSON.

    Ends with 1 if it failed. What Ctrl-C interrupts, a worker takes up; 'muelle jobs cancel' ends it.
    """
    from muelle.cli.job_options import order_of, payload_of  # noqa: PLC0415 - as below
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    payload = payload_of(given)

    async def action(app: "App", owner: "Principal") -> Any:  # noqa: ANN401 - JSON
        from muelle.rooms import jobs_of  # noqa: PLC0415 - loaded by now

        actor = await acting_as(app, owner, agent)
        return await jobs_of(app).run(actor, kind, payload, order_of(given, app.clock.now()))

    console.json(act(console, action))


@jobs.command("list")
@click.option("--kind", metavar="KIND", shell_complete=job_kinds, help="Only this kind.")
@click.option("--status", type=click.Choice(STATUSES), help="How it stands, or ended.")
@click.option("--agent", "named", metavar="AGENT", help="Who handed it in: name or id.")
@within
@paged
@click.pass_obj
def list_jobs(console: Console, /, limit: int, cursor: str | None, named: str | None, **given: Any) -> None:  # noqa: ANN401 - click's
    """List jobs, the newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> "RunPage":
        from muelle.cli.moments import ago  # noqa: PLC0415 - loaded by now
        from muelle.cli.session import principal_id  # noqa: PLC0415 - as above
        from muelle.engine import RunFilter  # noqa: PLC0415 - as above
        from muelle.rooms import jobs_of  # noqa: PLC0415 - as above

        now = app.clock.now()
        where = RunFilter(
            kind=given["kind"],
            status=given["status"],
            principal=await principal_id(app, owner, named),
            since=ago(given["since"], now),
            until=ago(given["until"], now),
        )
        return await jobs_of(app).page(owner, where, limit, cursor)

    _tell_page(console, act(console, action))


@jobs.command()
@the_job
@click.pass_obj
def show(console: Console, job: str) -> None:
    """Show a job: how it stands, what it was handed, what it returned or failed with."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> Any:  # noqa: ANN401 - a shape
        from muelle.engine.job_doors.shapes import job_detail  # noqa: PLC0415 - loaded by now
        from muelle.rooms import jobs_of  # noqa: PLC0415 - as above

        return job_detail(*await jobs_of(app).show(owner, job))

    console.item(act(console, action))


@jobs.command()
@the_jobs
@click.pass_obj
def cancel(console: Console, jobs: tuple[str, ...]) -> None:
    """End jobs; a dead one is put away."""
    _change(console, jobs, "cancel")


@jobs.command()
@the_jobs
@click.pass_obj
def pause(console: Console, jobs: tuple[str, ...]) -> None:
    """Let jobs stop before their next effect."""
    _change(console, jobs, "pause")


@jobs.command()
@the_jobs
@click.pass_obj
def resume(console: Console, jobs: tuple[str, ...]) -> None:
    """Have paused jobs go on."""
    _change(console, jobs, "resume")


@jobs.command()
@the_jobs
@click.pass_obj
def replay(console: Console, jobs: tuple[str, ...]) -> None:
    """Try dead jobs again; what they remember they keep."""
    _change(console, jobs, "replay")


@jobs.command()
@paged
@click.pass_obj
def dead(console: Console, limit: int, cursor: str | None) -> None:
    """List what was given up, jobs and runs of workflows, the newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> "RunPage":
        from muelle.rooms import jobs_of  # noqa: PLC0415 - loaded by now

        return await jobs_of(app).dead(owner, limit, cursor)

    _tell_page(console, act(console, action))


@jobs.command()
@click.pass_obj
def queue(console: Console) -> None:
    """Show what waits, for how long, and the workers that are there."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> "QueueLook":
        from muelle.rooms import jobs_of  # noqa: PLC0415 - loaded by now

        return await jobs_of(app).queue(owner)

    look = act(console, action)
    from muelle.engine.job_doors.shapes import queue_shape  # noqa: PLC0415 - loaded by now

    shape = queue_shape(look)
    if console.is_json:
        console.json(shape)
        return
    console.listing("jobs", shape.queues, _DEPTHS)
    click.echo()
    console.listing("workers", shape.workers, _WORKERS)


@jobs.command("pause-key")
@click.argument("key", metavar="KEY")
@click.argument("span", metavar="SPAN")
@as_agent
@click.pass_obj
def pause_key(console: Console, key: str, span: str, agent: str | None) -> None:
    """Let no job of a rate key begin for a span as 90, 15m or 2h; 0 ends a pause."""
    from muelle.cli.job_options import seconds_of  # noqa: PLC0415 - as below
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    seconds = seconds_of(span, "SPAN")

    async def action(app: "App", owner: "Principal") -> None:
        from muelle.rooms import jobs_of  # noqa: PLC0415 - loaded by now

        await jobs_of(app).pause_rate(await acting_as(app, owner, agent), key, seconds)

    act(console, action)
    if console.is_json:
        console.json({"key": key, "seconds": seconds})
    else:
        console.note(f"No job of '{key}' begins for {seconds} seconds." if seconds else f"'{key}' is not paused.")


def _change(console: Console, chosen: "Sequence[str]", verb: "Verb") -> None:
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> "list[RunRecord]":
        from muelle.cli.runs import note_idle  # noqa: PLC0415 - loaded by now
        from muelle.rooms import jobs_of  # noqa: PLC0415 - as above

        desk = jobs_of(app)
        changed = [await desk.change(owner, job, verb) for job in chosen]
        await note_idle(console, app)
        return changed

    records = act(console, action)
    if len(records) == 1:
        from muelle.engine.job_doors.shapes import job_shape  # noqa: PLC0415 - loaded by now

        console.item(job_shape(records[0]))
    else:
        _tell(console, records, None)


def _tell_page(console: Console, page: "RunPage") -> None:
    _tell(console, page.runs, page.cursor)


def _tell(console: Console, records: "Sequence[RunRecord]", cursor: str | None) -> None:
    from muelle.cli.console import plain  # noqa: PLC0415 - loaded by now
    from muelle.engine.job_doors.shapes import job_shape  # noqa: PLC0415 - as above

    shown = [plain(job_shape(record)) for record in records]
    if not console.is_json:
        for job in shown:
            job["problem"] = (job["error"] or {}).get("message")
    console.listing("jobs", shown, _COLUMNS, cursor)
