"""Jobs of packs and applications: functions that are run now, later, or again, and survive the process.

A job's function gets its payload and a `JobStep`. What it does to the world goes through `step.once`, which remembers
what it returned: after a crash the function is called again from its beginning, and what was done is not done twice.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from muelle.core import Clock, Invalid, MuelleError, PrincipalId, RunId, TenantId
from muelle.engine.durability import durable
from muelle.engine.errors import InvalidJob, JobCrashed, JobFailed, UnknownRun
from muelle.engine.held import Held, Work
from muelle.engine.job_step import JobStep, Rests
from muelle.engine.model import (
    Entry,
    EventRaised,
    Job,
    RunBegan,
    RunFilter,
    RunFinished,
    RunPage,
    RunParked,
    RunRecord,
    RunStatus,
    StepFinished,
    Submitted,
)
from muelle.engine.service import Engine
from muelle.engine.stores.requests import CANCEL, REPLAY

_LOG = logging.getLogger("muelle.engine")
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
_SECOND = 1_000_000
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A job that can be handed in by name. `payload` is its msgspec type; `perform(payload, step)` returns JSON.

    It is tried `attempts` times, with pauses that double from `pause_seconds`; then it is dead until it is replayed.
    """

    name: str
    payload: type[Any]
    perform: Callable[[Any, Any], Awaitable[Json]]
    summary: str = ""
    attempts: int = 3
    pause_seconds: float = 1.0
    queue: str = "default"
    priority: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a job is to be done; see `Job`."""

    run_at: datetime | None = None
    priority: int | None = None
    key: str = ""
    concurrency_key: str = ""
    concurrency: int = 0
    rate_key: str = ""
    rate: int = 0
    rate_seconds: float = 0
    deadline: datetime | None = None
    cause: str = ""


class _Hands:
    """What a running job can be told: to be cancelled, at its next await."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True
        if self._held.task is not None:
            self._held.task.cancel()

    def pause(self, status: str) -> None:
        """Go on: a job is one step, and ends or is interrupted with its worker."""

    def nudge(self) -> None:
        """Nothing is waited for."""


