"""Jobs of packs and applications: functions that are run now, later, or again, and survive the process.

A job's function gets its payload and a `JobStep`. What it does to the world goes through `step.once`, which remembers
what it returned: after a crash the function is called again from its beginning, and what was done is not done twice.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from muelle.core import Clock, PrincipalId, RunId, TenantId
from muelle.engine.attempt import Attempt, JobKind, typed
from muelle.engine.errors import GivenUp, InvalidJob, JobFailed, UnknownRun
from muelle.engine.held import Held, Work
from muelle.engine.model import ENDED, Job, RunFilter, RunPage, RunRecord, Submitted
from muelle.engine.order import Order, check_key, check_order
from muelle.engine.service import Engine
from muelle.engine.stores.requests import CANCEL, PAUSE, REPLAY, RESUME

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
_LOOK_SECONDS = 0.5  # between looks at a job that rests where no worker is
_LONGEST_PAUSE = 30 * 86_400  # seconds that a rate key may be paused
_AS_IT_IS = Order()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_WORKFLOW = "workflow"  # a kind of run that is no job
Json = Any


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
        """Make a job known; raise InvalidJob if there is one of that name, or its name can be none."""
        if not _NAME.match(kind.name) or kind.name == _WORKFLOW:
            raise InvalidJob(
                "A job's name has 1 to 100 letters, digits, dots, hyphens or underscores", field="name", value=kind.name
            )
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
        order: Order = _AS_IT_IS,
    ) -> Submitted:
        """Hand a job in, to be done soon or at `order.run_at`; when this returns it will be done, whatever dies.

        Raises InvalidJob, which names the field, and what `Engine.submit` does.
        """
        kind = self.kind(name)
        check_order(order, self._clock.now())
        encoded = _encoded(payload)
        typed(kind, encoded)
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
        order: Order = _AS_IT_IS,
    ) -> Json:
        """Do a job now, here if no worker is, and return its result; raise JobFailed with its error."""
        submitted = await self.submit(tenant, principal, name, payload, order)
        return await self.outcome(tenant, submitted.run)

    async def outcome(self, tenant: TenantId, run: RunId) -> Json:
        """Wait for a job to end and return its result; raise JobFailed with its error, or UnknownRun."""
        with suppress(GivenUp):  # its record has the reason
            if self._engine.queues:
                await self._engine.wait(tenant, run)
            else:
                await self._advance(tenant, run)
        return await self.result(tenant, run)

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
        """Return the runs of a job, newest first; raise InvalidJob for an unknown name, InvalidCursor, InvalidLimit."""
        self.kind(name)
        return await self._engine.journal.runs(tenant, RunFilter(workflow=name, kind=name), limit, cursor)

    async def cancel(self, tenant: TenantId, run: RunId) -> None:
        """Cancel a job that has not ended; raise UnknownRun or RunEnded."""
        await self.status(tenant, run)
        await self._engine.change(tenant, run, CANCEL)

    async def pause(self, tenant: TenantId, run: RunId) -> None:
        """Let a job leave memory before its next effect, and stand still until it is resumed."""
        await self.status(tenant, run)
        await self._engine.change(tenant, run, PAUSE)

    async def resume(self, tenant: TenantId, run: RunId) -> None:
        """Have a paused job go on; raise UnknownRun, RunEnded, RunNotPaused."""
        await self.status(tenant, run)
        await self._engine.change(tenant, run, RESUME)

    async def replay(self, tenant: TenantId, run: RunId) -> None:
        """Try a dead job again; what it remembers it keeps. Raises UnknownRun, RunEnded, RunNotDead."""
        await self.status(tenant, run)
        await self._engine.change(tenant, run, REPLAY)

    async def pause_rate(self, tenant: TenantId, key: str, seconds: float) -> None:
        """Let no job of a rate key begin for some seconds from now, as somebody's Retry-After asks; 0 ends that."""
        check_key("key", key)
        if not key or not 0 <= seconds <= _LONGEST_PAUSE:
            field = "seconds" if key else "key"
            raise InvalidJob(f"A key is paused for 0 to {_LONGEST_PAUSE} seconds", field=field, value=seconds)
        await self._engine.requests.pause_key(tenant, key, seconds)
        self._engine.ring()

    def kind(self, name: str) -> JobKind:
        """Return a job that there is; raise InvalidJob, which names those that there are."""
        kind = self._kinds.get(name)
        if kind is None:
            raise InvalidJob(f"There is no job '{name[:100]}'", field="name", known=sorted(self._kinds)[:20])
        return kind

    async def _advance(self, tenant: TenantId, run: RunId) -> None:
        """Advance a run where no worker is, through its rests, until it has ended; others may take it meanwhile."""
        while True:
            await self._engine.queue.promote()
            await self._engine.perform_now(tenant, run)
            status = (await self.status(tenant, run)).status
            if status in ENDED or status == "dead" or await self._engine.wait(tenant, run, _LOOK_SECONDS):
                return

    async def _perform(self, work: Work, held: Held) -> Json | None:
        past = () if work.is_new else await self._engine.journal.past(work.tenant, work.run)
        return await Attempt(self._engine, self._kinds[work.kind], work, held, past).perform()


def _encoded(payload: Json) -> bytes:
    try:
        return _ENCODE(payload)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJob(f"The payload is no JSON value: {error}", field="payload") from None


def _cause(record: RunRecord) -> dict[str, Any]:
    problem = _DECODE(record.error) if record.error else {}
    return {"cause": problem["code"], "reason": problem["message"]} if problem else {}
