"""The scheduler's loop, on every database: firings are made once, whoever looks and whoever dies."""

import asyncio
from datetime import timedelta

import pytest

from engine.schedule_world import OTHER, OWNER, START, TEMPLATE, World, at, draft, principal, schedule
from muelle.core import Forbidden, Invalid, MuelleError, PrincipalId, RunId, Unauthenticated, Unavailable
from muelle.engine.schedules import At, Cron, Every, JobTemplate, Schedule, ScheduleId, ScheduleSettings
from muelle.engine.schedules.decide import Decision, decide, started
from muelle.engine.schedules.errors import ScheduleChanged, ScheduleExists, ScheduleNotFound
from muelle.stores import Database

NIGHTLY = ScheduleId("nightly")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_what_is_kept_is_what_was_put_in(world: World) -> None:
    kept = started(
        schedule(Cron("0 3 * * *", "Europe/Madrid"), jitter=5, start=START, description="é", note="n"), START
    )

    await world.store.add(kept)

    assert await world.store.find(kept.tenant, kept.id) == kept
    assert await world.store.find(OTHER, kept.id) is None
    assert await world.store.next_wake() == kept.progress.wake_at


async def test_an_id_is_one_schedule_in_a_tenant_and_another_in_another(world: World) -> None:
    await world.store.add(schedule())
    await world.store.add(schedule(tenant=OTHER))

    with pytest.raises(ScheduleExists):
        await world.store.add(schedule())
    assert await world.store.count(OTHER) == 1
    await world.store.remove(OTHER, NIGHTLY)
    assert [await world.store.count(tenant) for tenant in (schedule().tenant, OTHER)] == [1, 0]


async def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(world: World) -> None:
    await world.store.add(schedule())
    first = await world.store.replace(schedule(description="one"))

    with pytest.raises(ScheduleChanged):
        await world.store.replace(schedule(description="two"))
    assert (await world.store.replace(first.with_(description="three"))).revision == 3
    with pytest.raises(ScheduleNotFound):
        await world.store.replace(schedule(id=ScheduleId("other")))


async def test_schedules_come_in_the_order_of_their_ids(world: World) -> None:
    for name in ("c", "a", "b"):
        await world.store.add(schedule(id=ScheduleId(name)))

    assert [found.id for found in await world.store.after(schedule().tenant, "", 2)] == ["a", "b"]
    assert [found.id for found in await world.store.after(schedule().tenant, "b", 2)] == ["c"]


async def test_each_firing_becomes_one_job(world: World) -> None:
    await world.add(Every(60, at("00:00:30")))

    made = [await world.tick(seconds=15) for _ in range(8)]

    assert sum(made) == 2
    assert world.engine.firings == ["00:00:30", "00:01:30"]
    job = world.engine.jobs["run_1"]
    assert (job.tenant, job.principal, job.payload, job.kind) == (OWNER.tenant, OWNER.id, TEMPLATE.payload, "workflow")
    assert job.cause == "schedule:nightly"
    assert (await world.present()).progress.last_run == "run_2"
    assert (await world.present()).progress.last_at == at("00:01:30")


async def test_queue_priority_and_deadline_go_into_the_job(world: World) -> None:
    template = JobTemplate(name="x", payload=b"{}", queue="slow", priority=5, deadline=90, document=b"d", plan="p")
    await world.add(template=template)

    await world.tick(minutes=1)

    job = world.engine.jobs["run_1"]
    assert (job.queue, job.priority, job.deadline) == ("slow", 5, at("00:02:30"))
    assert (job.document, job.plan) == (b"d", "p")


async def test_nobody_is_asked_for_anything_before_it_is_time(world: World) -> None:
    await world.add()

    assert await world.tick(seconds=59) == 0
    assert world.engine.handed_in == 0


