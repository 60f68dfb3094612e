"""A worker that freezes in the middle of a commit holds its own row locked: nobody may wait for it, and it is ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from muelle.core import ManualClock, PrincipalId, RunId, TenantId
from muelle.engine import Job, Queue
from muelle.engine.stores.queue import SECOND, Wish
from muelle.engine.stores.rows import FENCE
from muelle.stores import Database, StoresSettings, migrate
from muelle.stores.adapters.postgres import open_postgres
from muelle.stores.adapters.postgres_server import connect_once, translated

TENANT = TenantId("tenant_1")
LEASE = 5
TAKEOVERS = 5
Freeze = Callable[[str], AbstractAsyncContextManager[None]]


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with open_postgres(postgres_url) as opened:
        await migrate(opened)
        yield opened


@pytest.fixture
def freeze(postgres_url: str) -> Freeze:
    """Give what commits as a worker does, and stops after the fence."""

    @asynccontextmanager
    async def frozen(worker: str) -> AsyncIterator[None]:
        connection = await connect_once(postgres_url, StoresSettings(transaction_seconds=1.0))
        await connection.execute("BEGIN")
        await connection.execute(translated(FENCE["postgresql"]), worker)
        try:
            yield
        finally:
            connection.terminate()

    return frozen


async def holding(queue: Queue, worker: str, number: int) -> RunId:
    """Let a worker enter and hold a run."""
    run = RunId(f"run_{number:032x}")
    job = Job(tenant=TENANT, principal=PrincipalId("principal_1"), kind="k", name="n", payload=b"{}")
    await queue.enter(worker, "test", ("default",), 8, LEASE * SECOND)
    await queue.database.commit(queue.entering(job, run, b"{}", None, b""))
    await queue.claim(Wish(worker=worker, queues=("default",), places=1, most=1, holds={}))
    return run


async def test_nobody_waits_for_a_worker_that_froze_in_a_commit(database: Database, freeze: Freeze) -> None:
    clock = ManualClock()
    queue = Queue(database, clock, trusts_database=False)
    await holding(queue, "worker_frozen", 1)
    run = await holding(queue, "worker_dead", 2)
    clock.forward(seconds=LEASE + 1)

    async with freeze("worker_frozen"), asyncio.timeout(0.9):  # less than the server waits for the frozen one
        reaped = await queue.reap(TAKEOVERS)

    assert [one.run for one in reaped] == [run]


async def test_the_server_ends_the_commit_of_a_frozen_worker_and_its_runs_are_taken_over(
    database: Database, freeze: Freeze
) -> None:
    clock = ManualClock()
    queue = Queue(database, clock, trusts_database=False)
    run = await holding(queue, "worker_frozen", 1)
    clock.forward(seconds=LEASE + 1)

    async with freeze("worker_frozen"), asyncio.timeout(10):
        while not (reaped := await queue.reap(TAKEOVERS)):  # noqa: ASYNC110 - the server's own clock decides
            await asyncio.sleep(0.05)

    assert [one.run for one in reaped] == [run]