class Jobs:
    """The jobs of packs and applications, by name, and what is done with them."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._kinds: dict[str, JobKind] = {}

    @property
    def kinds(self) -> Mapping[str, JobKind]:
        """The jobs that there are, by name."""
        return self._kinds

    def register(self, kind: JobKind) -> None:
        """Make a job known; raise InvalidJob if there is one of that name."""
        if kind.name in self._engine.handlers:
            raise InvalidJob(f"There is a job '{kind.name}' already", field="name")
        self._kinds[kind.name] = kind
        self._engine.register(kind.name, self._perform)

    async def submit(
        self,
        tenant: TenantId,
        principal: PrincipalId,
        name: str,
        payload: Json,
        order: Order = Order(),
    ) -> Submitted:
        """Hand a job in, to be done soon or at `order.run_at`; raise InvalidJob for an unknown name or payload."""
        kind = self._kind(name)
        encoded = _ENCODE(payload)
        _typed(kind, encoded)
        return await self._engine.submit(
            Job(
                tenant=tenant,
                principal=principal,
                kind=name,
                name=name,
                payload=encoded,
                queue=kind.queue,
                priority=kind.priority if order.priority is None else order.priority,
                run_at=order.run_at,
                concurrency_key=order.concurrency_key,
                concurrency=order.concurrency,
                rate_key=order.rate_key,
                rate=order.rate,
                rate_seconds=order.rate_seconds,
                deadline=order.deadline,
                cause=order.cause,
                idempotency_key=order.key,
            )
        )

    async def run(
        self,
        tenant: TenantId,
        principal: PrincipalId,
        name: str,
        payload: Json,
        order: Order = Order(),
    ) -> Json:
        """Do a job now and return its result; raise JobFailed with its error."""
        submitted = await self.submit(tenant, principal, name, payload, order)
        if not self._engine.queues:
            await self._engine.perform_now(tenant, submitted.run)
        await self._engine.wait(tenant, submitted.run)
        return await self.result(tenant, submitted.run)

    async def result(self, tenant: TenantId, run: RunId) -> Json:
        """Return what a job that succeeded returned; raise JobFailed, or UnknownRun."""
        record = await self.status(tenant, run)
        if record.status != "success":
            raise JobFailed(execution=run, status_of_run=record.status, **_cause(record))
        steps = await self._engine.journal.steps(tenant, run)
        return _DECODE(steps[-1].output or b"null")

    async def status(self, tenant: TenantId, run: RunId) -> RunRecord:
        """Return a job's record; raise UnknownRun."""
        record = await self._engine.journal.run(tenant, run)
        if record is None or record.kind not in self._kinds:
            raise UnknownRun(execution=run)
        return record

    async def history(self, tenant: TenantId, name: str, limit: int = 100, cursor: str | None = None) -> RunPage:
        """Return the runs of a job, newest first."""
        return await self._engine.journal.runs(tenant, RunFilter(workflow=name, kind=name), limit, cursor)

    async def cancel(self, tenant: TenantId, run: RunId) -> None:
        """Cancel a job that has not ended; raise UnknownRun or RunEnded."""
        await self._engine.change(tenant, run, CANCEL)

    async def replay(self, tenant: TenantId, run: RunId) -> None:
        """Try a dead job again; what it remembers it keeps. Raises UnknownRun, RunEnded, RunNotDead."""
        await self._engine.change(tenant, run, REPLAY)

    def _kind(self, name: str) -> JobKind:
        kind = self._kinds.get(name)
        if kind is None:
            raise InvalidJob(f"There is no job '{name[:100]}'", field="name", known=sorted(self._kinds)[:20])
        return kind

    async def _perform(self, work: Work, held: Held) -> Json | None:
        kind = self._kinds[work.kind]
        past = () if work.is_new else await self._engine.journal.past(work.tenant, work.run)
        step = JobStep(self._engine, work, held, past)
        hands = _Hands(held)
        held.attach(hands)
        if hands.is_cancelled:
            return await self._end(work, held, step, "cancelled", None, None)
        try:
            result = await kind.perform(_typed(kind, work.payload), step)
        except Rests as rests:
            await self._park(work, held, rests.until)
            return None
        except BaseException as error:
            if hands.is_cancelled:
                return await self._end(work, held, step, "cancelled", None, None)
            if not isinstance(error, Exception):
                raise
            return await self._fail(work, held, step, error)
        return await self._end(work, held, step, "success", _ENCODE(result), None)

    async def _fail(self, work: Work, held: Held, step: JobStep, error: Exception) -> Json | None:
        """Try again after a while, or give it up: then the record has the reason, and it can be replayed."""
        kind = self._kinds[work.kind]
        known = error if isinstance(error, MuelleError) else JobCrashed(fault=type(error).__name__)
        failures = step.failures + 1
        if isinstance(error, MuelleError):
            _LOG.info("A job failed: %s", error, extra={"run": work.run, "kind": work.kind})
        else:
            _LOG.exception("A job crashed", extra={"run": work.run, "kind": work.kind})
        if isinstance(error, Invalid):
            return await self._end(work, held, step, "error", None, known)
        if failures >= kind.attempts:
            await self._engine.give_up(held, known)
            return None
        await step.keep_failures(failures)
        pause = kind.pause_seconds * 2 ** (failures - 1)
        await self._park(work, held, self._clock.now() + timedelta(seconds=pause))
        return None

    async def _park(self, work: Work, held: Held, wake: datetime) -> None:
        entries: list[Entry] = [RunBegan(run=work.run, tenant=work.tenant, at=self._clock.now())] if work.is_new else []
        entries.append(RunParked(run=work.run, tenant=work.tenant, status="waiting", wake=wake))
        await durable(self._engine.journal.append(entries, lease=held.lease))
        held.wake = wake

    async def _end(
        self, work: Work, held: Held, step: JobStep, status: RunStatus, output: bytes | None, error: MuelleError | None
    ) -> Json:
        now = self._clock.now()
        took = int((now - work.accepted).total_seconds() * _SECOND)
        problem = None if error is None else _ENCODE(error.problem())
        told = {"status": status, "workflow": work.name, "agent": work.principal}
        finished = StepFinished(
            run=work.run,
            tenant=work.tenant,
            sequence=step.sequence,
            operation="job",
            type=work.kind,
            iteration="",
            status="success" if status == "success" else "failed" if error else "skipped",
            at=now,
            took=took,
            attempts=step.failures + 1,
            cached=False,
            output=output,
            error=problem,
        )
        ended = RunFinished(
            run=work.run,
            tenant=work.tenant,
            status=status,
            at=now,
            took=took,
            succeeded=int(status == "success"),
            failed=int(error is not None),
            skipped=0,
            error=problem,
        )
        event = EventRaised(
            run=work.run,
            tenant=work.tenant,
            id=f"{work.run}:finished",
            type="muelle.run.finished",
            source=f"/runs/{work.run}",
            subject=work.name,
            at=now,
            data=_ENCODE(told),
        )
        began = RunBegan(run=work.run, tenant=work.tenant, at=now)
        await durable(self._engine.journal.append([began, finished, ended, event], lease=held.lease))
        return status


def _typed(kind: JobKind, payload: bytes) -> Any:  # noqa: ANN401 - the kind's type
    try:
        return msgspec.json.decode(payload, type=kind.payload)
    except msgspec.ValidationError as error:
        raise InvalidJob(f"The payload does not fit: {error}", field="payload", job=kind.name) from None


def _cause(record: RunRecord) -> dict[str, Any]:
    return {"cause": _DECODE(record.error).get("code")} if record.error else {}