async def test_several_processes_at_once_make_each_firing_once(world: World) -> None:
    for number in range(30):
        await world.schedules.create(OWNER, draft(f"s{number}"))
    schedulers = [world.another() for _ in range(4)]
    world.clock.forward(minutes=1)

    made = await asyncio.gather(*(scheduler.tick() for scheduler in schedulers))

    assert sum(made) == 30
    assert (len(world.engine.jobs), world.engine.handed_in) == (30, 30)


async def test_a_process_that_dies_before_it_can_write_down_what_it_submitted_doubles_nothing(world: World) -> None:
    await world.add()
    world.clock.forward(minutes=1)
    [claimed] = await world.store.claim("dead", world.clock.now(), world.clock.now() + timedelta(seconds=30), 10)
    died = world.another()
    await died._carry_out(claimed, _decided(world, claimed), [])  # and no more is heard of it

    early = await world.tick(seconds=29)
    late = await world.tick(seconds=1)

    assert (early, late) == (0, 1)
    assert (len(world.engine.jobs), world.engine.handed_in) == (1, 2)
    assert (await world.present()).progress.last_run == "run_1"


def _decided(world: World, claimed: Schedule) -> Decision:
    return decide(claimed, world.clock.now(), is_busy=False)


async def test_whoever_lost_its_claim_moves_nothing_on(world: World) -> None:
    await world.add()
    world.clock.forward(minutes=1)
    [slow] = await world.store.claim("slow", world.clock.now(), world.clock.now() + timedelta(seconds=30), 10)
    await world.tick(minutes=1)
    after = await world.present()

    await world.store.settle("slow", slow, slow.progress, [(at("00:01"), RunId("run_1"))])

    assert await world.present() == after


async def test_a_change_by_a_person_wins_over_a_firing_under_way(world: World) -> None:
    await world.add()
    world.clock.forward(minutes=1)
    [claimed] = await world.store.claim("slow", world.clock.now(), world.clock.now() + timedelta(seconds=30), 10)
    await world.schedules.pause(OWNER, NIGHTLY, "stop it")

    await world.store.settle("slow", claimed, claimed.progress, [(at("00:01"), RunId("run_1"))])

    assert (await world.present()).progress.wake_at is None
    assert (await world.present()).progress.last_run == "run_1"
    assert await world.tick(minutes=60) == 0


async def test_a_skipped_firing_is_told(world: World) -> None:
    await world.add(overlap="skip")
    await world.tick(minutes=1)

    made = await world.tick(minutes=1)

    assert made == 0
    assert "had not ended" in (await world.present()).progress.problem
    world.engine.end()
    assert await world.tick(minutes=1) == 1
    assert (await world.present()).progress.problem == ""


async def test_a_firing_that_waits_is_made_when_the_run_ends(world: World) -> None:
    await world.add(overlap="queue")
    await world.pass_time(minutes=2)
    assert world.engine.firings == ["00:01:00"]
    assert (await world.present()).progress.waiting_at == at("00:02")

    world.engine.end()
    await world.tick(seconds=1)

    assert world.engine.firings == ["00:01:00", "00:02:00"]


async def test_a_firing_ends_the_run_before(world: World) -> None:
    await world.add(overlap="cancel")
    await world.tick(minutes=1)

    await world.tick(minutes=1)

    assert world.engine.cancelled == ["run_1"]
    assert world.engine.running == {"run_2"}


async def test_while_the_engine_takes_nothing_a_firing_is_tried_again(world: World) -> None:
    await world.add(Every(3600, at("01:00")))
    world.refuse(Unavailable(), Unavailable())
    await world.tick(minutes=60)
    assert (await world.present()).progress.problem.startswith("unavailable")

    made = [await world.tick(seconds=5) for _ in range(3)]

    assert made == [0, 1, 0]
    assert world.engine.firings == ["01:00:00"]
    assert (await world.present()).progress.problem == ""


