"""Triggers hand their runs to the real engine."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from muelle.app import App, open_app, read_configuration
from muelle.engine import StoredEvent
from muelle.workflows.triggers.opening import TriggerDoors, open_triggers
from muelle.workflows.triggers.service import TriggerParts
from workflows.triggers.trigger_world import DRAFT


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with open_app(read_configuration(None, {}), None) as opened:
        yield opened


def doors(app: App) -> TriggerDoors:
    return open_triggers(
        TriggerParts(
            database=app.stores.database,
            vault=app.stores.vault,
            identity=app.identity,
            trail=app.stores.trail,
            clock=app.clock,
            ids=app.ids,
            submit=app.engine.submit,
            runs=app.stores.journal,
            settings=app.settings.workflows.triggers,
        )
    )


def event(app: App, number: int, source: str = "/shop") -> StoredEvent:
    return StoredEvent(
        position=str(number),
        id=f"event_{number}",
        tenant="default",  # type: ignore[arg-type]  # a tenant's id is a text
        type="order.new",
        source=source,
        subject="",
        at=app.clock.now(),
        data=b"{}",
    )


async def test_an_event_becomes_one_run_that_is_listed_with_its_cause(app: App) -> None:
    opened, owner = doors(app), await app.identity.operator()
    trigger, _ = await opened.triggers.add(owner, DRAFT)

    await opened.consumer([event(app, 1)])
    await opened.triggers.update(owner, "orders", replace(DRAFT, inputs={"changed": True}))
    await opened.consumer([event(app, 1)])

    [delivery] = (await opened.triggers.deliveries(owner, "orders")).items
    assert delivery.run is not None
    record = await app.stores.journal.run(owner.tenant, delivery.run)
    assert record is not None
    assert (record.workflow, record.cause, record.principal) == ("bill", f"trigger:{trigger.id}", owner.id)
    assert (delivery.outcome, delivery.reason.partition(":")[0]) == ("submitted", "idempotency_conflict")


async def test_a_chain_of_real_runs_ends(app: App) -> None:
    opened, owner = doors(app), await app.identity.operator()
    await opened.triggers.add(owner, DRAFT)
    source = "/shop"
    for number in range(12):
        await opened.consumer([event(app, number, source)])
        deliveries = (await opened.triggers.deliveries(owner, "orders")).items
        [run] = [each.run for each in deliveries if each.event == f"event_{number}"]
        source = f"/runs/{run}" if run else source

    outcomes = [each.outcome for each in (await opened.triggers.deliveries(owner, "orders")).items]
    assert (outcomes.count("submitted"), outcomes.count("refused")) == (9, 3)
