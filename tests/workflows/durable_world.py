"""Several processes on one database, a clock moved by hand, and a power switch for each process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from muelle.app import App, open_app, read_configuration
from muelle.core import HttpAnswer, HttpCall, ManualClock, NoMetrics
from muelle.engine import Engine, Entry, Journal, Outbox, Queue, RunRecord, StepFinished, Worker
from muelle.identity import AgentDraft, Principal
from muelle.rooms import approvals_of, saved_of
from muelle.workflows import Workflows, plain_answer
from muelle.workflows.approvals.service import Approvals
from muelle.workflows.children import Children
from muelle.workflows.event_waits import EventWaits
from muelle.workflows.runs import Runs, Wishes
from muelle.workflows.versions.model import Draft
from workflows.runs_world import Stage, document

LEASE = 6.0  # seconds; longer than a lease lasts
_BEAT = 2.0
_NO_WISHES = Wishes()
_PATIENCE = 20.0  # real seconds for what databases and threads do by themselves


class Switch:
    """A journal that lets so many appends through; then its process is as good as dead, and nothing is answered."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.left: int | None = None
        self.appends = 0
        self.reads = 0
        self.is_off = False

    def append(self, entries: Sequence[Entry], *, flush: bool = True, lease: str | None = None) -> Awaitable[None]:
        if self.is_off or self.left == 0:
            self.is_off = True
            return asyncio.get_running_loop().create_future()
        self.appends += 1
        if self.left is not None:
            self.left -= 1
        return self._journal.append(entries, flush=flush, lease=lease)

    def __getattr__(self, name: str) -> Any:
        self.reads += 1
        return getattr(self._journal, name)


@dataclass
class Outside:
    """What stands for the world of HTTP: it keeps what it was called with."""

    calls: list[HttpCall] = field(default_factory=list)

    async def call(self, principal: Principal, call: HttpCall) -> HttpAnswer:
        del principal
        self.calls.append(call)
        headers = {"content-type": "application/json"}
        return HttpAnswer(status=200, headers=headers, body=b'{"ok":true}', url=call.url, duration=0.1)

    async def permit(self, principal: Principal, method: str, url: str) -> None:
        del principal, method, url


