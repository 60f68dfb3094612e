"""What is removed, and what is packed together: neither too early, on every database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from engine.job_world import OTHER, TENANT, WHO, Busy, Copy, Process, World, job
from muelle.core import RunId
from muelle.engine import JobStep, Order, Outbox, Retention, RunFinished, RunStarted
from muelle.stores import Database, migrate

DAYS = 30
PLAN = "f" * 64
_TABLES = ("runs", "journal", "jobs", "submissions", "waits")


@pytest.fixture
def world(every_database: Database) -> World:
    return World(every_database)


def process_of(world: World, **settings: Any) -> tuple[Process, Retention]:
    process = world.process(job(world), **{"retention_days": DAYS, **settings})
    return process, Retention(process.queue, process.journal, process.engine.settings)


async def rows(world: World) -> dict[str, int]:
    return {table: (await world.fetch(f"SELECT count(*) FROM {table}"))[0][0] for table in _TABLES}  # noqa: S608 - constants


async def test_a_run_is_kept_for_as_long_as_is_set_and_not_longer(world: World) -> None:
    process, retention = process_of(world)
    await process.submit(order=Order(key="k"))
    await process.work()

    world.clock.forward(hours=24 * DAYS)
    assert (await retention.sweep(), (await rows(world))["runs"]) == (0, 1)
    world.clock.forward(seconds=0.001)
    assert await retention.sweep() == 1
    assert set((await rows(world)).values()) == {0}


async def test_what_has_not_ended_is_kept_for_ever(world: World) -> None:
    async def fail(_: Copy, __: JobStep) -> None:
        raise Busy

    process, retention = process_of(world)
    process.jobs.register(job(world, fail, "dead", attempts=1))
    dead = await process.submit("dead")
    await process.submit(order=Order(run_at=world.clock.now() + timedelta(days=9 * DAYS)))
    await process.work()
    world.clock.forward(hours=24 * DAYS * 2)

    assert await retention.sweep() == 0
    assert ((await rows(world))["runs"], await process.status(dead)) == (2, "dead")


async def test_without_an_age_runs_are_kept_for_ever(world: World) -> None:
    process, retention = process_of(world, retention_days=0)
    await process.submit()
    await process.work()
    world.clock.forward(hours=24 * 4_000)

    assert await retention.sweep() == 0


async def test_runs_of_every_tenant_go_in_parts_of_any_number(world: World) -> None:
    process, retention = process_of(world)
    for number in range(7):
        await process.submit(tenant=(TENANT, OTHER)[number % 2])
    await process.work()
    world.clock.forward(hours=24 * DAYS + 1)
    await process.submit()

    assert await retention.sweep() == 7
    assert (await rows(world))["runs"] == 1


async def test_what_a_run_keeps_beside_the_database_goes_with_it(world: World) -> None:
    process, retention = process_of(world, compress_bytes=100, blob_bytes=1_000)
    await process.submit(note="x" * 5_000)
    await process.submit(note="y" * 5_000, tenant=OTHER)
    await process.work()
    assert len(await world.blobs.keys(TENANT, "")) == 1

    world.clock.forward(hours=24 * DAYS + 1)
    await retention.sweep()

    assert (await world.blobs.keys(TENANT, ""), await world.blobs.keys(OTHER, "")) == ([], [])


async def planned(process: Process, number: int) -> None:
    """Have a run of a document, begun and ended."""
    run, now = RunId(f"run_{number:032x}"), process.engine.clock.now()
    started = RunStarted(
        run=run, tenant=TENANT, principal=WHO, workflow="w", plan=PLAN, document=b"d", inputs=b"{}", at=now
    )
    ended = RunFinished(
        run=run, tenant=TENANT, status="success", at=now, took=1, succeeded=1, failed=0, skipped=0, error=None
    )
    await process.journal.append([started, ended])


async def plans(world: World) -> int:
    return int((await world.fetch("SELECT count(*) FROM plans"))[0][0])


async def test_a_document_goes_with_the_last_of_its_runs(world: World) -> None:
    process, retention = process_of(world)
    await planned(process, 1)
    world.clock.forward(hours=24)
    await planned(process, 2)
    world.clock.forward(hours=24 * (DAYS - 1) + 1)
    assert (await retention.sweep(), await plans(world)) == (1, 1)

    world.clock.forward(hours=24)
    assert (await retention.sweep(), await plans(world)) == (1, 0)


async def test_a_document_that_somebody_may_be_about_to_use_is_kept(world: World) -> None:
    process, retention = process_of(world, retention_days=1 / 1440)
    await planned(process, 1)
    world.clock.forward(minutes=2)

    assert (await retention.sweep(), await plans(world)) == (1, 1)  # this very process believes it to be stored
    await planned(process, 2)
    assert await process.journal.document(TENANT, RunId(f"run_{2:032x}")) == b"d"


async def test_events_go_when_all_have_seen_them_and_a_day_has_passed(world: World) -> None:
    process, retention = process_of(world)
    quick, slow = Outbox(process.queue, process.metrics), Outbox(process.queue, process.metrics)
    quick.register("quick", _hear)
    slow.register("slow", _hear)
    await quick.begin()
    await slow.begin()
    await process.submit()
    await process.work()
    await quick.deliver("worker_1")
    world.clock.forward(hours=24, seconds=1)
    await retention.sweep()
    assert await events(world) == 1

    await slow.deliver("worker_1")
    await retention.sweep()
    assert await events(world) == 0


async def test_events_of_less_than_a_day_are_kept_though_all_have_seen_them(world: World) -> None:
    process, retention = process_of(world)
    outbox = Outbox(process.queue, process.metrics)
    outbox.register("quick", _hear)
    await outbox.begin()
    await process.submit()
    await process.work()
    await outbox.deliver("worker_1")

    world.clock.forward(hours=24)
    await retention.sweep()
    assert await events(world) == 1


async def test_an_event_with_a_lower_number_that_came_later_is_not_removed_unseen(postgres_url: str) -> None:
    async with on_postgres(postgres_url) as world:
        process, retention = process_of(world)
        outbox = Outbox(process.queue, process.metrics)
        outbox.register("ear", _hear)
        await outbox.begin()
        insert = "INSERT INTO events (id, tenant, type, source, subject, at, data) VALUES (?, 't', 'k', 's', 'j', 0, ?)"
        for identity, position in (("seen", 1000), ("later", 999)):  # as if "later" had taken its number long before
            async with world.database.transaction() as transaction:
                await transaction.execute(insert, identity, b"")
                await transaction.execute("UPDATE events SET position = ? WHERE id = ?", position, identity)
            while identity == "seen" and not await outbox.deliver("worker_1"):
                pass
        await retention.sweep()

        assert await world.fetch("SELECT id FROM events") == [("later",)]


async def test_a_key_may_be_used_again_after_a_day(world: World) -> None:
    process, retention = process_of(world)
    first = await process.submit(order=Order(key="k"), pages=1)
    world.clock.forward(hours=24)
    await retention.sweep()
    assert await process.submit(order=Order(key="k"), pages=1) == first

    world.clock.forward(seconds=0.001)
    await retention.sweep()
    assert await process.submit(order=Order(key="k"), pages=2) != first


async def test_a_purge_takes_what_one_tenant_ended_long_enough_ago_and_no_more_than_is_said(world: World) -> None:
    process, retention = process_of(world)
    for tenant in (TENANT, TENANT, TENANT, OTHER):
        await process.submit(tenant=tenant)
    await process.work()
    world.clock.forward(seconds=60)
    kept = await process.submit()
    await process.work()

    assert await retention.purge(TENANT, 60, 2) == 0
    world.clock.forward(seconds=0.001)
    assert [await retention.purge(TENANT, 60, 2) for _ in range(3)] == [2, 1, 0]
    assert await process.status(kept) == "success"
    assert (await rows(world))["runs"] == 2


async def test_a_job_that_was_written_in_many_pieces_is_packed_into_one_and_has_the_same_past(world: World) -> None:
    process, _ = process_of(world, compact_chunks=4)
    run = await process.submit(pages=3)
    longer = await process.submit(pages=4)
    await process.work()
    await process.engine.drain()

    pieces = dict(await world.fetch("SELECT run, count(*) FROM journal GROUP BY run"))
    assert pieces == {run: 4, longer: 1}
    past = await process.journal.past(TENANT, longer)
    assert [getattr(entry, "name", "the end") for entry in past] == ["page 0", "page 1", "page 2", "page 3", "the end"]
    assert await process.jobs.result(TENANT, longer) == ["page 0", "page 1", "page 2", "page 3"]


async def test_packing_changes_nothing_of_what_is_remembered(world: World) -> None:
    process, _ = process_of(world, compress_bytes=100, blob_bytes=1_000)

    async def remember(payload: Copy, step: JobStep) -> str:
        for size in (10, 500, 5_000):
            await step.once(f"{size} bytes", lambda size=size: world.do("x" * size))  # type: ignore[misc]  # its default
        return payload.note

    process.jobs.register(job(world, remember, "remember"))
    run = await process.submit("remember", note="z" * 300)
    await process.work()
    before = [await process.journal.past(TENANT, run, since) for since in range(5)]

    for _ in range(2):
        await process.journal.compact(TENANT, run)
        assert [await process.journal.past(TENANT, run, since) for since in range(5)] == before


async def events(world: World) -> int:
    return int((await world.fetch("SELECT count(*) FROM events"))[0][0])


async def _hear(_: Any) -> None:
    """Have heard it."""


@asynccontextmanager
async def on_postgres(url: str) -> AsyncIterator[World]:
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

    async with open_postgres(url) as database:
        await migrate(database)
        yield World(database)
