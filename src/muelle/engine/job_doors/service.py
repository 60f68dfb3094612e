"""The verbs on jobs for principals: what each may see and do, and what is kept of it in the audit record."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from msgspec.structs import replace

from muelle.core import Clock, Ids, PrincipalId, RunId
from muelle.engine.attempt import JobKind
from muelle.engine.cursor import MOST_RUNS
from muelle.engine.errors import GivenUp, InvalidJob, InvalidLimit, UnknownRun
from muelle.engine.jobs import Jobs
from muelle.engine.model import ENDED, RunFilter, RunPage, RunRecord, Submitted
from muelle.engine.order import Order
from muelle.engine.service import Engine
from muelle.engine.stores.listing import cursor_of
from muelle.engine.stores.requests import CANCEL, PAUSE, REPLAY, RESUME, Change
from muelle.engine.stores.retention import Retention
from muelle.engine.times import moment
from muelle.identity import DEFAULT_TENANT, Acts, AuditTrail, Principal, Refused

RUN: Final = "jobs:run"
READ_QUEUE: Final = "queue:read"
OVER: Final = ENDED | {"dead"}
Verb = Literal["cancel", "pause", "resume", "replay"]
VERBS: Final[Mapping[Verb, Change]] = {"cancel": CANCEL, "pause": PAUSE, "resume": RESUME, "replay": REPLAY}
_AT_ONCE = 500  # runs that are purged in one transaction
_ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How many jobs of one queue are in one state, and for how many seconds the first of them is due."""

    queue: str
    state: str
    jobs: int
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLook:
    """A process that advances runs: from which queues, in how many places, and for how many seconds its lease holds."""

    worker: str
    name: str
    queues: tuple[str, ...]
    places: int
    held: int
    started: datetime
    lease_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLook:
    """What waits and who is there; `workers` are told to the default tenant alone, as is what others' jobs do."""

    depths: tuple[Depth, ...]
    alive: int
    workers: tuple[WorkerLook, ...]


