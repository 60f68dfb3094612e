"""The store of triggers and deliveries on SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from muelle.core import Ids, ManualClock, PrincipalId, RunId, TenantId
from muelle.stores import ConstraintViolated, Database
from muelle.workflows.triggers.model import Delivery, SecretVersion, Trigger, TriggerId, Webhook
from muelle.workflows.triggers.pattern import EventPattern
from muelle.workflows.triggers.schemes import GenericScheme
from muelle.workflows.triggers.store import DeliveryStore, TriggerStore
from workflows.triggers.trigger_world import world_on

AT = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
TENANT = TenantId("default")
TRIGGER = Trigger(
    id=TriggerId("trigger_1"),
    tenant=TENANT,
    name="orders",
    kind="event",
    workflow="bill",
    version="^2",
    description="línea\n星",
    pattern=EventPattern(type=["a.*", {"prefix": "b"}], data={"x/y": [1, None, {"exists": False}]}),
    inputs={"a": {"path": "/event/data/x"}},
    principal=PrincipalId("agent_1"),
    runs_as="bot",
    enabled=True,
    priority=3,
    concurrency=0,
    queue="default",
    webhook=Webhook(scheme=GenericScheme(header="X-Sig"), addresses=("10.0.0.0/8",)),
    secrets=(SecretVersion(version=2, created=AT), SecretVersion(version=1, created=AT, expires=AT)),
    created=AT,
    updated=AT,
)
DELIVERY = Delivery(
    id="delivery_1",
    tenant=TENANT,
    trigger=TRIGGER.id,
    event="event_1",
    type="a.b",
    at=AT,
    outcome="dead",
    reason="because",
    attempts=5,
    body=b'{"a":"\\u0000"}',
)


async def test_what_is_kept_is_found_by_id_and_by_name(database: Database) -> None:
    store = TriggerStore(database)
    await store.add(TRIGGER)

    assert await store.find(TENANT, "trigger_1") == TRIGGER
    assert await store.find(TENANT, "orders") == TRIGGER
    assert await store.find(TenantId("other"), "orders") is None


async def test_a_name_is_taken_once_in_a_tenant(database: Database) -> None:
    store = TriggerStore(database)
    await store.add(TRIGGER)
    await store.add(replace(TRIGGER, tenant=TenantId("other")))
    await store.add(replace(TRIGGER, id=TriggerId("trigger_2"), name="other"))

    with pytest.raises(ConstraintViolated):
        await store.add(replace(TRIGGER, id=TriggerId("trigger_3")))
    with pytest.raises(ConstraintViolated):
        await store.replace(replace(TRIGGER, name="other"))


async def test_every_change_moves_the_epoch_and_only_enabled_triggers_of_events_listen(database: Database) -> None:
    store = TriggerStore(database)
    epochs = [await store.epoch()]
    await store.add(TRIGGER)
    epochs.append(await store.epoch())
    await store.add(replace(TRIGGER, id=TriggerId("trigger_2"), name="hook", kind="webhook"))
    assert await store.listening(TENANT) == [TRIGGER]
    await store.replace(replace(TRIGGER, enabled=False))
    epochs.append(await store.epoch())
    assert await store.listening(TENANT) == []
    await store.remove(TENANT, TRIGGER.id)
    epochs.append(await store.epoch())

    assert sorted(set(epochs)) == epochs
    assert [each.name for each in await store.all(TENANT)] == ["hook"]


async def test_a_delivery_takes_the_place_of_the_one_before_and_keeps_its_id(database: Database) -> None:
    store = DeliveryStore(database)
    await store.record([DELIVERY])
    later = replace(
        DELIVERY, id="delivery_2", outcome="submitted", reason="", run=RunId("run_1"), attempts=6, body=None
    )
    await store.record([later])

    expected = replace(later, id="delivery_1")
    assert await store.find(TENANT, TRIGGER.id, "event_1") == expected
    assert await store.find(TENANT, TRIGGER.id, "delivery_1") == expected
    assert await store.page(TENANT, TRIGGER.id, 10, None) == [expected]


async def test_what_is_kept_is_read_back(database: Database) -> None:
    store = DeliveryStore(database)
    await store.record([DELIVERY])

    assert await store.find(TENANT, TRIGGER.id, "event_1") == DELIVERY


async def test_only_the_newest_deliveries_and_dead_letters_are_kept(database: Database) -> None:
    store, clock = DeliveryStore(database), ManualClock()
    ids = Ids(clock)
    deliveries = []
    for number in range(12):
        clock.forward(seconds=1)
        outcome = "dead" if number % 3 == 0 else "submitted"
        deliveries.append(replace(DELIVERY, id=ids.mint("delivery"), event=f"event_{number}", outcome=outcome))
    await store.record(deliveries)

    await store.trim(TENANT, TRIGGER.id, 3, 2)

    kept = [each.event for each in await store.page(TENANT, TRIGGER.id, 100, None)]
    assert kept == ["event_11", "event_10", "event_9", "event_8", "event_6"]
    assert [each.event for each in await store.page(TENANT, TRIGGER.id, 2, deliveries[9].id)] == ["event_8", "event_6"]


async def test_receipts_are_known_until_they_are_forgotten(database: Database) -> None:
    store = DeliveryStore(database)
    await store.acknowledge(replace(DELIVERY, run=RunId("run_1")), ["a", "b"])
    await store.acknowledge(replace(DELIVERY, run=RunId("run_2"), at=AT + timedelta(seconds=1)), ["b", "c"])

    async def known() -> list[str | None]:
        return [await store.receipt(TENANT, TRIGGER.id, mark) for mark in "abcd"]

    assert await known() == ["run_1", "run_1", "run_2", None]
    await store.forget(AT + timedelta(seconds=1))
    assert await known() == [None, None, "run_2", None]


async def test_the_same_call_at_the_same_moment_is_one_run(database: Database) -> None:
    world = await world_on(database)
    trigger, secret = await world.add_hook(inputs={})
    headers = world.signed(secret, b"{}")

    given = await asyncio.gather(*(world.call(trigger, headers, b"{}") for _ in range(5)))

    assert {answer.body["run"] for answer in given if answer.body} == {"run_0"}
    assert len(world.engine.jobs) == 1


async def test_a_batch_of_events_is_taken_whole(database: Database) -> None:
    world = await world_on(database)
    await world.add()
    await world.add(name="second")

    await world.consumer([world.event(number) for number in range(100)])
    await world.consumer([world.event(number) for number in range(100)])

    assert len(world.engine.jobs) == 200
    assert len(await world.deliveries()) == 100
