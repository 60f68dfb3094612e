"""Processes on one database, with a clock that is moved by hand, and jobs that leave a trace."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from muelle.core import Ids, ManualClock, Metric, MuelleError, PrincipalId, RunId, TenantId
from muelle.engine import Engine, EngineSettings, JobKind, Jobs, Order, Queue, RunRecord, SqlJournal, Worker
from muelle.stores import Database, MemoryBlobs, SqlValue

TENANT = TenantId("tenant_1")
OTHER = TenantId("tenant_2")
WHO = PrincipalId("principal_1")
LEASE = 5.0  # seconds, as the settings have it
NOW = Order()


class Copy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the jobs here are handed."""

    pages: int = 1
    note: str = ""


class Busy(MuelleError):
    """Somebody else's system asks for patience."""

    code = "busy"
    recoverable = True


class Counters:
    """Metrics that a test can read."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ...], float] = {}
        self.gauges: dict[tuple[str, ...], float] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        self.counts[metric.name, *labels] = self.counts.get((metric.name, *labels), 0) + by

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        self.gauges[metric.name, *labels] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self.counts[metric.name, *labels] = self.counts.get((metric.name, *labels), 0) + 1
        self.gauges[metric.name, *labels] = value


class World:
    """Everything that outlives a process; `did` is what jobs did to the world, in order."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.blobs = MemoryBlobs()
        self.did: list[str] = []

    def process(self, *kinds: JobKind, database: Database | None = None, **settings: Any) -> "Process":
        """Start a process that knows some jobs."""
        return Process(self, kinds, EngineSettings(**settings), database or self.database)

    async def do(self, what: str) -> str:
        """Have an effect."""
        self.did.append(what)
        return what

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Any]:
        """Look into the database."""
        return [tuple(row) for row in await self.database.fetch(sql, *parameters)]


class Process:
    """One engine with its jobs and its worker, whose loops are turned by hand."""

    def __init__(self, world: World, kinds: tuple[JobKind, ...], settings: EngineSettings, database: Database) -> None:
        clock = world.clock
        self.world = world
        self.metrics = Counters()
        self.queue = Queue(database, clock, trusts_database=False)
        self.journal = SqlJournal(database, world.blobs, settings, clock)
        self.engine = Engine(self.queue, self.journal, clock, Ids(clock), self.metrics, settings)
        self.jobs = Jobs(self.engine, clock)
        self.worker = Worker(self.engine, ("default",))
        for kind in kinds:
            self.jobs.register(kind)

    async def submit(self, name: str = "copy", order: Order = NOW, tenant: TenantId = TENANT, **payload: Any) -> RunId:
        """Hand a job in."""
        return (await self.jobs.submit(tenant, WHO, name, payload, order)).run

    async def enter(self) -> "Process":
        """Be a worker from now on."""
        await self.engine.lease.take()
        self.engine.queues = ("default",)
        return self

    async def look(self) -> list[RunId]:
        """Wake and claim once; return what is held then, in the order of its beginning."""
        await self.enter()
        await self.worker.look()
        return [run for _, run in self.engine.held]

    async def work(self) -> None:
        """Look until there is nothing to do now."""
        is_busy = True
        while is_busy:
            tasks = [held.task for held in self.engine.held.values() if held.task]
            if tasks:
                await asyncio.wait(tasks)
            is_busy = bool(await self.look() or tasks)  # whoever ends during a look makes room for the next one

    async def die(self) -> None:
        """Be gone without a word, as by SIGKILL; others have to find out."""
        tasks = [held.task for held in self.engine.held.values() if held.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.engine.held.clear()

    async def status(self, run: RunId, tenant: TenantId = TENANT) -> str:
        """Return how a job stands."""
        return (await self.record(run, tenant)).status

    async def record(self, run: RunId, tenant: TenantId = TENANT) -> RunRecord:
        """Return a job's record."""
        return await self.jobs.status(tenant, run)


def job(
    world: World, perform: Callable[[Copy, Any], Awaitable[Any]] | None = None, name: str = "copy", **more: Any
) -> JobKind:
    """Return a job that copies as many pages as its payload says, each once, or does what is given."""

    async def copy(payload: Copy, step: Any) -> Any:
        return [
            await step.once(f"page {page}", lambda page=page: world.do(f"page {page}")) for page in range(payload.pages)
        ]

    return JobKind(name=name, payload=Copy, perform=perform or copy, **more)


async def until(holds: Callable[[], bool]) -> None:
    """Let others do their work until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - others set no event
            await asyncio.sleep(0)
