"""Events from the outbox start runs: once each, of whom it concerns, and never without end."""

import pytest

from muelle.core import Conflict, Forbidden, Unavailable
from muelle.engine.errors import IdempotencyConflict
from muelle.workflows.triggers import TriggersSettings
from muelle.workflows.triggers.errors import TriggersBehind
from muelle.workflows.triggers.pattern import EventPattern
from workflows.triggers.trigger_world import DRAFT, World, open_world


async def test_an_event_that_fits_starts_the_workflow_with_its_inputs(world: World) -> None:
    trigger = await world.add(
        inputs={"total": "/event/data/total", "note": "Order {/event/subject}"},
        version="^2",
        priority=2,
        concurrency=3,
        queue="bills",
    )

    await world.consumer([world.event(data={"total": 7})])

    [job] = world.engine.jobs
    assert (job.kind, job.name, job.tenant, job.principal) == ("workflow", "bill", "default", world.owner.id)
    assert (job.queue, job.priority, job.concurrency) == ("bills", 2, 3)
    assert (job.cause, job.concurrency_key) == (f"trigger:{trigger.id}", f"trigger:{trigger.id}")
    assert job.idempotency_key == f"trigger:{trigger.id}:event_1"
    inputs = {"total": 7, "note": "Order orders/1"}
    assert world.engine.payloads == [{"workflow": "bill", "version": "^2", "inputs": inputs}]


async def test_an_event_that_comes_again_is_the_same_run_and_the_same_delivery(world: World) -> None:
    await world.add()

    for _ in range(3):
        await world.consumer([world.event()])

    assert len(world.engine.jobs) == 1
    [delivery] = await world.deliveries()
    assert (delivery.outcome, delivery.run, delivery.event) == ("submitted", "run_0", "event_1")


async def test_runs_are_asked_for_in_the_order_of_events(world: World) -> None:
    await world.add(inputs={})

    await world.consumer([world.event(number) for number in range(150)])

    assert [job.idempotency_key.rpartition("_")[2] for job in world.engine.jobs] == [str(n) for n in range(150)]


async def test_another_tenants_events_concern_nobody_here(world: World) -> None:
    await world.add(pattern=EventPattern(type="**"))

    await world.consumer([world.event(tenant="other")])

    assert world.engine.jobs == []


async def test_changes_hold_for_the_next_batch(world: World) -> None:
    await world.consumer([world.event(1)])
    await world.add()
    await world.consumer([world.event(2)])
    await world.triggers.disable(world.owner, "orders")
    await world.consumer([world.event(3)])
    await world.triggers.enable(world.owner, "orders")
    await world.consumer([world.event(4)])
    await world.triggers.remove(world.owner, "orders")
    await world.consumer([world.event(5)])

    assert [job.idempotency_key.rpartition("_")[2] for job in world.engine.jobs] == ["2", "4"]


async def test_an_event_of_the_right_type_that_does_not_fit_is_noted_and_others_are_not(world: World) -> None:
    await world.add(pattern=EventPattern(type="order.*", data={"total": {"numeric": [">", 9]}}))

    await world.consumer([world.event(1, data={"total": 9}), world.event(2, kind="mail.sent")])

    [delivery] = await world.deliveries()
    assert (delivery.outcome, delivery.reason, delivery.event) == ("unmatched", "/data/total", "event_1")


async def test_so_many_events_that_came_near_are_noted_a_minute_and_no_more() -> None:
    async with open_world(TriggersSettings(unmatched_per_minute=3)) as world:
        await world.add(pattern=EventPattern(type="order.*", data={"x": 1}))
        await world.consumer([world.event(number) for number in range(4)])
        assert len(await world.deliveries()) == 3

        world.clock.forward(minutes=1)
        await world.consumer([world.event(9)])

        assert len(await world.deliveries()) == 4


@pytest.mark.parametrize(("depth", "outcome"), [(8, "submitted"), (9, "refused")])
async def test_a_chain_that_the_data_tell_of_ends_at_its_limit(world: World, depth: int, outcome: str) -> None:
    await world.add()

    await world.consumer([world.event(data={"muelle_depth": depth})])

    assert [each.outcome for each in await world.deliveries()] == [outcome]


@pytest.mark.parametrize("depth", ["9", -9, True, None, 9.0, [9]])
async def test_a_depth_that_is_no_number_counts_as_none(world: World, depth: object) -> None:
    await world.add()

    await world.consumer([world.event(data={"muelle_depth": depth})])

    assert [each.outcome for each in await world.deliveries()] == ["submitted"]


async def test_runs_that_start_each_other_by_events_end_at_the_limit_whatever_they_say(world: World) -> None:
    await world.add()
    source = "/shop"
    for number in range(12):
        await world.consumer([world.event(number, source=source, data={"muelle_depth": 0})])
        source = f"/runs/run_{len(world.engine.jobs) - 1}"

    assert len(world.engine.jobs) == 9
    refused = [each for each in await world.deliveries() if each.outcome == "refused"]
    assert [each.reason for each in refused] == ["a chain of more than 8 runs by events"] * 3


