"""Schedules with an engine that only remembers what it was handed, and a clock that is moved by hand."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from muelle.core import Ids, ManualClock, MuelleError, PrincipalId, RunId, TenantId
from muelle.engine.errors import IdempotencyConflict
from muelle.engine.model import Job, RunPage, RunRecord, Submitted
from muelle.engine.schedules import (
    Cron,
    FiringRules,
    JobTemplate,
    Schedule,
    ScheduleDraft,
    ScheduleId,
    Scheduler,
    Schedules,
    ScheduleSettings,
    ScheduleStore,
    Timing,
)
from muelle.engine.schedules.service import Prepare, as_it_is
from muelle.identity import Act, AuditFilter, Page, Principal, Rule, Rules
from muelle.stores import Database

TENANT, OTHER = TenantId("default"), TenantId("other")
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTELY = Cron("* * * * *")
TEMPLATE = JobTemplate(name="report", payload=b'{"workflow":"report","version":"","inputs":{"a":1}}')


def at(text: str) -> datetime:
    """Return a time of 2026-01-01, given as 03:30 or 03:30:15."""
    return datetime.fromisoformat(f"2026-01-01T{text}").replace(tzinfo=UTC)


def schedule(timing: Timing = MINUTELY, **fields: Any) -> Schedule:
    """Return a schedule whose rules are given among its other fields."""
    rules = {name: fields.pop(name) for name in tuple(fields) if name in FiringRules.__struct_fields__}
    principal = PrincipalId("agent_1")
    known: dict[str, Any] = {
        "id": ScheduleId("nightly"),
        "tenant": TENANT,
        "principal": principal,
        "template": TEMPLATE,
    }
    return Schedule(timing=timing, rules=FiringRules(**rules), created=START, updated=START, **{**known, **fields})


def draft(name: str = "nightly", timing: Timing = MINUTELY, **fields: Any) -> ScheduleDraft:
    rules = {key: fields.pop(key) for key in tuple(fields) if key in FiringRules.__struct_fields__}
    return ScheduleDraft(
        id=ScheduleId(name), timing=timing, rules=FiringRules(**rules), **{"template": TEMPLATE, **fields}
    )


def principal(*grants: tuple[str, str], name: str = "owner", tenant: TenantId = TENANT) -> Principal:
    rules = Rules(Rule(scope, pattern) for scope, pattern in grants)
    return Principal(id=PrincipalId(f"agent_{name}"), kind="agent", name=name, tenant=tenant, rules=rules)


OWNER = principal(("*", "*"))


class Trail:
    """Remembers acts."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    async def record(self, acts: Iterable[Act], *, flush: bool = True) -> None:
        assert flush
        self.acts += acts

    async def page(self, tenant: TenantId, where: AuditFilter, limit: int = 50, cursor: str | None = None) -> Page[Act]:
        raise AssertionError(tenant, where, limit, cursor)

    @property
    def said(self) -> list[str]:
        return [f"{act.action} {act.resource} {act.decision}" for act in self.acts]


@dataclass
class Engine:
    """Takes jobs as the engine does, and runs none; a test ends them, or has the engine fail."""

    jobs: dict[str, Job] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    cancelled: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    handed_in: int = 0

    async def submit(self, job: Job) -> Submitted:
        if self.failures:
            raise self.failures.pop(0)
        self.handed_in += 1
        for run, known in self.jobs.items():
            if known.idempotency_key == job.idempotency_key and known.principal == job.principal:
                if known.payload != job.payload:
                    raise IdempotencyConflict(execution=run)
                return Submitted(RunId(run), is_new=False)
        run = f"run_{len(self.jobs) + 1}"
        self.jobs[run] = job
        self.running.add(run)
        return Submitted(RunId(run), is_new=True)

    async def is_running(self, tenant: TenantId, run: RunId) -> bool:
        assert self.jobs[run].tenant == tenant
        return run in self.running

    async def cancel(self, tenant: TenantId, run: RunId) -> None:
        assert self.jobs[run].tenant == tenant
        self.cancelled.append(run)
        self.running.discard(run)

    async def caused(self, tenant: TenantId, cause: str, limit: int, cursor: str | None) -> RunPage:
        assert cursor is None
        found = [(run, job) for run, job in self.jobs.items() if (job.tenant, job.cause) == (tenant, cause)]
        return RunPage(tuple(_record(run, job) for run, job in reversed(found))[:limit], None)

    @property
    def firings(self) -> list[str]:
        """The firings that were run, as times of the day."""
        keys = (job.idempotency_key.rpartition(":")[2] for job in self.jobs.values())
        return [(START + (timedelta(microseconds=int(key)) - _SINCE_1970)).strftime("%H:%M:%S") for key in keys]

    def end(self) -> None:
        self.running.clear()


_SINCE_1970 = START - datetime(1970, 1, 1, tzinfo=UTC)


def _record(run: str, job: Job) -> RunRecord:
    return RunRecord(
        run=RunId(run),
        tenant=job.tenant,
        principal=job.principal,
        workflow=job.name,
        plan=job.plan,
        status="running",
        started=START,
        finished=None,
        took=None,
        succeeded=0,
        failed=0,
        skipped=0,
        error=None,
        cause=job.cause,
    )


class World:
    """One tenant's schedules on a database, with as many schedulers as a test wants."""

    def __init__(
        self, database: Database, settings: ScheduleSettings | None = None, prepare: Prepare = as_it_is
    ) -> None:
        self.clock = ManualClock(START)
        self.ids = Ids(self.clock)
        self.store = ScheduleStore(database)
        self.engine = Engine()
        self.trail = Trail()
        self.settings = settings or ScheduleSettings()
        self.schedules = Schedules(self.store, self.engine, self.trail, self.clock, self.settings, prepare=prepare)
        self.scheduler = self.another()

    def another(self) -> Scheduler:
        """Return the scheduler of another process on the same database."""
        return Scheduler(self.store, self.engine, self.clock, self.ids, self.settings)

    async def add(self, timing: Timing = MINUTELY, **fields: Any) -> Schedule:
        return await self.schedules.create(OWNER, draft(timing=timing, **fields))

    async def present(self, name: str = "nightly") -> Schedule:
        return await self.schedules.show(OWNER, ScheduleId(name))

    async def tick(self, *, minutes: float = 0, seconds: float = 0) -> int:
        """Move the clock on and let the scheduler look."""
        self.clock.forward(minutes=minutes, seconds=seconds)
        return await self.scheduler.tick()

    async def pass_time(self, *, minutes: int) -> None:
        """Let time pass with a look each second."""
        for _ in range(minutes * 60):
            await self.tick(seconds=1)

    def refuse(self, *errors: MuelleError) -> None:
        """Have the engine raise these, one for each job that it is handed next."""
        self.engine.failures += errors
