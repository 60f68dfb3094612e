"""The verbs on schedules."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NoReturn

from muelle.core import Clock, Forbidden, Ids, RunId
from muelle.engine.model import RunPage
from muelle.engine.schedules.checks import check_future, check_rules, checked_page, checked_preview, checked_schedule
from muelle.engine.schedules.decide import rested, started, upcoming
from muelle.engine.schedules.errors import ScheduleExists, ScheduleNotFound, TooManySchedules
from muelle.engine.schedules.model import FiringRules, JobTemplate, Schedule, ScheduleDraft, ScheduleId
from muelle.engine.schedules.runs import Runs
from muelle.engine.schedules.scheduler import job_of, submitted
from muelle.engine.schedules.settings import ScheduleSettings
from muelle.engine.schedules.store import ScheduleStore
from muelle.engine.schedules.timing import Timing, checked
from muelle.engine.times import micros
from muelle.identity import Acts, AuditTrail, Page, Principal, Refused

READ, WRITE = "schedules:read", "schedules:write"
_MANY = 500  # schedules that are read at once


Prepare = Callable[[Principal, JobTemplate], Awaitable[JobTemplate]]
"""Whoever knows what is run: checks it, and that the principal may have it run, or raises; completes the template."""


async def as_it_is(_: Principal, template: JobTemplate) -> JobTemplate:
    """Take the template unchecked: what is wrong with it is found when it runs."""
    return template


class Schedules:
    """Creates, changes and shows schedules: `schedules:write` on the id, and `schedules:read` for those of others.

    A schedule's runs are made in the name of whoever said last what it runs, with the grants that they have then.
    """

    def __init__(
        self,
        store: ScheduleStore,
        runs: Runs,
        trail: AuditTrail,
        clock: Clock,
        settings: ScheduleSettings = ScheduleSettings(),  # noqa: B008 - frozen
        prepare: Prepare = as_it_is,
    ) -> None:
        self._store = store
        self._runs = runs
        self._trail = trail
        self._clock = clock
        self._acts = Acts(clock, Ids(clock))
        self._settings = settings
        self._prepare = prepare

    def now(self) -> datetime:
        """Return the present time, which an interval without an anchor counts from."""
        return self._clock.now()

    async def create(self, actor: Principal, draft: ScheduleDraft) -> Schedule:
        """Keep a new schedule; raise Refused, ScheduleExists, TooManySchedules, or what is wrong with the draft."""
        await self._permit(actor, "schedules.create", draft.id)
        now = self._clock.now()
        schedule = checked_schedule(_drafted(actor, draft, now))
        check_future(schedule, now)
        schedule = started(schedule.with_(template=await self._prepare(actor, schedule.template)), now)
        if await self._store.find(actor.tenant, draft.id):
            raise ScheduleExists(schedule=draft.id)
        if await self._store.count(actor.tenant) >= self._settings.per_tenant:
            raise TooManySchedules(limit=self._settings.per_tenant)
        await self._store.add(schedule)
        await self._recorded(actor, "schedules.create", schedule.id)
        return schedule

    async def update(self, actor: Principal, draft: ScheduleDraft) -> Schedule:
        """Replace all of a schedule but its id and state; raise Refused, ScheduleNotFound, ScheduleChanged, as above.

        If when it fires is changed, it begins anew: what is due and has not fired is forgotten.
        """
        await self._permit(actor, "schedules.update", draft.id)
        present = await self._present(actor, draft.id)
        now = self._clock.now()
        schedule = checked_schedule(_updated(present, draft, now))
        if schedule.template != present.template:
            template = await self._prepare(actor, schedule.template)
            schedule = schedule.with_(template=template, principal=actor.id)
        if _moment_of(schedule) != _moment_of(present):
            check_future(schedule, now)
            schedule = started(schedule, now)
        return await self._replaced(actor, "schedules.update", schedule)

    async def pause(self, actor: Principal, schedule: ScheduleId, note: str = "") -> Schedule:
        """Let a schedule fire no more until it is resumed; a firing that waits for a run to end is dropped."""
        await self._permit(actor, "schedules.pause", schedule)
        present = await self._present(actor, schedule)
        paused = checked_schedule(rested(present.with_(paused=True, note=note, updated=self._clock.now())))
        return await self._replaced(actor, "schedules.pause", paused)

    async def resume(self, actor: Principal, schedule: ScheduleId, note: str = "") -> Schedule:
        """Let a paused schedule fire again, from now on: what it would have done meanwhile is not made up for."""
        await self._permit(actor, "schedules.resume", schedule)
        present = await self._present(actor, schedule)
        if not present.paused:
            return present
        now = self._clock.now()
        resumed = checked_schedule(present.with_(paused=False, note=note, updated=now))
        return await self._replaced(actor, "schedules.resume", started(resumed, now))

    async def remove(self, actor: Principal, schedule: ScheduleId) -> None:
        """Remove a schedule; its runs stay, and go on. Raise Refused or ScheduleNotFound."""
        await self._permit(actor, "schedules.remove", schedule)
        await self._present(actor, schedule)
        await self._store.remove(actor.tenant, schedule)
        await self._recorded(actor, "schedules.remove", schedule)

    async def show(self, actor: Principal, schedule: ScheduleId) -> Schedule:
        """Return a schedule that the actor may see; raise ScheduleNotFound."""
        found = await self._store.find(actor.tenant, schedule)
        if found is None or not is_visible(actor, found):
            _missing(schedule)
        return found

    async def list(self, actor: Principal, limit: int = 50, cursor: str | None = None) -> Page[Schedule]:
        """Return the schedules that the actor may see, in the order of their ids; raise InvalidPage."""
        checked_page(limit)
        visible: list[Schedule] = []
        after = cursor or ""
        while len(visible) <= limit:
            found = await self._store.after(actor.tenant, after, max(limit + 1, _MANY))
            visible += [schedule for schedule in found if is_visible(actor, schedule)]
            if len(found) < max(limit + 1, _MANY):
                break
            after = found[-1].id
        return Page(tuple(visible[:limit]), visible[limit - 1].id if len(visible) > limit else None)

    async def run(self, actor: Principal, schedule: ScheduleId) -> RunId:
        """Submit what a schedule runs, now and beside its firings, whatever its rules; return the run."""
        await self._permit(actor, "schedules.run", schedule)
        present = await self._present(actor, schedule)
        now = self._clock.now()
        run = await submitted(self._runs, job_of(present, now, f"now:{micros(now)}"))
        await self._recorded(actor, "schedules.run", schedule)
        return run

    def foresee(self, timing: Timing, rules: FiringRules, number: int = 10) -> tuple[datetime, ...]:
        """Return the next firings of a timing, without jitter; raise what is wrong with it."""
        check_rules(rules)
        return tuple(upcoming(checked(timing), rules, self._clock.now(), checked_preview(number)))

    async def history(
        self, actor: Principal, schedule: ScheduleId, limit: int = 50, cursor: str | None = None
    ) -> RunPage:
        """Return the runs of a schedule, newest first, of a page those that the actor may see.

        One's own need no grant, others' need `runs:read`. Raises ScheduleNotFound, InvalidPage or InvalidCursor.
        """
        found = await self.show(actor, schedule)
        page = await self._runs.caused(actor.tenant, found.cause, checked_page(limit), cursor)
        seen = (run for run in page.runs if run.principal == actor.id or actor.may("runs:read", run.principal))
        return RunPage(tuple(seen), page.cursor)

    async def _present(self, actor: Principal, schedule: ScheduleId) -> Schedule:
        return await self._store.find(actor.tenant, schedule) or _missing(schedule)

    async def _replaced(self, actor: Principal, action: str, schedule: Schedule) -> Schedule:
        replaced = await self._store.replace(schedule)
        await self._recorded(actor, action, schedule.id)
        return replaced

    async def _permit(self, actor: Principal, action: str, schedule: str) -> None:
        """Raise Refused, and record it, unless the actor may change this schedule."""
        if not actor.may(WRITE, schedule):
            await self._refuse(actor, action, schedule, Refused(scope=WRITE, resource=schedule[:200]))

    async def _refuse(self, actor: Principal, action: str, schedule: str, error: Forbidden) -> NoReturn:
        detail = f"{error.code} scope={WRITE}"
        await self._trail.record([self._acts.refused(actor, action, schedule, detail=detail)])
        raise error

    async def _recorded(self, actor: Principal, action: str, schedule: str) -> None:
        await self._trail.record([self._acts.allowed(actor, action, schedule)])


def is_visible(actor: Principal, schedule: Schedule) -> bool:
    """Tell whether a principal may see a schedule of its tenant: its own, or by a grant."""
    return schedule.principal == actor.id or actor.may(READ, schedule.id) or actor.may(WRITE, schedule.id)


def _drafted(actor: Principal, draft: ScheduleDraft, now: datetime) -> Schedule:
    return Schedule(
        id=draft.id,
        tenant=actor.tenant,
        principal=actor.id,
        timing=draft.timing,
        template=draft.template,
        rules=draft.rules,
        created=now,
        updated=now,
        description=draft.description,
        paused=draft.paused,
        note=draft.note,
    )


def _updated(present: Schedule, draft: ScheduleDraft, now: datetime) -> Schedule:
    return present.with_(
        timing=draft.timing, template=draft.template, rules=draft.rules, description=draft.description, updated=now
    )


def _moment_of(schedule: Schedule) -> tuple[object, ...]:
    """Return what decides when a schedule fires."""
    rules = schedule.rules
    return schedule.timing, rules.start, rules.end, rules.jitter


def _missing(schedule: str) -> NoReturn:
    raise ScheduleNotFound(schedule=schedule[:100])