@dataclass
class Process:
    """One process: an App that advances runs when it is told to."""

    app: App
    me: Principal
    clock: ManualClock
    switch: Switch

    @property
    def holds(self) -> int:
        """How many runs are in its memory."""
        return len(self.app.engine.held)

    async def submit(
        self, *operations: dict[str, Any], inputs: Any = None, wishes: Wishes = _NO_WISHES, **begin: Any
    ) -> str:
        plan = document(*operations, **begin)
        return (await self.app.runs.submit(self.me, plan, inputs or {}, wishes)).run

    def document(self, *operations: dict[str, Any], **begin: Any) -> bytes:
        return document(*operations, **begin)

    async def work(self) -> None:
        """Take over from the dead, take what is due, and let it go as far as it goes without the clock."""
        await self._look()
        await self.quiet()

    async def _look(self) -> None:
        await self.app.engine.beat()
        await self.app.engine.reap()
        await Worker(self.app.engine, self.app.engine.queues).look()

    async def quiet(self, moments: int = 20) -> None:
        """Return once nothing happens any more by itself: what goes on waits for the clock, or for a dead journal."""
        async with asyncio.timeout(_PATIENCE):
            calm, before = 0, self._signs()
            while calm < moments:
                await asyncio.sleep(0.001)
                calm, before = (calm + 1 if self._signs() == before else 0), self._signs()
                if not self.app.engine.held:
                    return

    def _signs(self) -> tuple[object, ...]:
        return self.switch.appends, self.switch.reads, repr(self.clock._order), len(self.app.engine.held)

    async def forward(self, seconds: float) -> None:
        """Move the clock on, and meanwhile keep the lease and take what is due."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while (left := (end - self.clock.now()).total_seconds()) > 0:
            self.clock.forward(seconds=min(left, _BEAT))
            await self._look()
            await self.quiet(2)
        await self.quiet()

    async def until_ended(self, run: str, seconds: float = 1.0) -> RunRecord:
        """Move the clock on until a run has ended, or the process is dead; return the run."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                await self.work()
                record = await self.record(run)
                if record.finished is not None or self.switch.is_off or record.status == "dead":
                    return record
                await self.forward(seconds)

    async def record(self, run: str) -> RunRecord:
        return await self.app.runs.find(self.me, run)

    async def answer(self, run: str) -> dict[str, Any]:
        """Return what became of a run that has ended, from the journal."""
        return plain_answer(await self.app.runs.recall(self.me, await self.record(run)))

    async def steps(self, run: str) -> tuple[StepFinished, ...]:
        record = await self.record(run)
        return await self.app.stores.journal.steps(self.me.tenant, record.run)

    async def publish(self, name: str, *operations: dict[str, Any], version: str = "auto") -> None:
        """Publish a version of a saved workflow."""
        await saved_of(self.app).workflows.publish(
            self.me, Draft(name=name, document=document(*operations), version=version)
        )

    @property
    def approvals(self) -> Approvals:
        return approvals_of(self.app)

    async def agent(self, name: str, *rules: tuple[str, str]) -> Principal:
        """Add an agent with grants; return it as it acts."""
        identity = self.app.identity
        await identity.agents.add(self.me, AgentDraft(name))
        for scope, pattern in rules:
            await identity.grants.add(self.me, name, scope, pattern)
        return await identity.authenticate((await identity.keys.issue(self.me, name)).text.reveal())

    async def deliver(self) -> None:
        """Hand on the events there are to the runs that wait for them; the first time, none but those to come."""
        outbox = Outbox(self.app.engine.queue, NoMetrics())
        outbox.register("waits", EventWaits(self.app.engine))
        await outbox.begin()
        while await outbox.deliver(await self.app.engine.lease.take()):
            continue

    async def die(self) -> None:
        """Let it be gone in the middle: nothing is given back, and nothing more is written."""
        self.switch.is_off = True
        engine = self.app.engine
        engine.queues = ()
        engine.lease.worker = None
        tasks = [held.task for held in engine.held.values() if held.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@dataclass
class Durable:
    """One database, its processes, and what all runs leave behind outside of it."""

    home: Path | None
    environment: dict[str, str]
    clock: ManualClock
    stage: Stage
    outside: Outside
    _stack: AsyncExitStack
    _first: App | None = None

    async def process(self, *, queues: Sequence[str] = ("default",)) -> Process:
        """Start a process; without queues it advances only what it is asked for."""
        if self.home is None and self._first is not None:
            app = _beside(self._first)
            self._stack.push_async_callback(app.engine.drain)
        else:
            configuration = read_configuration(None, self.environment)
            opened = open_app(configuration, self.home, packs=[self.stage.pack()], clock=self.clock)
            app = await self._stack.enter_async_context(opened)
        self._first = self._first or app
        return await self._started(app, queues)

    async def _started(self, app: App, queues: Sequence[str]) -> Process:
        app.engine.queue._is_told = True  # PostgreSQL, too, is to go by the clock that is moved by hand
        switch = Switch(app.stores.journal)
        among = replace(app.workflows.among, journal=cast("Journal", switch))
        app.workflows.among = app.runs._among = among
        app.workflows.outbound = self.outside
        app.engine.lease.serves(queues)
        app.engine.queues = tuple(queues)
        return Process(app, await app.identity.operator(), self.clock, switch)


@asynccontextmanager
async def open_durable(
    home: Path | None = None, environment: dict[str, str] | None = None, stage: Stage | None = None
) -> AsyncIterator[Durable]:
    """Open a database's world; without a home it is in memory."""
    async with AsyncExitStack() as stack:
        clock = ManualClock()
        yield Durable(home, environment or {}, clock, stage or Stage(), Outside(), stack)


def _beside(app: App) -> App:
    """Return an App on the memory of another one, with an engine and runs of its own."""
    stores = app.stores
    engine = Engine(
        Queue(stores.database, app.clock), stores.journal, app.clock, app.ids, app.metrics, app.settings.engine
    )
    children = Children()
    among = replace(app.workflows.among, engine=engine, children=children)
    workflows = Workflows(app.planner, among, app.egress)
    runs = Runs(workflows, app.identity, app.runs.saved)
    workflows.recall, children.runs = runs.of_run, runs
    return replace(app, engine=engine, workflows=workflows, runs=runs)


async def until(is_so: Callable[[], bool]) -> None:
    """Return once something is so, by what others do meanwhile."""
    async with asyncio.timeout(_PATIENCE):
        while not is_so():  # noqa: ASYNC110 - runs tell nobody
            await asyncio.sleep(0.001)
