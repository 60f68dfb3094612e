"""Inputs that a schedule keeps, and a workflow whose inputs get other names."""

import json
from collections.abc import AsyncIterator

import pytest

from muelle.app import App, open_app, read_configuration
from muelle.core import ManualClock, MuelleError
from muelle.engine.schedules import Every, JobTemplate, ScheduleDraft, ScheduleId
from muelle.identity import Principal
from muelle.rooms import saved_of, schedules_of
from muelle.workflows.versions.model import Draft
from workflows.versions.saved_world import TEXT, document, takes

NIGHTLY = ScheduleId("nightly")
RENAMED = {"1.x": [{"do": "rename", "at": "/who", "to": "name"}]}
CAPITALS = {"inputPath": "/input/name", "format": "upper"}


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with open_app(read_configuration(None, {}), None, clock=ManualClock()) as opened:
        yield opened


@pytest.fixture
async def owner(app: App) -> Principal:
    return await app.identity.operator()


async def greeted(app: App, owner: Principal) -> str:
    """Have the schedule's run done now, and return what it wrote."""
    run = await schedules_of(app)[0].run(owner, NIGHTLY)
    await app.engine.perform_now(owner.tenant, run)
    outcome = await app.runs.result(owner, run)
    assert outcome is not None
    return str(outcome.tallies["hello"].output)


async def test_inputs_kept_by_a_schedule_follow_the_workflow_to_its_next_major_version(
    app: App, owner: Principal
) -> None:
    saved, (schedules, _) = saved_of(app).workflows, schedules_of(app)
    first = Draft(name="greet", document=document(), version="1.0.0", input_schema=takes("who", who=TEXT))
    await saved.publish(owner, first)
    payload = json.dumps({"workflow": "greet", "version": "latest", "inputs": {"who": "Ada"}}).encode()
    template = JobTemplate(name="greet", payload=payload)
    await schedules.create(owner, ScheduleDraft(id=NIGHTLY, timing=Every(60, app.clock.now()), template=template))
    before = await greeted(app, owner)

    renamed = Draft(
        name="greet",
        document=document(**CAPITALS),
        version="2.0.0",
        input_schema=takes("name", name=TEXT),
        migrate_inputs=RENAMED,
    )
    await saved.publish(owner, renamed)

    assert (before, await greeted(app, owner)) == ("ADA", "ADA")


async def test_inputs_that_do_not_fit_the_workflow_are_refused_when_the_schedule_is_made(
    app: App, owner: Principal
) -> None:
    draft = Draft(name="greet", document=document(), version="1.0.0", input_schema=takes("who", who=TEXT))
    await saved_of(app).workflows.publish(owner, draft)
    template = JobTemplate(name="greet", payload=b'{"workflow": "greet", "inputs": {"whom": "Ada"}}')
    asked = ScheduleDraft(id=NIGHTLY, timing=Every(60, app.clock.now()), template=template)

    with pytest.raises(MuelleError, match="whom") as refused:
        await schedules_of(app)[0].create(owner, asked)

    assert refused.value.code == "inputs_refused"
