"""What the HTTP routes of schedules take and give. The OpenAPI document is made from these types."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.engine.model import RunRecord
from muelle.engine.schedules.errors import InvalidSchedule
from muelle.engine.schedules.model import (
    LONGEST_DEADLINE,
    LONGEST_JITTER,
    LONGEST_TEXT,
    MOST_BYTES,
    MOST_CAUGHT_UP,
    CatchUp,
    FiringRules,
    JobTemplate,
    Overlap,
    Schedule,
    ScheduleDraft,
    ScheduleId,
)
from muelle.engine.schedules.timing import LONGEST_INTERVAL, At, Cron, Every, Timing
from muelle.engine.schedules.zones import zone_of

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"

Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
CronText = Annotated[
    str,
    Meta(
        max_length=256,
        description="Minute, hour, day of month, month, day of week; six fields have seconds first.",
        examples=["30 3 * * MON-FRI"],
    ),
]
Zone = Annotated[str, Meta(max_length=100, description="Of the cron expression.", examples=["Europe/Madrid"])]
Seconds = Annotated[int, Meta(ge=1, le=LONGEST_INTERVAL, description="The interval in seconds.")]
Jitter = Annotated[int, Meta(ge=0, le=LONGEST_JITTER, description="Each firing is later by up to so many seconds.")]
Most = Annotated[int, Meta(ge=1, le=MOST_CAUGHT_UP, description="How many firings 'all' catches up at most.")]
Priority = Annotated[int, Meta(ge=1, le=5, description="1 is first.")]
Deadline = Annotated[int, Meta(ge=0, le=LONGEST_DEADLINE, description="Seconds that a run may take; 0: no limit.")]
Version = Annotated[str, Meta(max_length=100, description="A version or range of the workflow.", examples=["^1.2"])]
Document = Annotated[str, Meta(max_length=MOST_BYTES, description="A document to run instead of a saved workflow.")]
Inputs = Annotated[dict[str, Any], Meta(description="What operations find under /input.")]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: what nobody declared is an error."""


class When(_Strict, frozen=True, kw_only=True):
    """When to fire: exactly one of `cron`, `every` and `at`."""

    cron: CronText | None = None
    time_zone: Zone | None = None
    every: Seconds | None = None
    anchor: Moment | None = None
    at: Moment | None = None
    start: Moment | None = None
    end: Moment | None = None


class Preview(When, frozen=True, kw_only=True):
    """A schedule that there is not, and how many of its firings are asked for."""

    count: Annotated[int, Meta(ge=1, le=100)] = 10


class NewSchedule(When, frozen=True, kw_only=True):
    """A schedule to keep: when to fire, what to run, by which rules."""

    id: Name
    workflow: Name | None = None
    version: Version = ""
    document: Document | None = None
    inputs: Inputs = {}
    description: Text = ""
    catch_up: CatchUp = "last"
    catch_up_most: Most = 100
    overlap: Overlap = "allow"
    jitter: Jitter = 0
    queue: Name = "default"
    priority: Priority = 3
    deadline: Deadline = 0
    paused: bool = False
    note: Text = ""


class ScheduleUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there; of `cron`, `every` and `at` one takes the place of the others."""

    cron: CronText | UnsetType = UNSET
    time_zone: Zone | UnsetType = UNSET
    every: Seconds | UnsetType = UNSET
    anchor: Moment | UnsetType = UNSET
    at: Moment | UnsetType = UNSET
    start: Moment | UnsetType | None = UNSET
    end: Moment | UnsetType | None = UNSET
    workflow: Name | UnsetType = UNSET
    version: Version | UnsetType = UNSET
    document: Document | UnsetType = UNSET
    inputs: Inputs | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    catch_up: CatchUp | UnsetType = UNSET
    catch_up_most: Most | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET
    jitter: Jitter | UnsetType = UNSET
    queue: Name | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    deadline: Deadline | UnsetType = UNSET


class Note(_Strict, frozen=True, kw_only=True):
    """Why a schedule is paused or resumed."""

    note: Text = ""


class ScheduleShape(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, how far it has come, and why the last firing that was due was not made, if that is so."""

    id: str
    agent_id: str
    description: str
    status: Literal["active", "paused", "finished"]
    cron: str | None
    time_zone: str | None
    every: int | None
    anchor: Moment | None
    at: Moment | None
    start: Moment | None
    end: Moment | None
    workflow: str
    version: str
    document: str | None
    inputs: dict[str, Any]
    catch_up: CatchUp
    catch_up_most: int
    overlap: Overlap
    jitter: int
    queue: str
    priority: int
    deadline: int
    note: str
    next_at: Moment | None
    waiting_at: Moment | None
    last_at: Moment | None
    last_execution: str | None
    problem: str
    created_at: Moment
    updated_at: Moment


class SchedulePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of schedules: send `next_cursor` as `cursor` for what follows; it is null at the end."""

    schedules: tuple[ScheduleShape, ...]
    count: int
    next_cursor: str | None


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One firing, without its jitter; `local` is what the clocks of the schedule's time zone show then."""

    at: Moment
    local: str


class Firings(msgspec.Struct, frozen=True, kw_only=True):
    """The next firings, soonest first."""

    firings: tuple[Firing, ...]
    count: int


class RunShape(msgspec.Struct, frozen=True, kw_only=True):
    """A run that a schedule made."""

    execution_id: str
    agent_id: str
    status: str
    timestamp: Moment
    finished_at: Moment | None
    total_duration_ms: float | None


class RunPageShape(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, newest first."""

    executions: tuple[RunShape, ...]
    count: int
    next_cursor: str | None


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The run that was submitted."""

    execution_id: str
    status: Literal["queued"] = "queued"


def timing_of(body: When, now: datetime) -> Timing:
    """Return when a body says to fire; an interval without an anchor counts from now. Raise InvalidSchedule."""
    given = [name for name in ("cron", "every", "at") if getattr(body, name) is not None]
    if len(given) != 1:
        raise InvalidSchedule(field=given[1] if given else "cron", reason="give exactly one of cron, every and at")
    if body.time_zone is not None and body.cron is None:
        raise InvalidSchedule(field="time_zone", reason="it goes with cron alone")
    if body.anchor is not None and body.every is None:
        raise InvalidSchedule(field="anchor", reason="it goes with every alone")
    if body.cron is not None:
        return Cron(body.cron, body.time_zone or "UTC")
    if body.every is not None:
        return Every(body.every, body.anchor or now.replace(microsecond=0))
    assert body.at is not None  # noqa: S101 - one of the three is given
    return At(body.at)


def rules_of(body: When) -> FiringRules:
    """Return between which times a body lets a schedule fire."""
    return FiringRules(start=body.start, end=body.end)


def schedule_draft(body: NewSchedule, now: datetime) -> ScheduleDraft:
    """Return the schedule that a body describes; raise InvalidSchedule."""
    return ScheduleDraft(
        id=ScheduleId(body.id),
        timing=timing_of(body, now),
        template=_template(body),
        rules=FiringRules(
            catch_up=body.catch_up,
            most=body.catch_up_most,
            overlap=body.overlap,
            jitter=body.jitter,
            start=body.start,
            end=body.end,
        ),
        description=body.description,
        paused=body.paused,
        note=body.note,
    )


def _template(body: NewSchedule) -> JobTemplate:
    if (body.workflow is None) == (body.document is None):
        raise InvalidSchedule(field="workflow", reason="give either the name of a saved workflow or a document")
    if body.document is not None and body.version:
        raise InvalidSchedule(field="version", reason="it goes with workflow alone")
    return JobTemplate(
        name=body.workflow or body.id,
        payload=_payload(body.workflow, body.version, body.inputs),
        document=(body.document or "").encode(),
        queue=body.queue,
        priority=body.priority,
        deadline=body.deadline,
    )


def _payload(workflow: str | None, version: str, inputs: dict[str, Any]) -> bytes:
    """Return what the job is handed: a document's inputs, or which saved workflow is meant, with its inputs."""
    if workflow is None:
        return msgspec.json.encode(inputs)
    wanted = {"version": version} if version else {}
    return msgspec.json.encode({"workflow": workflow, **wanted, "inputs": inputs})


def updated_schedule(present: Schedule, body: ScheduleUpdate, now: datetime) -> ScheduleDraft:
    """Return a schedule with what a body changes; raise InvalidSchedule."""
    rules = present.rules
    return ScheduleDraft(
        id=present.id,
        timing=_updated_timing(present.timing, body, now),
        template=_updated_template(present.template, body),
        rules=FiringRules(
            catch_up=_or(body.catch_up, rules.catch_up),
            most=_or(body.catch_up_most, rules.most),
            overlap=_or(body.overlap, rules.overlap),
            jitter=_or(body.jitter, rules.jitter),
            start=_or(body.start, rules.start),
            end=_or(body.end, rules.end),
        ),
        description=_or(body.description, present.description),
    )


def _updated_timing(present: Timing, body: ScheduleUpdate, now: datetime) -> Timing:
    given = {name: getattr(body, name) for name in ("cron", "time_zone", "every", "anchor", "at")}
    given = {name: value for name, value in given.items() if value is not UNSET}
    if not given:
        return present
    if not given.keys() & {"cron", "every", "at"}:
        given |= {"cron": present.expression} if isinstance(present, Cron) else {}
        given |= {"every": present.seconds} if isinstance(present, Every) else {}
        given |= {"at": present.at} if isinstance(present, At) else {}
    if "cron" in given and isinstance(present, Cron):
        given.setdefault("time_zone", present.zone)
    return timing_of(When(**given), now)


def _updated_template(present: JobTemplate, body: ScheduleUpdate) -> JobTemplate:
    """Return the template with what a body changes; a workflow replaces a document, or the other way round."""
    if body.workflow is not UNSET and body.document is not UNSET:
        raise InvalidSchedule(field="workflow", reason="give either the name of a saved workflow or a document")
    said = _said(present)
    workflow = _or(body.workflow, None if body.document is not UNSET else said.get("workflow"))
    version = _or(body.version, said.get("version", "") if body.workflow is UNSET else "")
    if workflow is None and body.version is not UNSET:
        raise InvalidSchedule(field="version", reason="it goes with workflow alone")
    is_other = body.workflow is not UNSET or body.document is not UNSET
    document = b"" if body.workflow is not UNSET else present.document
    return msgspec.structs.replace(
        present,
        name=workflow or present.name,
        payload=_payload(workflow, version, _or(body.inputs, said.get("inputs", {}))),
        document=document if body.document is UNSET else body.document.encode(),
        plan="" if is_other else present.plan,
        queue=_or(body.queue, present.queue),
        priority=_or(body.priority, present.priority),
        deadline=_or(body.deadline, present.deadline),
    )


def _said(template: JobTemplate) -> dict[str, Any]:
    """Return which saved workflow is meant, unless it is a document, and the inputs."""
    said = msgspec.json.decode(template.payload)
    return {"inputs": said} if template.document or template.kind != "workflow" else said


def schedule_shape(schedule: Schedule) -> ScheduleShape:
    """Return a schedule as it is shown."""
    timing, template, rules, progress = schedule.timing, schedule.template, schedule.rules, schedule.progress
    said = _said(template)
    return ScheduleShape(
        id=schedule.id,
        agent_id=schedule.principal,
        description=schedule.description,
        status="paused" if schedule.paused else "active" if progress.wake_at else "finished",
        cron=timing.expression if isinstance(timing, Cron) else None,
        time_zone=timing.zone if isinstance(timing, Cron) else None,
        every=timing.seconds if isinstance(timing, Every) else None,
        anchor=timing.anchor if isinstance(timing, Every) else None,
        at=timing.at if isinstance(timing, At) else None,
        start=rules.start,
        end=rules.end,
        workflow=template.name,
        version=said.get("version", ""),
        document=template.document.decode() if template.document else None,
        inputs=said.get("inputs", {}),
        catch_up=rules.catch_up,
        catch_up_most=rules.most,
        overlap=rules.overlap,
        jitter=rules.jitter,
        queue=template.queue,
        priority=template.priority,
        deadline=template.deadline,
        note=schedule.note,
        next_at=progress.next_at,
        waiting_at=progress.waiting_at,
        last_at=progress.last_at,
        last_execution=progress.last_run,
        problem=progress.problem,
        created_at=schedule.created,
        updated_at=schedule.updated,
    )


def firings_shape(timing: Timing, firings: Iterable[datetime]) -> Firings:
    """Return firings as they are shown."""
    zone = zone_of(timing.zone if isinstance(timing, Cron) else "UTC")
    shown = tuple(Firing(at=at, local=at.astimezone(zone).isoformat()) for at in firings)
    return Firings(firings=shown, count=len(shown))


def run_shape(run: RunRecord) -> RunShape:
    """Return a run as it is listed."""
    return RunShape(
        execution_id=run.run,
        agent_id=run.principal,
        status=run.status,
        timestamp=run.started,
        finished_at=run.finished,
        total_duration_ms=None if run.took is None else run.took / 1000,
    )


def _or(given: Any, present: Any) -> Any:  # noqa: ANN401 - the value of any field
    return present if given is UNSET else given
