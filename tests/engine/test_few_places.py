"""Places that are left while long jobs hold the others."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.job_world import OTHER, TENANT, Copy, World, job
from muelle.engine import JobStep
from muelle.stores import open_memory


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_memory() as database:
        yield World(database)


async def test_the_few_places_left_beside_long_jobs_do_not_stay_empty(world: World) -> None:
    gate = asyncio.Event()

    async def wait(_: Copy, __: JobStep) -> None:
        await gate.wait()

    process = world.process(job(world, wait), concurrency=8)
    for _ in range(8):
        await process.submit()
    assert len(await process.look()) == 6  # what one tenant may have
    process.engine.backlog.add(OTHER)
    for _ in range(2):
        await process.submit(tenant=OTHER)

    assert len(await process.look()) == 6  # it looked just now, and a quarter of the places is not worth a look
    world.clock.forward(seconds=1)
    held = await process.look()

    gate.set()
    await process.work()
    assert len(held) == 8


async def test_what_others_took_leaves_no_backlog_behind(world: World) -> None:
    process = world.process(job(world))
    await process.enter()
    process.engine.backlog.add(TENANT)

    await process.look()

    assert process.engine.backlog == set()