@pytest.mark.parametrize("cause", ["run", "rerun"])
async def test_a_run_that_is_called_or_repeated_is_as_deep_as_what_it_comes_of(cause: str) -> None:
    async with open_world(TriggersSettings(most_depth=1)) as world:
        await world.add()
        await world.consumer([world.event(1)])
        await world.consumer([world.event(2, source="/runs/run_0")])
        world.engine.called("run_child", f"{cause}:run_1")
        world.engine.called("run_alone", "schedule:s")

        await world.consumer([world.event(3, source="/runs/run_child"), world.event(4, source="/runs/run_alone")])

        outcomes = {each.event: each.outcome for each in await world.deliveries()}
    assert outcomes == {f"event_{n}": "refused" if n == 3 else "submitted" for n in range(1, 5)}


async def test_what_the_engine_cannot_take_now_comes_again_until_it_is_a_dead_letter(world: World) -> None:
    await world.add()
    world.engine.failing = Unavailable()
    for attempt in range(1, 5):
        for _ in range(3):  # the outbox comes again at once; only the first of these is an attempt
            with pytest.raises(TriggersBehind):
                await world.consumer([world.event()])
        assert [(each.outcome, each.attempts) for each in await world.deliveries()] == [("failed", attempt)]
        world.clock.forward(seconds=2 ** (attempt - 1))

    await world.consumer([world.event()])

    [letter] = await world.deliveries()
    assert (letter.outcome, letter.attempts) == ("dead", 5)
    assert letter.reason.startswith("unavailable: ")


async def test_what_was_done_is_left_alone_while_the_rest_of_a_batch_comes_again(world: World) -> None:
    await world.add()
    await world.consumer([world.event(1)])
    world.engine.failing = Unavailable()
    with pytest.raises(TriggersBehind):
        await world.consumer([world.event(2)])
    world.engine.failing = None
    for _ in range(3):
        with pytest.raises(TriggersBehind):
            await world.consumer([world.event(2), world.event(3)])
    world.clock.forward(seconds=1)

    await world.consumer([world.event(2), world.event(3)])

    assert world.engine.asked == 4  # once each, and once more for what failed
    assert [each.outcome for each in await world.deliveries()] == ["submitted"] * 3


async def test_a_trigger_that_fails_does_not_keep_others_from_theirs(world: World) -> None:
    await world.add(inputs={"who": "/event/data/who"})
    await world.add(name="second")

    await world.consumer([world.event()])

    assert [job.name for job in world.engine.jobs] == ["bill"]
    [letter] = await world.deliveries()
    assert (letter.outcome, letter.reason.partition(":")[0]) == ("dead", "missing_data")


@pytest.mark.parametrize(("error", "outcome"), [(Forbidden(), "dead"), (Conflict(), "dead"), (OSError(), "failed")])
async def test_what_can_never_succeed_is_dead_at_once(world: World, error: Exception, outcome: str) -> None:
    await world.add()
    world.engine.failing = error

    try:
        await world.consumer([world.event()])
    except TriggersBehind:
        assert outcome == "failed"

    assert [each.outcome for each in await world.deliveries()] == [outcome]


async def test_an_event_that_became_a_run_before_the_trigger_changed_is_that_run(world: World) -> None:
    await world.add()
    world.engine.failing = IdempotencyConflict(key="k", execution="run_7")

    await world.consumer([world.event()])

    assert [(each.outcome, each.run) for each in await world.deliveries()] == [("submitted", "run_7")]


async def test_a_dead_letter_is_sent_again_with_the_trigger_as_it_is_now(world: World) -> None:
    await world.add(inputs={"who": "/event/data/who"})
    await world.consumer([world.event()])
    [letter] = await world.deliveries()
    await world.triggers.update(world.owner, "orders", DRAFT)

    again = await world.triggers.replay(world.owner, "orders", letter.id)

    assert (again.outcome, again.run, again.id) == ("submitted", "run_0", letter.id)
    assert [each.outcome for each in await world.deliveries()] == ["submitted"]


async def test_a_dead_letter_that_fails_again_stays_one(world: World) -> None:
    await world.add()
    world.engine.failing = Forbidden()
    await world.consumer([world.event()])
    world.engine.failing = Unavailable()
    [letter] = await world.deliveries()

    again = await world.triggers.replay(world.owner, "orders", letter.id)

    assert (again.outcome, again.attempts) == ("dead", 2)


async def test_deliveries_and_dead_letters_are_bounded_each() -> None:
    async with open_world(TriggersSettings(kept=5, kept_dead=3)) as world:
        await world.add()
        for number in range(100):
            world.engine.failing = Forbidden() if number % 2 else None
            await world.consumer([world.event(number)])

        outcomes = [each.outcome for each in await world.deliveries()]

    assert outcomes.count("submitted") < 5 + 20
    assert outcomes.count("dead") < 3 + 20
