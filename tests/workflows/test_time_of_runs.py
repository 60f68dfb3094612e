"""Whose time counts as a run's own: not that before it begins, nor that in which it is paused."""

import asyncio
from datetime import timedelta

import pytest

from muelle.engine import RunRecord
from muelle.identity import AuditFilter
from muelle.workflows.runs import Wishes
from workflows.runs_world import World, document, op

HOUR = timedelta(hours=1)  # longer than a run may take


@pytest.fixture
def world(world: World) -> World:
    """Give a world in which runs are taken from the queue, when `advance` says so."""
    world.app.engine.queues = ("default",)
    return world


async def advance(world: World, run: str) -> RunRecord:
    """Take what is due, let it come to its end or leave memory, and return the run as it is then."""
    engine = world.app.engine
    await engine.queue.promote()
    await engine.claim()
    while tasks := [held.task for held in engine.held.values() if held.task]:
        await world.settle()
        world.clock.forward(seconds=0.01)
        await asyncio.wait(tasks, timeout=0.01)
    return await world.app.runs.find(world.me, run)


async def test_a_run_of_later_has_its_whole_time_from_then_on(world: World) -> None:
    later = Wishes(run_at=world.clock.now() + HOUR)
    run = (await world.app.runs.submit(world.me, document(op("a", "Do", say=1)), {}, later)).run

    world.clock.forward(hours=1)
    record = await advance(world, run)

    assert (record.status, record.began) == ("success", record.started + HOUR)


async def test_the_time_in_which_a_run_was_paused_is_not_its_own(world: World) -> None:
    patient = document(op("a", "Wait", duration=60_000), op("b", "Do", say=1))
    run = (await world.app.runs.submit(world.me, patient, {}, Wishes())).run
    assert (await advance(world, run)).status == "waiting"
    await world.app.runs.change(world.me, run, "pause")

    world.clock.forward(hours=1)
    assert (await world.app.runs.change(world.me, run, "resume")).status == "queued"

    assert (await advance(world, run)).status == "success"


async def test_a_run_that_is_run_again_tells_when_it_began(world: World) -> None:
    first = (await world.app.runs.submit(world.me, document(op("a", "Do", say=1), op("b", "Do")), {}, Wishes())).run
    await advance(world, first)
    again = (await world.app.runs.rerun(world.me, first, "b", Wishes())).run

    record = await advance(world, again)

    assert record.began is not None
    assert record.began >= record.started


async def test_who_had_a_document_run_later_is_in_the_audit_record(world: World) -> None:
    run = (await world.app.runs.submit(world.me, document(op("a", "Do", say=1)), {}, Wishes(key="k"))).run
    await world.app.runs.submit(world.me, document(op("a", "Do", say=1)), {}, Wishes(key="k"))

    acts = (await world.app.identity.acts(world.me, AuditFilter())).items

    assert [act.resource for act in acts if act.detail == run] == ["tale"]
