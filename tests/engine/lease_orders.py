"""Orders in which workers, zombies, people and the reaper may come, and what is promised in all of them."""

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from engine.lease_world import CONCURRENCY, LEASE, SLEEP, TAKEOVERS, TENANTS, Key, Then, Worker, World
from muelle.core import TenantId
from muelle.engine import CANCEL, NUDGE, PAUSE, REPLAY, RESUME, LeaseLost, RunEnded
from muelle.engine.errors import RunNotDead, RunNotPaused
from muelle.stores import Database

MOST_WORKERS = 3
MOST_RUNS = 4
ROUNDS = 60  # in which one worker alone must have ended whatever is left
CHANGES = {"cancel": CANCEL, "pause": PAUSE, "resume": RESUME, "nudge": NUDGE, "replay": REPLAY}
THEN = st.sampled_from(["go on", "go on", "ask", "ask", "sleep"])
SELDOM = st.sampled_from([False, False, False, True])
JOBS = st.tuples(st.sampled_from(TENANTS), SELDOM, SELDOM)
MEANWHILE = st.sampled_from(["", "", "answer", "answer", "cancel", "pause"])
MOSTLY = st.sampled_from([True, True, True, False])

Kind = tuple[TenantId, bool, bool]


def has_pending(worker: Worker) -> bool:
    return any(walk.pending for walk in worker.walks.values())


