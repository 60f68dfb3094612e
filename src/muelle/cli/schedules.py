"""`muelle schedules`: what runs by itself, and when."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import schedule_ids
from muelle.cli.console import Console
from muelle.cli.listing import paged
from muelle.cli.schedule_options import described, schedules_of, timed

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.engine.schedules import Schedule
    from muelle.engine.schedules.shapes import Firings
    from muelle.identity import Principal

T = TypeVar("T")
_COLUMNS = ("id", "status", "when", "workflow", "next_at", "last_execution", "problem")
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@click.group(cls=MuelleGroup)
def schedules() -> None:
    """Run workflows by the clock: add, show, change, pause and try out schedules."""


@schedules.command()
@click.argument("schedule", metavar="ID")
@timed
@described
@click.option("--paused", is_flag=True, help="Let it not fire until it is resumed.")
@click.option("--note", default="", help="Why it is paused, or whatever is worth knowing.")
@click.option("--as", "agent", metavar="AGENT", help="Run with the grants of this agent, not as the owner.")
@click.pass_obj
def add(console: Console, /, schedule: str, agent: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Add a schedule: say when by --cron, --every or --at, and what by --workflow or --document."""
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules.shapes import NewSchedule, schedule_draft  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "Schedule":
        actor = await acting_as(app, owner, agent)
        now = schedules_of(app).now()
        body = _body({"id": schedule, "paused": given["paused"], "note": given["note"]}, given, now, NewSchedule)
        return await schedules_of(app).create(actor, schedule_draft(body, now))

    _show(console, act(console, action))


@schedules.command("list")
@paged
@click.pass_obj
def list_schedules(console: Console, limit: int, cursor: str | None) -> None:
    """List schedules by id."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    page = act(console, lambda app, owner: schedules_of(app).list(owner, limit, cursor))
    console.listing("schedules", [_readable(console, each) for each in page.items], _COLUMNS, page.next)


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@click.pass_obj
def show(console: Console, schedule: str) -> None:
    """Show a schedule: when it fires, what it runs, how far it has come."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above

    _show(console, act(console, lambda app, owner: schedules_of(app).show(owner, ScheduleId(schedule))))


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@timed
@described
@click.option("--no-start", is_flag=True, help="Fire from now on.")
@click.option("--no-end", is_flag=True, help="Fire for ever.")
@click.pass_obj
def update(console: Console, /, schedule: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Change what is given, and leave the rest."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above
    from muelle.engine.schedules.shapes import ScheduleUpdate, updated_schedule  # noqa: PLC0415 - as above

    cleared: dict[str, Any] = {name: None for name in ("start", "end") if given[f"no_{name}"]}

    async def action(app: "App", owner: "Principal") -> "Schedule":
        now = schedules_of(app).now()
        present = await schedules_of(app).show(owner, ScheduleId(schedule))
        body = _body(cleared, given, now, ScheduleUpdate)
        return await schedules_of(app).update(owner, updated_schedule(present, body, now))

    _show(console, act(console, action))


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@click.option("--note", default="", help="Why.")
@click.pass_obj
def pause(console: Console, schedule: str, note: str) -> None:
    """Let a schedule fire no more until it is resumed."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above

    _show(console, act(console, lambda app, owner: schedules_of(app).pause(owner, ScheduleId(schedule), note)))


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@click.option("--note", default="", help="Why.")
@click.pass_obj
def resume(console: Console, schedule: str, note: str) -> None:
    """Let a paused schedule fire again, from now on."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above

    _show(console, act(console, lambda app, owner: schedules_of(app).resume(owner, ScheduleId(schedule), note)))


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(console: Console, schedule: str, *, yes: bool) -> None:
    """Remove a schedule; its runs stay."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above

    console.confirm(f"Remove the schedule '{schedule}'?", is_sure=yes)
    act(console, lambda app, owner: schedules_of(app).remove(owner, ScheduleId(schedule)))
    if console.is_json:
        console.json({"id": schedule, "removed": True})
    else:
        console.note(f"Removed the schedule '{schedule}'.")


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@click.pass_obj
def run(console: Console, schedule: str) -> None:
    """Run now what a schedule runs, beside its firings; a worker takes it."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above
    from muelle.engine.schedules.shapes import Started  # noqa: PLC0415 - as above

    run = act(console, lambda app, owner: schedules_of(app).run(owner, ScheduleId(schedule)))
    console.item(Started(execution_id=run))


@schedules.command()
@click.argument("schedule", required=False, metavar="[ID]", shell_complete=schedule_ids)
@timed
@click.option("--count", type=click.IntRange(1, 100), default=10, help="How many firings.")
@click.pass_obj
def preview(console: Console, /, schedule: str | None, count: int, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Tell when a schedule will fire, or would fire by --cron, --every or --at."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    firings = act(console, lambda app, owner: _foreseen(app, owner, schedule, count, given))
    console.listing("firings", firings.firings, ("local", "at"))


async def _foreseen(
    app: "App", owner: "Principal", schedule: str | None, count: int, given: dict[str, Any]
) -> "Firings":
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - loaded by now
    from muelle.engine.schedules.shapes import When, firings_shape, rules_of, timing_of  # noqa: PLC0415 - as above

    if schedule is not None:
        found = await schedules_of(app).show(owner, ScheduleId(schedule))
        timing, rules = found.timing, found.rules
    else:
        now = schedules_of(app).now()
        body = _body({}, given, now, When)
        timing, rules = timing_of(body, now), rules_of(body)
    return firings_shape(timing, schedules_of(app).foresee(timing, rules, count))


@schedules.command()
@click.argument("schedule", metavar="ID", shell_complete=schedule_ids)
@paged
@click.pass_obj
def history(console: Console, schedule: str, limit: int, cursor: str | None) -> None:
    """List the runs that a schedule made, newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.engine.schedules import ScheduleId  # noqa: PLC0415 - as above
    from muelle.engine.schedules.shapes import run_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: schedules_of(app).history(owner, ScheduleId(schedule), limit, cursor))
    columns = ("execution_id", "status", "timestamp", "total_duration_ms")
    console.listing("executions", map(run_shape, page.runs), columns, page.cursor)


def _body(fixed: dict[str, Any], given: dict[str, Any], now: datetime, body: type[T]) -> T:
    import msgspec  # noqa: PLC0415 - loaded by now

    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above
    from muelle.cli.schedule_options import fields  # noqa: PLC0415 - as above

    try:
        return msgspec.convert({**fields(given, now), **fixed}, body)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"This describes no schedule: {error}.") from None


def _show(console: Console, schedule: "Schedule") -> None:
    shown = _readable(console, schedule)
    if not console.is_json:
        shown = {name: value for name, value in shown.items() if value not in _EMPTY and name != "when"}
    console.item(shown)


def _readable(console: Console, schedule: "Schedule") -> Any:  # noqa: ANN401 - a shape, or its fields
    """Return a schedule's fields, for people with when it fires in one, and of a document its size alone."""
    from muelle.cli.console import plain  # noqa: PLC0415 - beside the other one
    from muelle.engine.schedules.shapes import schedule_shape  # noqa: PLC0415 - loaded by now

    shape = schedule_shape(schedule)
    if console.is_json:
        return shape
    when = f"{shape.cron} {shape.time_zone}" if shape.cron else f"every {shape.every} s" if shape.every else shape.at
    document = f"{len(shape.document)} characters" if shape.document else None
    return plain(shape) | {"when": when if isinstance(when, str) else f"at {when}", "document": document}
