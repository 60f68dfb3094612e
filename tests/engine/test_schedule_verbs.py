"""The verbs on schedules: who may, what is refused, what is remembered."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from engine.schedule_world import MINUTELY, OTHER, OWNER, START, World, at, draft, principal
from muelle.core import Forbidden, Invalid
from muelle.engine.schedules import At, Cron, Every, FiringRules, JobTemplate, ScheduleId, ScheduleSettings
from muelle.engine.schedules.errors import (
    InvalidCron,
    InvalidPage,
    InvalidSchedule,
    ScheduleExists,
    ScheduleNotFound,
    TooManySchedules,
    UnknownTimeZone,
)
from muelle.identity import Principal, Refused
from muelle.stores import MemoryDatabase, open_memory

NIGHTLY = ScheduleId("nightly")
WRITER = principal(("schedules:write", "mine-*"), name="writer")
READER = principal(("schedules:read", "*"), name="reader")
POWERLESS = principal(name="powerless")
NEIGHBOUR = principal(("*", "*"), name="neighbour", tenant=OTHER)


@pytest.fixture
async def database() -> AsyncIterator[MemoryDatabase]:
    async with open_memory() as opened:
        yield opened


@pytest.fixture
def world(database: MemoryDatabase) -> World:
    return World(database)


@pytest.mark.parametrize("actor", [POWERLESS, READER, WRITER])
async def test_who_may_not_change_a_schedule_is_refused_and_it_is_recorded(world: World, actor: Principal) -> None:
    await world.add()
    world.trail.acts.clear()
    service = world.schedules

    for attempt in (
        service.create(actor, draft("other")),
        service.update(actor, draft()),
        service.pause(actor, NIGHTLY),
        service.resume(actor, NIGHTLY),
        service.run(actor, NIGHTLY),
        service.remove(actor, NIGHTLY),
    ):
        with pytest.raises(Refused) as raised:
            await attempt
        assert raised.value.facts["scope"] == "schedules:write"

    assert [act.decision for act in world.trail.acts] == ["refused"] * 6
    assert world.engine.jobs == {}


async def test_another_tenant_finds_nothing_of_ours(world: World) -> None:
    await world.add()
    before = await world.present()
    service = world.schedules

    for attempt in (
        service.show(NEIGHBOUR, NIGHTLY),
        service.update(NEIGHBOUR, draft()),
        service.pause(NEIGHBOUR, NIGHTLY),
        service.resume(NEIGHBOUR, NIGHTLY),
        service.run(NEIGHBOUR, NIGHTLY),
        service.remove(NEIGHBOUR, NIGHTLY),
        service.history(NEIGHBOUR, NIGHTLY),
    ):
        with pytest.raises(ScheduleNotFound):
            await attempt

    assert (await service.list(NEIGHBOUR)).items == ()
    assert await world.present() == before


async def test_ones_own_schedules_are_seen_without_a_grant_and_others_not(world: World) -> None:
    await world.add()
    await world.schedules.create(WRITER, draft("mine-1"))

    assert [found.id for found in (await world.schedules.list(WRITER)).items] == ["mine-1"]
    assert [found.id for found in (await world.schedules.list(READER)).items] == ["mine-1", "nightly"]
    assert (await world.schedules.list(POWERLESS)).items == ()
    with pytest.raises(ScheduleNotFound):
        await world.schedules.show(WRITER, NIGHTLY)


async def test_lists_come_in_pages_that_miss_nobody(world: World) -> None:
    for number in range(7):
        await world.schedules.create(OWNER, draft(f"mine-{number}"))
        await world.schedules.create(OWNER, draft(f"not-{number}"))

    first = await world.schedules.list(WRITER, 4)
    second = await world.schedules.list(WRITER, 4, first.next)

    assert [found.id for page in (first, second) for found in page.items] == [f"mine-{n}" for n in range(7)]
    assert (first.next, second.next) == ("mine-3", None)


@pytest.mark.parametrize("limit", [0, 501])
async def test_a_page_past_its_bounds_is_refused(world: World, limit: int) -> None:
    with pytest.raises(InvalidPage):
        await world.schedules.list(OWNER, limit)


@pytest.mark.parametrize("limit", [1, 500])
async def test_a_page_has_1_to_500_schedules(world: World, limit: int) -> None:
    assert (await world.schedules.list(OWNER, limit)).items == ()


async def test_a_new_schedule_knows_when_it_fires_and_in_whose_name(world: World) -> None:
    made = await world.add(Cron("30 3 * * *", "Europe/Madrid"), description="Reports", note="first")

    assert (made.principal, made.tenant, made.created) == (OWNER.id, OWNER.tenant, START)
    assert made.progress.next_at == at("02:30")
    assert await world.present() == made
    assert world.trail.said == ["schedules.create nightly allowed"]


async def test_a_schedule_can_begin_paused(world: World) -> None:
    await world.add(paused=True)

    assert await world.tick(minutes=9) == 0
    assert (await world.schedules.resume(OWNER, NIGHTLY)).progress.next_at == at("00:10")


async def test_an_id_is_taken_once(world: World) -> None:
    await world.add()

    with pytest.raises(ScheduleExists):
        await world.add()


async def test_a_tenant_has_so_many_schedules_and_no_more(database: MemoryDatabase) -> None:
    world = World(database, ScheduleSettings(per_tenant=2))
    await world.schedules.create(OWNER, draft("a"))
    await world.schedules.create(OWNER, draft("b"))

    with pytest.raises(TooManySchedules) as raised:
        await world.schedules.create(OWNER, draft("c"))
    assert raised.value.facts == {"limit": 2}
    await world.schedules.create(NEIGHBOUR, draft("c"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"timing": At(START)}, "at"),
        ({"end": START}, "at"),
        ({"start": at("02:00"), "end": at("02:00")}, "end"),
        ({"start": at("02:00").replace(tzinfo=None)}, "start"),
        ({"timing": Every(0, START)}, "every"),
        ({"jitter": -1}, "jitter"),
        ({"jitter": 3601}, "jitter"),
        ({"most": 0}, "most"),
        ({"most": 1001}, "most"),
        ({"template": JobTemplate(name="x", payload=b"{}", priority=0)}, "priority"),
        ({"template": JobTemplate(name="x", payload=b"{}", priority=6)}, "priority"),
        ({"template": JobTemplate(name="x", payload=b"{}", deadline=-1)}, "deadline"),
        ({"template": JobTemplate(name="x", payload=b"{}", deadline=366 * 86_400 + 1)}, "deadline"),
        ({"template": JobTemplate(name="x", payload=b"x" * ((1 << 20) + 1))}, "inputs"),
        ({"template": JobTemplate(name="x", payload=b"{}", document=b"x" * ((1 << 20) + 1))}, "document"),
        ({"template": JobTemplate(name="no name", payload=b"{}")}, "workflow"),
        ({"template": JobTemplate(name="x", payload=b"{}", queue="no queue")}, "queue"),
        ({"description": "x" * 1001}, "description"),
        ({"note": "x\0"}, "note"),
        ({"name": "no id"}, "id"),
    ],
)
async def test_what_cannot_be_is_refused_by_the_name_of_its_field(
    world: World, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as raised:
        await world.schedules.create(OWNER, draft(**fields))

    assert raised.value.facts["field"] == field
    assert (await world.schedules.list(OWNER)).items == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"timing": At(START + timedelta(microseconds=1))},
        {"jitter": 3600, "most": 1000, "description": "x" * 1000, "note": "x" * 1000},
        {"most": 1, "template": JobTemplate(name="x", payload=b"x" * (1 << 20), document=b"x" * (1 << 20))},
        {"template": JobTemplate(name="x", payload=b"{}", priority=5, deadline=366 * 86_400)},
        {"template": JobTemplate(name="x", payload=b"{}", priority=1, deadline=0)},
    ],
)
async def test_what_is_at_its_bound_can_be(world: World, fields: dict[str, Any]) -> None:
    assert (await world.schedules.create(OWNER, draft(**fields))).progress.next_at is not None


async def test_a_wrong_expression_or_zone_is_refused(world: World) -> None:
    with pytest.raises(InvalidCron):
        await world.add(Cron("61 * * * *"))
    with pytest.raises(UnknownTimeZone):
        await world.add(Cron("@daily", "Mars/Olympus"))


async def test_whoever_knows_what_is_run_may_complete_it_or_refuse(database: MemoryDatabase) -> None:
    async def prepare(actor: Principal, template: JobTemplate) -> JobTemplate:
        if template.name == "secret":
            raise Forbidden(actor=actor.name)
        return JobTemplate(name=template.name, payload=template.payload, plan="the plan")

    world = World(database, prepare=prepare)

    assert (await world.add()).template.plan == "the plan"
    with pytest.raises(Forbidden):
        await world.schedules.create(OWNER, draft("other", template=JobTemplate(name="secret", payload=b"{}")))
    with pytest.raises(Forbidden):
        await world.schedules.update(OWNER, draft(template=JobTemplate(name="secret", payload=b"{}")))


async def test_a_change_of_time_begins_anew_and_keeps_in_whose_name_it_runs(world: World) -> None:
    await world.schedules.create(WRITER, draft("mine-1"))
    await world.tick(minutes=1)

    changed = await world.schedules.update(OWNER, draft("mine-1", Every(3600, at("00:30")), description="Hourly"))

    assert (changed.principal, changed.description) == (WRITER.id, "Hourly")
    assert (changed.progress.next_at, changed.progress.last_at) == (at("00:30"), at("00:01"))
    assert changed.created == START
    assert changed.updated == at("00:01")


async def test_whoever_changes_what_is_run_has_it_run_in_their_own_name(world: World) -> None:
    await world.schedules.create(OWNER, draft("mine-1"))

    changed = await world.schedules.update(WRITER, draft("mine-1", template=JobTemplate(name="other", payload=b"{}")))
    await world.tick(minutes=1)

    assert changed.principal == WRITER.id
    assert world.engine.jobs["run_1"].principal == WRITER.id


async def test_a_change_of_words_forgets_no_firing(world: World) -> None:
    await world.add()
    world.clock.forward(minutes=1)

    await world.schedules.update(OWNER, draft(description="Due this very moment"))

    assert await world.scheduler.tick() == 1


async def test_a_paused_schedule_fires_no_more_and_says_why(world: World) -> None:
    await world.add(overlap="queue")
    await world.tick(minutes=1)
    await world.tick(minutes=1)

    paused = await world.schedules.pause(OWNER, NIGHTLY, "The CRM is down")

    assert (paused.paused, paused.note, paused.progress.waiting_at) == (True, "The CRM is down", None)
    world.engine.end()
    assert await world.tick(minutes=9) == 0


async def test_a_resumed_schedule_fires_from_now_on(world: World) -> None:
    await world.add(catch_up="all")
    await world.schedules.pause(OWNER, NIGHTLY)
    world.clock.forward(minutes=60)

    resumed = await world.schedules.resume(OWNER, NIGHTLY, "It is up again")

    assert (resumed.paused, resumed.note, resumed.progress.next_at) == (False, "It is up again", at("01:01"))
    assert await world.tick(minutes=1) == 1
    again = await world.schedules.resume(OWNER, NIGHTLY, "twice")
    assert again.note == "It is up again"


async def test_a_paused_schedule_can_be_changed_and_stays_paused(world: World) -> None:
    await world.add()
    await world.schedules.pause(OWNER, NIGHTLY)

    changed = await world.schedules.update(OWNER, draft(timing=Every(60, START)))

    assert (changed.paused, changed.progress.next_at) == (True, None)


async def test_a_removed_schedule_is_gone_and_its_runs_stay(world: World) -> None:
    await world.add()
    await world.tick(minutes=1)

    await world.schedules.remove(OWNER, NIGHTLY)

    assert await world.tick(minutes=9) == 0
    assert world.engine.running == {"run_1"}
    with pytest.raises(ScheduleNotFound):
        await world.schedules.show(OWNER, NIGHTLY)
    with pytest.raises(ScheduleNotFound):
        await world.schedules.remove(OWNER, NIGHTLY)


async def test_a_run_on_demand_is_beside_the_firings(world: World) -> None:
    await world.add(overlap="skip")
    await world.schedules.pause(OWNER, NIGHTLY)

    first = await world.schedules.run(OWNER, NIGHTLY)
    world.clock.forward(seconds=1)
    second = await world.schedules.run(OWNER, NIGHTLY)

    assert (first, second) == ("run_1", "run_2")
    assert {job.cause for job in world.engine.jobs.values()} == {"schedule:nightly"}
    assert (await world.present()).progress.last_run is None


async def test_history_is_the_runs_of_the_schedule_that_one_may_see(world: World) -> None:
    await world.add()
    await world.schedules.create(OWNER, draft("other"))
    await world.tick(minutes=1)
    await world.tick(minutes=1)

    ours = await world.schedules.history(OWNER, NIGHTLY)
    theirs = await world.schedules.history(READER, NIGHTLY)

    assert {run.cause for run in ours.runs} == {"schedule:nightly"}
    assert len(ours.runs) == 2
    assert theirs.runs == ()


async def test_firings_can_be_foreseen_without_a_schedule(world: World) -> None:
    rules = FiringRules(start=at("01:00"), end=at("01:02"))

    assert world.schedules.foresee(MINUTELY, rules, 10) == (at("01:00"), at("01:01"))
    assert len(world.schedules.foresee(MINUTELY, FiringRules(), 100)) == 100
    for number in (0, 101):
        with pytest.raises(InvalidSchedule):
            world.schedules.foresee(MINUTELY, FiringRules(), number)
    with pytest.raises(InvalidCron):
        world.schedules.foresee(Cron("x"), FiringRules(), 1)