class Interleavings(RuleBasedStateMachine):
    """Each rule is one verb of somebody; the database is real."""

    runner: asyncio.Runner
    databases: tuple[Database, ...]
    kind: type[Worker]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.databases, self.kind)

    @initialize(workers=st.integers(1, MOST_WORKERS), jobs=st.lists(JOBS, min_size=1, max_size=MOST_RUNS))
    def begin(self, workers: int, jobs: list[Kind]) -> None:
        self.runner.run(self.world.clear())
        for _ in range(workers):
            self.runner.run(self.world.enter())
        for job in jobs:
            self.somebody_submits(job)

    def worker(self, data: st.DataObject) -> Worker:
        return data.draw(st.sampled_from(self.world.workers), label="worker")

    @precondition(lambda self: len(self.world.ledger.submitted) < MOST_RUNS)
    @rule(job=JOBS)
    def somebody_submits(self, job: Kind) -> None:
        tenant, is_keyed, sleeps = job
        self.runner.run(self.world.submit(tenant, is_keyed=is_keyed, sleeps=sleeps))

    @precondition(lambda self: len(self.world.workers) < MOST_WORKERS)
    @rule()
    def a_worker_enters(self) -> None:
        self.runner.run(self.world.enter())

    @precondition(lambda self: self.world.workers)
    @rule(data=st.data(), places=st.integers(1, 3), is_heard=MOSTLY)
    def a_worker_claims(self, data: st.DataObject, places: int, is_heard: bool) -> None:  # noqa: FBT001 - drawn by name
        self.runner.run(self._claim(self.worker(data), places, is_heard=is_heard))

    @precondition(lambda self: self.world.workers)
    @rule(data=st.data(), turns=st.lists(st.tuples(THEN, MEANWHILE, MOSTLY), min_size=1, max_size=6))
    def a_worker_goes_on(self, data: st.DataObject, turns: list[tuple[Then, str, bool]]) -> None:
        worker = self.worker(data)
        if not worker.walks:
            self.runner.run(self._claim(worker, 2, is_heard=True))
        for then, meanwhile, commits in turns:
            self.runner.run(self._go_on(worker, then, meanwhile, commits=commits))

    @precondition(lambda self: any(worker.walks for worker in self.world.workers))
    @rule(data=st.data(), then=THEN)
    def a_worker_freezes(self, data: st.DataObject, then: Then) -> None:
        """One worker is late, with something to write; all others renew. It is not told."""
        worker = data.draw(st.sampled_from([one for one in self.world.workers if one.walks]), label="worker")
        walk = data.draw(st.sampled_from(list(worker.walks.values())), label="walk")
        self.runner.run(worker.advance(walk, then))
        for _ in range(2):
            self.world.clock.forward(seconds=LEASE / 2 + 1)
            for other in [one for one in self.world.workers if one is not worker]:
                self.runner.run(self._renew(other))
        self.the_late_are_reaped()

    @precondition(lambda self: any(map(has_pending, self.world.workers)))
    @rule(data=st.data(), how=st.sampled_from(["told", "not told", "lost", "all at once"]))
    def a_worker_commits(self, data: st.DataObject, how: str) -> None:
        worker = data.draw(st.sampled_from([one for one in self.world.workers if has_pending(one)]), label="worker")
        if how == "told":
            self.runner.run(self._commit(worker))
        elif how == "all at once":
            self.runner.run(self._commit_all())
        else:
            self.runner.run(self._commit_unheard(worker, happens=how == "not told"))

    @precondition(lambda self: self.world.workers)
    @rule(data=st.data(), times=st.integers(1, 2))
    def a_worker_renews(self, data: st.DataObject, times: int) -> None:
        worker = self.worker(data)
        for _ in range(times):
            self.runner.run(self._renew(worker))
        if times > 1 and worker in self.world.workers:
            assert self.runner.run(worker.held()) <= set(worker.walks), "a run is held and in nobody's hands"

    @precondition(lambda self: self.world.workers)
    @rule(data=st.data(), how=st.sampled_from(["drains", "gives up by its own clock", "fails"]))
    def a_worker_stops(self, data: st.DataObject, how: str) -> None:
        worker = self.worker(data)
        if how == "drains":
            self.runner.run(worker.leave())
        elif how == "fails" and worker.walks:
            self.runner.run(worker.fail(next(iter(worker.walks))))
        else:
            worker.drop()

    @rule(seconds=st.sampled_from([1, LEASE + 1, LEASE + 1, int(SLEEP.total_seconds())]), are_reaped=st.booleans())
    def time_goes_by(self, seconds: int, are_reaped: bool) -> None:  # noqa: FBT001 - as above
        self.world.clock.forward(seconds=seconds)
        if are_reaped:
            self.the_late_are_reaped()

    @rule()
    def the_late_are_reaped(self) -> None:
        self.runner.run(self._reap())

    @rule()
    def sleepers_are_woken(self) -> None:
        self.runner.run(self.world.queues[0].promote())

    @rule(data=st.data(), wish=st.sampled_from(list(CHANGES)))
    def somebody_asks_something_of_a_run(self, data: st.DataObject, wish: str) -> None:
        key = data.draw(st.sampled_from(self.world.ledger.submitted), label="run")
        self.runner.run(self._change(key, wish))

    @rule()
    def somebody_answers(self) -> None:
        for key in self.world.ledger.submitted:
            self.runner.run(self._answer(key))

    async def _claim(self, worker: Worker, places: int, *, is_heard: bool) -> None:
        await worker.queue.promote()
        try:
            claimed = await worker.claim(places)
        except LeaseLost:
            assert worker.id not in await self.world.living()
            worker.drop()
            return
        if is_heard:
            await worker.take_up(claimed)
        for one in claimed:
            self.world.ledger.asleep.pop((one.tenant, one.run), None)

    async def _go_on(self, worker: Worker, then: Then, meanwhile: str, *, commits: bool) -> None:
        for walk in worker.walks.values():
            await worker.advance(walk, then)
            await self._ask(walk.key, meanwhile)
        if commits:
            await self._commit(worker)

    async def _commit(self, worker: Worker) -> None:
        is_alive = worker.id in await self.world.living()
        is_empty = not has_pending(worker)
        before = [] if is_alive else await self.world.everything()
        try:
            await worker.commit()
        except LeaseLost:
            assert not is_alive
            assert await self.world.everything() == before, "a zombie wrote something"
            return
        assert is_alive or is_empty, "a zombie was not refused"

    async def _commit_all(self) -> None:
        """Let the living and the dead share a batch."""
        living = await self.world.living()
        workers = list(self.world.workers)
        refused = {worker.id for worker in workers if worker.id not in living and has_pending(worker)}
        outcomes = await asyncio.gather(*(worker.commit() for worker in workers), return_exceptions=True)
        assert {
            worker.id for worker, outcome in zip(workers, outcomes, strict=True) if isinstance(outcome, LeaseLost)
        } == refused
        others = [outcome for outcome in outcomes if outcome is not None and not isinstance(outcome, LeaseLost)]
        assert not others, others

    async def _commit_unheard(self, worker: Worker, *, happens: bool) -> None:
        if happens:
            appended = [worker.append(walk) for walk in worker.walks.values() if walk.pending]
            await asyncio.gather(*(asyncio.ensure_future(one) for one in appended), return_exceptions=True)
        worker.put_down()

    async def _renew(self, worker: Worker) -> None:
        is_alive = worker.id in await self.world.living()
        try:
            await worker.renew()
        except LeaseLost:
            assert not is_alive
        else:
            assert is_alive

    async def _reap(self) -> None:
        for reaped in await self.world.queues[-1].reap(TAKEOVERS):
            rows = await self.world.fetch(
                "SELECT worker, state, takeovers FROM jobs WHERE tenant = ? AND run = ?", reaped.tenant, reaped.run
            )
            assert tuple(rows[0]) == (None, "dead" if reaped.is_dead else "ready", rows[0][2])
            assert reaped.is_dead == (rows[0][2] >= TAKEOVERS)

    async def _ask(self, key: Key, wish: str) -> None:
        if wish == "answer":
            await self._answer(key)
        elif wish:
            await self._change(key, wish)

    async def _change(self, key: Key, wish: str) -> None:
        try:
            await self.world.change(key, CHANGES[wish])
        except RunEnded:
            assert key in await self._ended()
        except (RunNotPaused, RunNotDead):
            assert wish in {"resume", "replay"}

    async def _answer(self, key: Key) -> None:
        for wait in await self.world.waits.of(*key):
            if wait.state == "open":
                await self.world.answer(key, wait.place)

    async def _ended(self) -> dict[Key, tuple[object, ...]]:
        rows = await self.world.fetch("SELECT tenant, run, status, finished, took FROM runs WHERE finished IS NOT NULL")
        return {(row[0], row[1]): tuple(row) for row in rows}

    @invariant()
    def promises_are_kept(self) -> None:
        self.runner.run(self._check())

    async def _check(self) -> None:
        await self._check_ends()
        await self._check_holders()

    async def _check_ends(self) -> None:
        ended, before = await self._ended(), self.world.ledger.ended
        assert {key: ended[key] for key in before} == before, "a run ended twice"
        self.world.ledger.ended.update(ended)
        jobs = {(row[0], row[1]) for row in await self.world.fetch("SELECT tenant, run FROM jobs")}
        assert jobs == set(self.world.ledger.submitted) - set(ended), "a run is lost, or goes on though it has ended"
        events = sorted(row[0] for row in await self.world.fetch("SELECT subject FROM events"))
        assert len(events) == len(ended), "an end was told of twice, or never"

    async def _check_holders(self) -> None:
        living = await self.world.living()
        held = await self.world.fetch("SELECT tenant, run, worker, concurrency_key FROM jobs WHERE worker IS NOT NULL")
        holders = {(row[0], row[1]): row[2] for row in held}
        assert set(holders.values()) <= living, "the dead hold a run"
        for worker in self.world.workers:
            if worker.id in living:
                assert {key for key in worker.walks if holders.get(key) != worker.id} == set()
        for key in self.world.ledger.cancelled - set(self.world.ledger.ended):
            sql = "SELECT request FROM jobs WHERE tenant = ? AND run = ?"
            assert [tuple(row) for row in await self.world.fetch(sql, *key)] == [("cancel",)], "a cancel is forgotten"
        keyed = [row[0] for row in held if row[3]]
        assert all(keyed.count(tenant) <= CONCURRENCY for tenant in TENANTS), "too many of one key at once"

    def teardown(self) -> None:
        self.runner.run(self._end_all())

    async def _end_all(self) -> None:
        """Let one worker alone, after all others died, come to the end of everything."""
        self.world.workers.clear()
        self.world.clock.forward(seconds=LEASE + 1)
        await self._reap()
        worker = await self.world.enter()
        for _ in range(ROUNDS):
            if len(await self._ended()) == len(self.world.ledger.submitted):
                break
            await self._go_round(worker)
        await self._check()
        assert set(await self._ended()) == set(self.world.ledger.submitted), "a run never ends"
        for key, told in self.world.ledger.told.items():
            found = await worker.journal.past(*key)
            assert list(found[: len(told)]) == told, "the journal changed its mind"

    async def _go_round(self, worker: Worker) -> None:
        for key in self.world.ledger.submitted:
            await self._answer(key)
            await self._change(key, "resume")
            await self._change(key, "replay")
        self.world.clock.forward(seconds=SLEEP.total_seconds())
        await self.world.queues[0].promote()
        await worker.renew()
        await worker.take_up(await worker.claim(MOST_RUNS))
        for walk in list(worker.walks.values()):
            await worker.advance(walk, "go on")
        await worker.commit()