@pytest.mark.parametrize("error", [Invalid(), Forbidden(), Unauthenticated()])
async def test_what_is_refused_for_good_is_told_and_passed_over(world: World, error: MuelleError) -> None:
    await world.add()
    world.refuse(error)

    assert await world.tick(minutes=1) == 0

    progress = (await world.present()).progress
    assert progress.problem.startswith(error.code)
    assert progress.next_at == at("00:02")
    assert await world.tick(minutes=1) == 1


async def test_one_schedule_that_fails_stops_no_other(world: World) -> None:
    await world.schedules.create(OWNER, draft("a"))
    await world.schedules.create(OWNER, draft("b"))
    world.engine.failures.append(RuntimeError("a bug"))

    assert await world.tick(minutes=1) == 1
    assert await world.tick(seconds=5) == 1
    assert len(world.engine.jobs) == 2


async def test_a_run_from_before_a_change_of_inputs_is_the_firings_run(world: World) -> None:
    await world.add(Every(3600, at("01:00")))
    world.clock.forward(minutes=60)
    [claimed] = await world.store.claim("dead", world.clock.now(), world.clock.now() + timedelta(seconds=30), 10)
    await world.another()._carry_out(claimed, _decided(world, claimed), [])
    other = JobTemplate(name="report", payload=b'{"inputs":{"a":2}}')
    await world.schedules.update(OWNER, draft(timing=Every(3600, at("01:00")), template=other))

    await world.tick(seconds=31)

    assert list(world.engine.jobs) == ["run_1"]
    assert (await world.present()).progress.last_run == "run_1"


async def test_a_schedule_that_has_fired_its_last_is_looked_at_no_more(world: World) -> None:
    await world.add(At(at("02:00")))

    assert await world.tick(minutes=119) == 0
    assert await world.tick(minutes=1) == 1
    assert await world.store.next_wake() is None
    assert await world.tick(minutes=999) == 0


async def test_the_loop_sleeps_until_something_is_due_but_looks_once_a_second(world: World) -> None:
    assert await world.scheduler.seconds_to_next() == 1.0
    await world.add()
    assert await world.scheduler.seconds_to_next() == 1.0
    world.clock.forward(seconds=59.25)
    assert await world.scheduler.seconds_to_next() == pytest.approx(0.75)
    world.clock.forward(minutes=5)
    assert await world.scheduler.seconds_to_next() == 0.0


@pytest.mark.parametrize(("number", "looks"), [(5, 1), (6, 2)])
async def test_one_look_takes_so_many_schedules_and_the_next_one_the_rest(
    database: Database, number: int, looks: int
) -> None:
    world = World(database, ScheduleSettings(batch=5))
    for each in range(number):
        await world.schedules.create(OWNER, draft(f"s{each}"))
    world.clock.forward(minutes=1)

    made = [await world.scheduler.tick() for _ in range(looks)]

    assert sum(made) == number
    assert made[0] == 5
    assert await world.scheduler.seconds_to_next() == 1.0


async def test_tenants_have_schedules_of_one_name_and_each_runs_its_own(world: World) -> None:
    neighbour = principal(("*", "*"), name="neighbour", tenant=OTHER)
    await world.schedules.create(OWNER, draft())
    await world.schedules.create(neighbour, draft())

    assert await world.tick(minutes=1) == 2

    assert {(job.tenant, job.principal) for job in world.engine.jobs.values()} == {
        (OWNER.tenant, OWNER.id),
        (OTHER, PrincipalId("agent_neighbour")),
    }


async def test_a_turn_sleeps_until_the_firing_and_makes_it(world: World) -> None:
    await world.add()
    world.clock.forward(seconds=59.5)
    turn = asyncio.create_task(world.scheduler.turn())
    while not world.clock.sleepers:  # noqa: ASYNC110 - the database is asked in between
        await asyncio.sleep(0)

    world.clock.forward(seconds=0.5)
    await turn

    assert world.engine.firings == ["00:01:00"]
