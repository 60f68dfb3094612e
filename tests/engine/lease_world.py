"""Workers that do to the real queue and journal what workers do, a verb at a time, and a ledger of what they saw.

A worker here knows only what it was told. It is not told that it was found dead; it may be told nothing of a commit.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from muelle.core import ManualClock, PrincipalId, RunId, TenantId
from muelle.engine import (
    CANCEL,
    PAUSE,
    REPLAY,
    Change,
    Entry,
    EventRaised,
    Job,
    LeaseLost,
    Past,
    Queue,
    RunBegan,
    RunFinished,
    RunParked,
    SqlJournal,
    StepBegan,
    StepFinished,
    WaitOpened,
    Waits,
    durable,
)
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.failures import Failures
from muelle.engine.stores.queue import SECOND, Claimed, Wish
from muelle.engine.stores.requests import Requests
from muelle.stores import Database, MemoryBlobs, Row

TENANTS = (TenantId("tenant_1"), TenantId("tenant_2"))
PRINCIPAL = PrincipalId("principal_1")
LEASE = 5  # seconds
STEPS = 2
CONCURRENCY = 1  # of the jobs that have a key
TAKEOVERS = 2
FAILURES = 2
FOREVER = timedelta(days=30)
SLEEP = timedelta(seconds=20)
_SETTINGS = EngineSettings(takeovers=TAKEOVERS, failures=FAILURES)

Key = tuple[TenantId, RunId]
Then = Literal["go on", "sleep", "ask"]


@dataclass(slots=True)
class Walk:
    """A run as a worker has it in memory: what it knows to be in the journal, and what it is about to write."""

    key: Key
    past: list[Past]
    told: str = ""
    pending: list[Entry] = field(default_factory=list)

    @property
    def begun(self) -> StepBegan | None:
        """The step that began and has not finished."""
        return self.past[-1] if self.past and isinstance(self.past[-1], StepBegan) else None

    @property
    def finished(self) -> int:
        """How many steps are done."""
        return sum(isinstance(entry, StepFinished) for entry in self.past)

    @property
    def leaves(self) -> bool:
        """Whether it leaves memory with what is pending."""
        return any(isinstance(entry, RunFinished | RunParked) for entry in self.pending)


class Ledger:
    """What nobody may contradict later."""

    def __init__(self) -> None:
        self.effects: defaultdict[tuple[RunId, int], set[datetime]] = defaultdict(set)
        self.told: dict[Key, list[Past]] = {}  # what somebody knows to be in the journal
        self.ended: dict[Key, Row] = {}
        self.submitted: list[Key] = []
        self.asleep: dict[Key, datetime] = {}
        self.paused: set[Key] = set()
        self.cancelled: set[Key] = set()

    def perform(self, run: RunId, step: int, chance: datetime) -> None:
        """Have an effect in the world outside; an idempotency key stands for the time and chance that a step saw."""
        self.effects[run, step].add(chance)
        assert len(self.effects[run, step]) == 1, "an effect happened under two keys"


class World:
    """Two handles of one database, as two processes have them, one clock, and any number of workers."""

    def __init__(self, databases: Sequence[Database], kind: "type[Worker]") -> None:
        self.kind = kind
        self.clock = ManualClock()
        self.databases = databases
        self.queues = [Queue(database, self.clock, trusts_database=False) for database in databases]
        self.journals = [SqlJournal(database, MemoryBlobs()) for database in databases]
        self.requests = Requests(self.queues[0])
        self.waits = Waits(self.queues[0], self.requests, self.clock)
        self.ledger = Ledger()
        self.workers: list[Worker] = []
        self._numbers = 0

    def number(self) -> int:
        """Return a number that was not there before."""
        self._numbers += 1
        return self._numbers

    def chance(self) -> datetime:
        """Return a time that nobody else sees."""
        return self.clock.now() + timedelta(microseconds=self.number())

    async def fetch(self, sql: str, *parameters: str | int) -> list[Row]:
        """Look into the database."""
        return list(await self.databases[0].fetch(sql, *parameters))

    async def enter(self) -> "Worker":
        """Start a worker."""
        number = self.number()
        worker = self.kind(self, f"worker_{number}", number % len(self.databases))
        await worker.queue.enter(worker.id, "test", ("default",), 8, LEASE * SECOND)
        self.workers.append(worker)
        return worker

    async def submit(self, tenant: TenantId, *, is_keyed: bool, sleeps: bool) -> None:
        """Queue a job."""
        number = self.number()
        run = RunId(f"run_{number:032x}")
        due = self.clock.now() + SLEEP if sleeps else None
        keys = ("one", CONCURRENCY) if is_keyed else ("", 0)
        job = Job(
            tenant=tenant,
            principal=PRINCIPAL,
            kind="k",
            name="n",
            payload=b"{}",
            run_at=due,
            concurrency_key=keys[0],
            concurrency=keys[1],
        )
        await self.databases[0].commit(self.queues[0].entering(job, run, b"{}", None, b""))
        self.ledger.submitted.append((tenant, run))
        if due is not None:
            self.ledger.asleep[tenant, run] = due

    async def change(self, key: Key, change: Change) -> None:
        """Ask something of a run."""
        await self.requests.change(*key, change)
        self.ledger.asleep.pop(key, None)
        rows = await self.fetch("SELECT state FROM jobs WHERE tenant = ? AND run = ?", *key)
        if change is PAUSE and rows and rows[0][0] == "paused":
            self.ledger.paused.add(key)
        else:
            self.ledger.paused.discard(key)
        if change is CANCEL:
            self.ledger.cancelled.add(key)
        elif change is REPLAY:
            self.ledger.cancelled.discard(key)

    async def answer(self, key: Key, place: str) -> None:
        """Answer a question."""
        await self.waits.answer(key[0], (key[1], place), b"{}", PRINCIPAL)
        self.ledger.asleep.pop(key, None)

    async def living(self) -> set[str]:
        """Return the workers that the database holds for alive."""
        return {worker for (worker,) in await self.fetch("SELECT worker FROM workers WHERE alive = 1")}

    async def everything(self) -> list[list[Row]]:
        """Return all that a commit could change."""
        tables = ("runs", "jobs", "journal", "events", "waits")
        return [sorted(map(tuple, await self.fetch(f"SELECT * FROM {table}")), key=repr) for table in tables]  # noqa: S608 - constants

    async def clear(self) -> None:
        """Forget all runs and workers."""
        for table in ("runs", "jobs", "journal", "events", "waits", "workers", "limit_keys"):
            async with self.databases[0].transaction() as transaction:
                await transaction.execute(f"DELETE FROM {table}")  # noqa: S608 - constants


class Worker:
    """A process that advances runs; `id` is what it holds for its lease."""

    def __init__(self, world: World, worker: str, handle: int) -> None:
        self.world = world
        self.id = worker
        self.queue = world.queues[handle]
        self.journal = world.journals[handle]
        self.walks: dict[Key, Walk] = {}
        self._failures = Failures(self.queue, _SETTINGS)
        self._strange: set[Key] = set()

    def drop(self) -> None:
        """Act as dead."""
        self.walks.clear()
        if self in self.world.workers:
            self.world.workers.remove(self)

    async def claim(self, places: int) -> list[Claimed]:
        """Take what is due; the caller says whether the worker hears of it."""
        holds = dict.fromkeys(TENANTS, 0)
        wish = Wish(worker=self.id, queues=("default",), places=places, most=places, holds=holds)
        claimed, _ = await self.queue.claim(wish)
        return claimed

    async def take_up(self, claimed: Sequence[Claimed]) -> None:
        """Begin to walk what was claimed."""
        living = await self.world.living()
        now = self.world.clock.now()
        for one in claimed:
            key = one.tenant, one.run
            others = [worker for worker in self.world.workers if worker.id in living and key in worker.walks]
            assert not others, "a run was claimed that a living worker walks"
            assert key not in self.world.ledger.paused, "a paused run was claimed"
            assert self.world.ledger.asleep.pop(key, now) <= now, "a run was claimed that sleeps"
            self.walks[key] = Walk(key, list(await self.journal.past(*key)), told=one.request)

    async def advance(self, walk: Walk, then: Then) -> None:
        """Have the effect that is due, and make ready what is to be written next, unless something waits for that."""
        if walk.pending:
            return
        tenant, run = walk.key
        begun, sequence = walk.begun, len(walk.past)
        if walk.told == "cancel":
            walk.pending = self._end(walk, "cancelled")
        elif walk.told == "pause":
            walk.pending = [RunParked(run=run, tenant=tenant, status="paused", wake=None)]
        elif await self._waits(walk):
            walk.pending = [self._park(walk, FOREVER)]
        elif begun is not None:
            self.world.ledger.perform(run, walk.finished, begun.at)
            walk.pending = [self._outcome(walk, sequence), *self._next(walk, sequence + 1, then)]
        elif walk.finished < STEPS:
            walk.pending = [RunBegan(run=run, tenant=tenant, at=self.world.clock.now()), self._begin(walk, sequence)]
        else:
            walk.pending = self._end(walk, "success")

    async def commit(self) -> None:
        """Append what is pending of all runs at once; drop everything if that is refused."""
        walks = [walk for walk in self.walks.values() if walk.pending]
        appended = [asyncio.ensure_future(durable(self.append(walk))) for walk in walks]
        outcomes = await asyncio.gather(*appended, return_exceptions=True)
        for refusal in filter(None, outcomes):
            self.drop()
            raise refusal
        for walk in walks:
            await self._note(walk)

    def append(self, walk: Walk) -> Awaitable[None]:
        """Hand over what is pending of one run."""
        return self.journal.append(walk.pending, lease=self.id)

    def put_down(self) -> None:
        """Forget the runs of a commit whose outcome is not known."""
        for key in [key for key, walk in self.walks.items() if walk.pending]:
            del self.walks[key]

    async def renew(self) -> None:
        """Renew the lease; give back what is held and in nobody's hands; hear what the runs are told."""
        try:
            await durable(self.queue.database.commit(self.queue.renewal(self.id, LEASE * SECOND)))
        except LeaseLost:
            self.drop()
            raise
        strange: set[Key] = set()
        for tenant, run, request, _ in await self.queue.held(self.id):
            walk = self.walks.get((tenant, run))
            if walk is None:
                strange.add((tenant, run))
            elif request:
                walk.told = request
        await self.queue.release(self.id, sorted(strange & self._strange))
        self._strange = strange - self._strange

    async def held(self) -> set[Key]:
        """Return what the database says that it holds."""
        return {(tenant, run) for tenant, run, _, _ in await self.queue.held(self.id)}

    async def fail(self, key: Key) -> None:
        """Have the handler of a run fail."""
        del self.walks[key]
        await self._failures.note(self.id, key, ValueError("x"))

    async def leave(self) -> None:
        """Drain: give everything back."""
        await self.queue.release(self.id)
        self.drop()

    async def _note(self, walk: Walk) -> None:
        known = [*walk.past, *(entry for entry in walk.pending if isinstance(entry, Past))]
        found = list(await self.journal.past(*walk.key))
        assert found == known, "what was said to be durable is not what the journal has"
        self.world.ledger.told[walk.key] = known
        walk.past = known
        for entry in walk.pending:
            if isinstance(entry, RunParked) and entry.wake is not None:
                await self._note_asleep(walk.key, entry.wake)
        if walk.leaves:
            del self.walks[walk.key]
        walk.pending = []

    async def _note_asleep(self, key: Key, wake: datetime) -> None:
        rows = await self.world.fetch("SELECT state FROM jobs WHERE tenant = ? AND run = ? AND worker IS NULL", *key)
        if rows and rows[0][0] == "sleeping":
            self.world.ledger.asleep[key] = wake

    async def _waits(self, walk: Walk) -> bool:
        return any(wait.state == "open" for wait in await self.world.waits.of(*walk.key))

    def _next(self, walk: Walk, sequence: int, then: Then) -> list[Entry]:
        tenant, run = walk.key
        if walk.finished + 1 == STEPS:
            return self._end(walk, "success")
        if then == "go on":
            return [self._begin(walk, sequence)]
        if then == "sleep":
            return [self._park(walk, SLEEP)]
        at = self.world.clock.now()
        wait = WaitOpened(
            run=run,
            tenant=tenant,
            place=f"step {walk.finished}",
            kind="approval",
            subject="",
            body=b"{}",
            at=at,
            expires=at + FOREVER,
        )
        return [wait]  # and it leaves memory at its next turn: meanwhile it may be answered

    def _park(self, walk: Walk, sleep: timedelta) -> RunParked:
        tenant, run = walk.key
        return RunParked(run=run, tenant=tenant, status="waiting", wake=self.world.clock.now() + sleep)

    def _begin(self, walk: Walk, sequence: int) -> StepBegan:
        tenant, run = walk.key
        return StepBegan(run=run, tenant=tenant, sequence=sequence, operation="a", iteration="", at=self.world.chance())

    def _outcome(self, walk: Walk, sequence: int) -> StepFinished:
        tenant, run = walk.key
        return StepFinished(
            run=run,
            tenant=tenant,
            sequence=sequence,
            operation="a",
            type="t",
            iteration="",
            status="success",
            at=self.world.chance(),
            took=1,
            attempts=1,
            cached=False,
            output=b"{}",
            error=None,
        )

    def _end(self, walk: Walk, status: Literal["success", "cancelled"]) -> list[Entry]:
        tenant, run = walk.key
        at = self.world.clock.now()
        end = RunFinished(
            run=run,
            tenant=tenant,
            status=status,
            at=at,
            took=self.world.number(),
            succeeded=walk.finished,
            failed=0,
            skipped=0,
            error=None,
            has_waits=True,
        )
        raised = EventRaised(
            run=run, tenant=tenant, id=f"{run}:end", type="run.ended", source="", subject="", at=at, data=b"{}"
        )
        return [end, raised]