class JobDesk:
    """Jobs for principals: `jobs:run` on the kind's name, and on runs of others `runs:read` and `runs:write`."""

    def __init__(self, engine: Engine, jobs: Jobs, trail: AuditTrail, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._jobs = jobs
        self._trail = trail
        self._acts = Acts(clock, ids)
        self._retention = Retention(engine.queue, engine.journal, engine.settings)

    def kinds(self, principal: Principal) -> Sequence[JobKind]:
        """Return the jobs that a principal may hand in, by name."""
        return [kind for name, kind in sorted(self._jobs.kinds.items()) if principal.may(RUN, name)]

    async def submit(
        self,
        principal: Principal,
        name: str,
        payload: Any,  # noqa: ANN401 - JSON
        order: Order,
        *,
        request: str = "",
    ) -> Submitted:
        """Hand a job in; raise Refused, InvalidJob, IdempotencyConflict."""
        if not principal.may(RUN, name):
            await self._refuse(principal, "jobs.submit", name, request)
            raise Refused(scope=RUN, resource=name)
        self._known(principal, name)
        submitted = await self._jobs.submit(principal.tenant, principal.id, name, payload, order)
        if submitted.is_new:
            await self._record(principal, "jobs.submit", name, request, submitted.run)
        return submitted

    async def wait(self, principal: Principal, run: RunId, seconds: float | None) -> RunRecord:
        """Return a job's record once it has ended, or is dead, or after `seconds`; raise UnknownRun."""
        record = await self.find(principal, run)
        if record.status not in OVER:
            with suppress(GivenUp):  # as its record says
                await self._engine.wait(principal.tenant, run, seconds)
        return await self.find(principal, run)

    async def run(self, principal: Principal, name: str, payload: Any, order: Order) -> Any:  # noqa: ANN401 - JSON
        """Do a job now, in this process if no worker is in it; raise Refused, InvalidJob, JobFailed."""
        submitted = await self.submit(principal, name, payload, order)
        return await self._jobs.outcome(principal.tenant, submitted.run)

    async def page(self, principal: Principal, where: RunFilter, limit: int = 50, cursor: str | None = None) -> RunPage:
        """Return runs of jobs, newest first; one's own where others' may not be seen. Raises as the journal does."""
        if not 1 <= limit <= MOST_RUNS:
            raise InvalidLimit(limit=limit)
        if not principal.may("runs:read", _ALL):
            if where.principal not in {None, principal.id} and not principal.may("runs:read", str(where.principal)):
                return RunPage((), None)
            where = replace(where, principal=where.principal or principal.id)
        if where.kind is not None:
            self._known(principal, where.kind)
        # There is an index of the runs of one name: so each kind is read for itself, and they are merged.
        kinds = [where.kind] if where.kind is not None else list(self._jobs.kinds)
        found: list[RunRecord] = []
        for kind in kinds:
            of_kind = replace(where, kind=kind, workflow=kind)
            page = await self._engine.journal.runs(principal.tenant, of_kind, min(limit + 1, MOST_RUNS), cursor)
            found += page.runs
        found.sort(key=lambda record: (record.started, record.run), reverse=True)
        return RunPage(tuple(found[:limit]), cursor_of(found[limit - 1]) if len(found) > limit else None)

    async def find(self, principal: Principal, run: str) -> RunRecord:
        """Return a job's record; raise UnknownRun, also for one that may not be seen."""
        record = await self._jobs.status(principal.tenant, RunId(run))
        if not _may(principal, "runs:read", record.principal):
            raise UnknownRun(execution=run[:100])
        return record

    async def show(self, principal: Principal, run: str) -> tuple[RunRecord, bytes, bytes | None]:
        """Return a job's record, its payload and, if it succeeded, its result; both are JSON."""
        record = await self.find(principal, run)
        journal = self._engine.journal
        payload = await journal.inputs(record.tenant, record.run) or b"null"
        if record.status != "success":
            return record, payload, None
        steps = await journal.steps(record.tenant, record.run)
        return record, payload, steps[-1].output or b"null"

    async def change(self, principal: Principal, run: str, verb: Verb, *, request: str = "") -> RunRecord:
        """Cancel, pause, resume or replay a job, one's own or with `runs:write`; raise what the engine says."""
        record = await self.find(principal, run)
        if not _may(principal, "runs:write", record.principal):
            await self._refuse(principal, f"jobs.{verb}", record.run, request)
            raise Refused(scope="runs:write", resource=record.principal)
        await self._engine.change(principal.tenant, record.run, VERBS[verb])
        await self._record(principal, f"jobs.{verb}", record.run, request)
        return await self.find(principal, run)

    async def dead(self, principal: Principal, limit: int = 50, cursor: str | None = None) -> RunPage:
        """Return what was given up, of any kind, newest first; one's own where others' may not be seen."""
        owner = None if principal.may("runs:read", _ALL) else principal.id
        where = RunFilter(status="dead", principal=owner)
        return await self._engine.journal.runs(principal.tenant, where, limit, cursor)

    async def queue(self, principal: Principal) -> QueueLook:
        """Return what waits and who is there; raise Refused without `queue:read` on '*'."""
        principal.require(READ_QUEUE, _ALL)
        sees_all = principal.tenant == DEFAULT_TENANT
        rows, alive = await self._engine.queue.depths(None if sees_all else principal.tenant)
        depths = [
            Depth(queue=queue, state=state, jobs=jobs, age=round(max(0.0, float(age)), 3) if state == "ready" else 0.0)
            for queue, state, jobs, age in sorted(map(tuple, rows))
        ]
        workers = await self._engine.queue.workers() if sees_all else []
        return QueueLook(depths=tuple(depths), alive=alive, workers=tuple(map(_worker, workers)))

    async def pause_rate(self, principal: Principal, key: str, seconds: float, *, request: str = "") -> None:
        """Let no job of a rate key begin for some seconds; raise Refused without `runs:write` on '*', InvalidJob."""
        await self._permit(principal, "jobs.pause_key", key, request)
        await self._jobs.pause_rate(principal.tenant, key, seconds)
        await self._record(principal, "jobs.pause_key", key, request, f"{seconds:g} seconds")

    async def purge(self, principal: Principal, seconds: float, workflow: str | None = None, request: str = "") -> int:
        """Remove runs of any kind that ended longer ago; return how many; raise Refused without `runs:write` on '*'."""
        await self._permit(principal, "runs.purge", workflow or _ALL, request)
        removed = 0
        while some := await self._retention.purge(principal.tenant, seconds, _AT_ONCE, workflow):
            removed += some
        await self._record(principal, "runs.purge", workflow or _ALL, request, f"{removed} runs")
        return removed

    def _known(self, principal: Principal, name: str) -> None:
        if name not in self._jobs.kinds:
            known = [kind.name for kind in self.kinds(principal)][:20]
            raise InvalidJob(f"There is no job '{name[:100]}'", field="kind", known=known)

    async def _permit(self, principal: Principal, action: str, resource: str, request: str) -> None:
        if not principal.may("runs:write", _ALL):
            await self._refuse(principal, action, resource, request)
            raise Refused(scope="runs:write", resource=_ALL)

    async def _record(self, principal: Principal, action: str, resource: str, request: str, detail: str = "") -> None:
        await self._trail.record([self._acts.allowed(principal, action, resource, request=request, detail=detail)])

    async def _refuse(self, principal: Principal, action: str, resource: str, request: str) -> None:
        await self._trail.record([self._acts.refused(principal, action, resource[:200], request=request)])


def _may(principal: Principal, scope: str, owner: PrincipalId) -> bool:
    return owner == principal.id or principal.may(scope, owner)


def _worker(row: Any) -> WorkerLook:  # noqa: ANN401 - a row
    worker, name, queues, places, held, started, left = row
    return WorkerLook(
        worker=worker,
        name=name,
        queues=tuple(filter(None, queues.split(","))),
        places=places,
        held=held,
        started=moment(started),
        lease_left=round(float(left), 3),
    )
