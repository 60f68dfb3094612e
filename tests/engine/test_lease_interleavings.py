"""Whatever order workers, zombies, people and the reaper come in, the real queue and journal keep their promises.

Hypothesis makes up the orders, and shortens one that fails. docs/en/engine-protocol.md says what is promised.
`MUELLE_TEST_ORDERS=5000` tries more of them than the 200 of every day.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.lease_orders import Interleavings
from engine.lease_world import LEASE, TAKEOVERS, TENANTS, Worker, World
from muelle.engine import LeaseLost, durable
from muelle.engine.stores.queue import SECOND, Claimed
from muelle.stores import Database, StoresSettings, migrate, open_memory, open_sqlite

ORDERS = int(os.environ.get("MUELLE_TEST_ORDERS", "200"))
VERBS = 50  # of one order, at most

Databases = AbstractAsyncContextManager[tuple[Database, ...]]


def explore(
    opening: Databases, orders: int, *, worker: type[Worker] = Worker, phases: Sequence[Phase] = tuple(Phase)
) -> None:
    """Try so many orders, on databases that stay open meanwhile."""
    limits = settings(
        max_examples=orders,
        stateful_step_count=VERBS,
        deadline=None,
        database=None,
        phases=phases,
        derandomize=worker is not Worker,  # who breaks a rule is found out by the same order each time
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as runner:
        databases = runner.run(opening.__aenter__())
        members = {"runner": runner, "databases": databases, "kind": worker}
        try:
            run_state_machine_as_test(type("Orders", (Interleavings,), members), settings=limits)
        finally:
            runner.run(opening.__aexit__(None, None, None))


@asynccontextmanager
async def in_memory() -> AsyncIterator[tuple[Database, ...]]:
    async with open_memory() as database:
        yield (database,)


@asynccontextmanager
async def in_a_file(path: Path) -> AsyncIterator[tuple[Database, ...]]:
    async with open_sqlite(path, StoresSettings(synchronous="NORMAL")) as database:
        await migrate(database)
        yield (database,)


@asynccontextmanager
async def on_a_server(url: str) -> AsyncIterator[tuple[Database, ...]]:
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

    quick = StoresSettings(connections=4)
    async with open_postgres(url, quick) as one, open_postgres(url, quick) as other:
        await migrate(one)
        yield one, other


def test_promises_are_kept_in_memory() -> None:
    explore(in_memory(), ORDERS)


def test_promises_are_kept_in_a_file(tmp_path: Path) -> None:
    explore(in_a_file(tmp_path / "muelle.db"), ORDERS // 10)


def test_promises_are_kept_on_a_server_by_two_processes(postgres_url: str) -> None:
    explore(on_a_server(postgres_url), ORDERS // 10)


async def test_a_commit_a_reaper_and_a_claim_that_meet_agree_on_who_was_first(postgres_url: str) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    async with on_a_server(postgres_url) as databases:
        for _ in range(ORDERS // 4):
            await World(databases, Worker).clear()
            await meet(World(databases, Worker), chance)


async def meet(world: World, chance: random.Random) -> None:
    """Let a late worker commit while it is reaped and another claims, on three connections."""
    late, other = await world.enter(), await world.enter()
    await world.submit(TENANTS[0], is_keyed=False, sleeps=False)
    await late.take_up(await late.claim(1))
    ((key, walk),) = late.walks.items()
    await late.advance(walk, "go on")
    world.clock.forward(seconds=LEASE + 1)
    await other.renew()
    verbs = [late.commit(), world.queues[-1].reap(TAKEOVERS), other.claim(1)]
    order = chance.sample(range(3), 3)
    outcomes = await asyncio.gather(*(verbs[index] for index in order), return_exceptions=True)
    committed, reaped, heard = (outcomes[order.index(index)] for index in range(3))
    claimed = cast("list[Claimed]", heard)

    # The journal has the entry if, and only if, the worker was told so; where it was not, it was dead by then.
    assert isinstance(committed, LeaseLost) or committed is None, committed
    assert len(await other.journal.past(*key)) == (committed is None)
    assert await other.held() == {(one.tenant, one.run) for one in claimed}
    if claimed:
        assert reaped
        await other.take_up(claimed)
    assert late.id not in await world.living() or not reaped


class Undead(Worker):
    """A worker that was found dead, and enters again under the id that it had."""

    async def commit(self) -> None:
        async with self.queue.database.transaction() as transaction:
            await transaction.execute("UPDATE workers SET alive = 1 WHERE worker = ?", self.id)
        await super().commit()


class Forgetful(Worker):
    """A worker that never asks what it holds and has not in hand."""

    async def renew(self) -> None:
        await durable(self.queue.database.commit(self.queue.renewal(self.id, LEASE * SECOND)))


@pytest.mark.parametrize("worker", [Undead, Forgetful])
def test_a_worker_that_breaks_the_rules_is_found_out(worker: type[Worker]) -> None:
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        explore(in_memory(), 1000, worker=worker, phases=[Phase.generate])
