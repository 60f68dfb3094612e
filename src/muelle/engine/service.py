"""The engine: it takes jobs, hands them to handlers under a lease, and tells who waits when they have ended."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any

from msgspec.structs import replace

from muelle.core import Clock, Ids, Metrics, MuelleError, RunId, TenantId, Unavailable
from muelle.engine.alone import Alone
from muelle.engine.compaction import Compaction
from muelle.engine.durability import Beside, durable, hush
from muelle.engine.errors import IdempotencyConflict, LeaseLost, TooManySubmissions, UnknownKind
from muelle.engine.held import Handler, Held, Key, Work
from muelle.engine.lease import Lease
from muelle.engine.metrics import CLAIMED, DEAD, HELD, LEASES_LOST, PARKED, RECOVERED, STARTED, SUBMITTED
from muelle.engine.model import Job, Past, Submitted
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.failures import Failures
from muelle.engine.stores.journal import PLANS, SqlJournal
from muelle.engine.stores.queue import Queue, Wish
from muelle.engine.stores.requests import CANCEL, PAUSE, Change, Requests
from muelle.engine.stores.waits import Waits
from muelle.engine.waiters import Ending, Waiters
from muelle.engine.work import digest_of, work_claimed, work_of
from muelle.stores import ConstraintViolated

_LOG = logging.getLogger("muelle.engine")


class Engine:
    """One for a process. `submit`, `wait` and `change` work anywhere; claims are made by its `Worker` alone."""

    def __init__(
        self, queue: Queue, journal: SqlJournal, clock: Clock, ids: Ids, metrics: Metrics, settings: EngineSettings
    ) -> None:
        self.queue = queue
        self.journal = journal
        self.settings = settings
        self.clock = clock
        self.metrics = metrics
        self.requests = Requests(queue)
        self.waits = Waits(queue, self.requests, clock)
        self.lease = Lease(queue, clock, ids, settings)
        self.lease.lost = self._lost
        self.handlers: dict[str, Handler] = {}
        self.held: dict[Key, Held] = {}
        self.bell = asyncio.Event()
        self.queues: tuple[str, ...] = ()  # what is taken from, once a worker is there
        self.next_wake: float | None = None  # on this process's own monotonic clock
        self._ids = ids
        self._waiters = Waiters(journal, self.held)
        self._served = ""
        self._submitting: Counter[TenantId] = Counter()
        self._places = settings.concurrency
        self._most = max(1, int(settings.concurrency * settings.tenant_share))
        self._taken: Counter[TenantId] = Counter()
        self._failures = Failures(queue, settings)
        self._alone = Alone(self)
        self._strange: set[Key] = set()  # held by us as the queue has it, and not in our hands
        self._is_claiming = False
        self.compaction = Compaction(journal, settings.compact_chunks)
        self.backlog: set[TenantId] = set()  # tenants of whom more is due than we could take

    def register(self, kind: str, handler: Handler) -> None:
        """Have jobs of a kind done by a handler."""
        self.handlers[kind] = handler

    async def submit(self, job: Job, past: Sequence[Past] = (), beside: Beside | None = None) -> Submitted:
        """Accept a job; when this returns it is durable, and will be done however often processes die.

        With `past`, it remembers steps of an earlier run. What `beside` commits for a new run goes with it, and is
        durable too when this returns. Raises IdempotencyConflict, TooManySubmissions, UnknownKind,
        or what the database raises.
        """
        self._handler(job.kind)
        if self._submitting[job.tenant] >= self.settings.submissions:
            raise TooManySubmissions(limit=self.settings.submissions)
        self._submitting[job.tenant] += 1
        try:
            return await self._submit(job, RunId(self._ids.mint("run")), past, beside)
        finally:
            self._submitting[job.tenant] -= 1

    async def _submit(self, job: Job, run: RunId, past: Sequence[Past], beside: Beside | None) -> Submitted:
        digest = digest_of(job) if job.idempotency_key else b""
        if job.idempotency_key and (first := await self._first(job, digest)):
            return first
        inputs = await self.journal.packed(job.tenant, run, job.payload)
        document = b"" if not job.plan or self.journal.knows(job.tenant, job.plan) else job.document
        stored = await self.journal.packed(job.tenant, PLANS, document)
        held = await self._reserved(job, run)
        statements = self.queue.entering(job, run, inputs, held.lease if held else None, digest)
        if held is None:
            statements += self.queue.bell()
        if past:
            statements += await self.journal.copied(job.tenant, run, past)
        try:
            plans = {(job.tenant, job.plan): stored} if job.plan else {}
            await self._entered(self.journal.with_plans(plans, statements), job, run, beside)
        except ConstraintViolated:
            self._give_back(held)
            if job.idempotency_key and (first := await self._first(job, digest)):
                return first
            raise
        except LeaseLost:
            self._give_back(held)
            return await self._submit(
                job, run, past, beside
            )  # nothing was written; now without a lease or under a new one
        except BaseException:
            self._give_back(held)
            raise
        self.metrics.count(SUBMITTED, job.kind)
        if held is None:
            self.backlog.add(job.tenant)
            self.ring()
        else:
            self._start(held, work_of(job, run, self.clock.now(), is_new=not past))
        return Submitted(run, is_new=True)

    async def _entered(self, entered: Awaitable[None], job: Job, run: RunId, beside: Beside | None) -> None:
        """Return once a job is durable, with what is committed beside it.

        Whoever comes second under a key is told of the first one's run, and nothing is written for it.
        """
        also = beside(run) if beside and not job.idempotency_key else None
        if also:
            hush(also)
        await durable(entered)
        if beside:
            await (also or beside(run))

    async def _first(self, job: Job, digest: bytes) -> Submitted | None:
        found = await self.queue.submission(job)
        if found is None:
            return None
        run, before = found
        if before != digest:
            raise IdempotencyConflict(key=job.idempotency_key[:100], execution=run)
        return Submitted(run, is_new=False)

    async def _reserved(self, job: Job, run: RunId) -> Held | None:
        """Return a place for a job that may begin at once, or None if it has to wait its turn."""
        is_due = job.run_at is None or job.run_at <= self.clock.now()
        is_free = job.queue in self.queues and not job.concurrency_key and not job.rate_key
        if not is_due or not is_free or self._left() <= 0 or self._taken[job.tenant] >= self._most:
            return None
        if job.tenant in self.backlog:
            return None  # others of this tenant came before
        held = Held(job.tenant, run, await self.lease.take(), is_queued=True)
        self._keep(held)
        return held

    async def hold(self, tenant: TenantId, run: RunId) -> Held:
        """Take a run in hand that nobody queued; it enters the queue with its first append under this lease."""
        self._keep(held := Held(tenant, run, await self.lease.take(), is_queued=False))
        self._alone.begin()
        return held

    async def answer(self, tenant: TenantId, wait: tuple[RunId, str], answer: bytes, by: str) -> None:
        """Answer what a run waits for; raise UnknownWait or WaitClosed."""
        await self.waits.answer(tenant, wait, answer, by)
        if held := self.held.get((tenant, wait[0])):
            held.tell("nudge")
        self.ring()

    async def give_up(self, held: Held, error: MuelleError) -> None:
        """Make a run dead, with the reason; whoever waits for it is told."""
        await self._failures.note(held.lease, held.key, error, is_last=True)
        self.metrics.count(DEAD)

    async def perform_now(self, tenant: TenantId, run: RunId) -> None:
        """Advance a queued run in this process, though no worker is here; for a run that a run started."""
        held = await self.take_up(tenant, run)
        if held is not None:
            await self._performed(held)

    async def take_up(self, tenant: TenantId, run: RunId) -> Held | None:
        """Begin to advance a run that nobody holds, though no worker is here; None if it is not to be had."""
        worker = await self.lease.take()
        wish = Wish(worker=worker, queues=("default",), places=1, most=1, holds={})
        claimed = await self.queue.claim_one(wish, tenant, run)
        if claimed is None:
            return None
        held = Held(tenant, run, worker, is_queued=False)
        self._keep(held)
        self._alone.begin()
        self._start(held, work_claimed(claimed))
        return held

    def let_go(self, held: Held, result: Any | None) -> None:  # noqa: ANN401 - what the handler returned
        """Be done with a run: it has ended with a result, or is parked."""
        self._give_back(held)
        if result is None:
            self._note_parked(held)
            return
        self._waiters.tell(held.key, Ending(result))

    async def wait(self, tenant: TenantId, run: RunId, seconds: float | None = None) -> Ending | None:
        """Return once the run has ended, here or elsewhere; None if it has not after `seconds`.

        Raises UnknownRun, and GivenUp for one that is dead.
        """
        return await self._waiters.wait((tenant, run), seconds)

    async def change(self, tenant: TenantId, run: RunId, change: Change) -> None:
        """Cancel, pause, resume, nudge or replay a run; raise UnknownRun, RunEnded and what the change says."""
        await self.requests.change(tenant, run, change)
        if held := self.held.get((tenant, run)):
            if change is CANCEL or change is PAUSE:
                held.tell("cancel" if change is CANCEL else "pause")
            else:
                held.tell("nudge")
        self.ring()

    @property
    def has_room(self) -> bool:
        """Whether it is worth while to look for more: not for each place that falls free while many wait."""
        return self._left() > (self._places // 4 if self.backlog else 0)

    def ring(self) -> None:
        """Say that there may be something to claim."""
        self.bell.set()

    async def claim(self) -> int:
        """Take what is due, as much as there is room for; return how much that was."""
        places = self._left()
        if places <= 0:
            return 0
        worker = await self.lease.take()
        wish = Wish(
            worker=worker, queues=self.queues, places=places, most=self._most, holds=self._taken, after=self._served
        )
        self._is_claiming = True
        try:
            claimed, self.backlog = await self.queue.claim(wish)
        except LeaseLost:
            self.lease.drop(worker)
            return 0
        finally:
            self._is_claiming = False
        for one in claimed:
            self._served = one.tenant
            held = Held(one.tenant, one.run, worker, is_queued=True)
            self._keep(held)
            if one.request:
                held.tell(one.request)
            self._start(held, work_claimed(one))
        self.metrics.count(CLAIMED, by=len(claimed))
        return len(claimed)

    async def beat(self) -> None:
        """Renew the lease, and compare what the queue says that we hold with what we do."""
        await self.lease.beat()
        worker = self.lease.worker
        if worker is None:
            return
        strange: set[Key] = set()
        is_sure = not self._is_claiming  # what is claimed may come into our hands only in a moment
        for tenant, run, request, nudged in await self.queue.held(worker):
            held = self.held.get((tenant, run))
            if held is None and is_sure:
                strange.add((tenant, run))
            elif held is not None and (request or nudged):
                held.tell(request or "nudge")
        # Twice in a row, for a commit may be on its way: then their handlers failed, or their commits seemed to.
        forgotten, self._strange = [key for key in strange if key in self._strange], strange
        if forgotten:
            await self.queue.release(worker, forgotten)
            self.ring()

    async def reap(self) -> int:
        """Make ready again what dead workers held; return how much that was."""
        reaped = await self.queue.reap(self.settings.takeovers)
        for one in reaped:
            self.metrics.count(DEAD if one.is_dead else RECOVERED)
        if reaped:
            _LOG.warning("Runs of a dead worker are taken over", extra={"runs": len(reaped)})
            self.ring()
        return len(reaped)

    async def drain(self) -> None:
        """Let runs come to a step's end, write down the others as far as they are, and give everything back."""
        self.queues = ()
        tasks = [held.task for held in self.held.values() if held.task]
        for held in list(self.held.values()):
            if held.is_queued:
                held.tell("drain")
        if tasks:
            await asyncio.wait(tasks, timeout=self.settings.drain_seconds)
        await self._cancel(tasks)
        await self._alone.end()
        await self.compaction.end()
        await self._waiters.close()
        await self.lease.leave()

    async def _cancel(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _left(self) -> int:
        return self._places - self._taken.total()

    def _keep(self, held: Held) -> None:
        self._give_back(self.held.get(held.key))  # it is leaving memory and was claimed again before it was gone
        self.held[held.key] = held
        if held.is_queued:
            self._taken[held.tenant] += 1
        self.metrics.gauge(HELD, len(self.held))

    def _give_back(self, held: Held | None) -> None:
        if held is None or self.held.get(held.key) is not held:
            return
        del self.held[held.key]
        if held.is_queued:
            self._taken[held.tenant] -= 1
            if not self._taken[held.tenant]:
                del self._taken[held.tenant]
            self.ring()
        self.metrics.gauge(HELD, len(self.held))

    def _start(self, held: Held, work: Work) -> None:
        held.task = asyncio.create_task(self._perform(held, work), name=held.run)

    async def _performed(self, held: Held) -> None:
        """Return once a run is out of our hands; whoever does not wait any more takes it out of them."""
        tasks = [held.task] if held.task else []
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            await self._cancel(tasks)
            raise

    async def _perform(self, held: Held, work: Work) -> None:
        result: Any | None = None
        try:
            if work.is_new:
                self.metrics.observe(STARTED, (self.clock.now() - work.accepted).total_seconds())
            result = await self._handler(work.kind)(await self._whole(work), held)
        except (LeaseLost, asyncio.CancelledError):
            self._give_back(held)
        except Unavailable as error:  # the database, mostly; `beat` gives the run back when it can be reached again
            _LOG.warning("A run is put down: %s", error, extra={"run": held.run})
            await self.journal.settle(held.run)
            self._give_back(held)
        except Exception as error:  # noqa: BLE001 - it is written down, and the run is tried again
            _LOG.exception("A handler failed", extra={"run": held.run, "kind": work.kind})
            await self.journal.settle(held.run)
            await self._fail(held, error)
            self._give_back(held)
        else:
            self.let_go(held, result)

    def _handler(self, kind: str) -> Handler:
        handler = self.handlers.get(kind)
        if handler is None:
            raise UnknownKind(kind=kind)
        return handler

    async def _whole(self, work: Work) -> Work:
        payload = await self.journal.unpacked(work.tenant, work.payload)
        return work if payload is work.payload else replace(work, payload=payload)

    async def _fail(self, held: Held, error: Exception) -> None:
        try:
            await self._failures.note(held.lease, held.key, error)
        except MuelleError as fault:
            _LOG.warning("A failure could not be written down: %s", fault, extra={"run": held.run})

    def _note_parked(self, held: Held) -> None:
        self.metrics.count(PARKED)
        if held.wake is not None:
            due = self.clock.monotonic() + (held.wake - self.clock.now()).total_seconds()
            if self.next_wake is None or due < self.next_wake:
                self.next_wake = due
                self.ring()
        else:
            self.ring()

    def _lost(self, worker: str) -> None:
        """Drop every run that was held under a lease: somebody else may be at it already."""
        self.metrics.count(LEASES_LOST)
        dropped = [held for held in self.held.values() if held.lease == worker]
        self._alone.remember(held.key for held in dropped)
        for held in dropped:
            if held.task is not None:
                held.task.cancel()
