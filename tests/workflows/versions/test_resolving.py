"""From a name, a range and inputs to what is run."""

from typing import Any

import pytest

from muelle.identity import Refused
from muelle.workflows.versions import SavedSettings
from muelle.workflows.versions.errors import InputsNotMigrated, InputsRefused, InvalidVersion, WorkflowNotFound
from muelle.workflows.versions.memory import MemorySavedStore
from workflows.versions.saved_world import (
    AUTHOR,
    NUMBER,
    OTHER,
    TENANT,
    TEXT,
    World,
    document,
    someone,
    takes,
    world_on,
)

RENAMED = {"1.x": [{"do": "rename", "at": "/who", "to": "name"}]}
COUNTED = {"2.x": [{"do": "convert", "at": "/count", "to": "integer"}]}


@pytest.fixture
async def three(world: World) -> World:
    """Give a workflow whose inputs changed twice."""
    await world.publish("1.0.0", input_schema=takes("who", who=TEXT, count=TEXT))
    await world.publish("2.0.0", input_schema=takes("name", name=TEXT, count=TEXT), migrate_inputs=RENAMED)
    numbers = takes("name", name=TEXT, count={"type": "integer", "minimum": 1}, unit={**TEXT, "default": "pieces"})
    await world.publish("3.0.0", input_schema=numbers, migrate_inputs=COUNTED)
    return world


async def test_kept_inputs_go_from_version_to_version(three: World) -> None:
    resolved = await three.saved.resolve(TENANT, "report", "^3", {"who": "Ada", "count": "7"}, "1.0.0")

    assert resolved.inputs == {"name": "Ada", "count": 7, "unit": "pieces"}
    assert resolved.migrated == ("2.0.0", "3.0.0")


async def test_inputs_that_were_never_kept_are_not_migrated(three: World) -> None:
    with pytest.raises(InputsRefused) as caught:
        await three.saved.resolve(TENANT, "report", "3.0.0", {"who": "Ada"})

    assert [issue["path"] for issue in caught.value.facts["issues"]] == ["/name", "/who"]


async def test_inputs_of_the_version_itself_stay(three: World) -> None:
    resolved = await three.saved.resolve(TENANT, "report", "2.0.0", {"name": "Ada"}, "2.0.0")

    assert (resolved.inputs, resolved.migrated) == ({"name": "Ada"}, ())


@pytest.mark.parametrize(
    ("inputs", "field"),
    [({"who": "Ada", "count": "many"}, "/count"), ({"who": "Ada", "count": "0"}, "/count"), ({"count": "1"}, "/name")],
)
async def test_kept_inputs_that_do_not_fit_name_the_field(three: World, inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InputsNotMigrated) as caught:
        await three.saved.resolve(TENANT, "report", "3.0.0", inputs, "1.0.0")

    assert caught.value.facts["field"] == field


async def test_kept_inputs_go_back_only_if_they_fit_as_they_are(three: World) -> None:
    with pytest.raises(InputsNotMigrated):
        await three.saved.resolve(TENANT, "report", "1.0.0", {"name": "Ada"}, "2.0.0")

    resolved = await three.saved.resolve(TENANT, "report", "1.0.0", {"who": "Ada"}, "2.0.0")
    assert resolved.inputs == {"who": "Ada"}


async def test_a_withdrawn_version_still_says_what_became_of_inputs(three: World) -> None:
    await three.saved.withdraw(AUTHOR, "report", "2.0.0")

    resolved = await three.saved.resolve(TENANT, "report", "latest", {"who": "Ada"}, "1.4.2")

    assert resolved.inputs == {"name": "Ada", "unit": "pieces"}


async def test_what_inputs_were_kept_for_is_a_version(three: World) -> None:
    with pytest.raises(InvalidVersion):
        await three.saved.resolve(TENANT, "report", "latest", {}, "first")


async def test_without_a_schema_every_input_is_taken(world: World) -> None:
    await world.publish()

    assert (await world.saved.resolve(TENANT, "report", inputs={"a": [1]})).inputs == {"a": [1]}


async def test_nothing_is_resolved_for_another_tenant(world: World) -> None:
    await world.publish()

    with pytest.raises(WorkflowNotFound):
        await world.saved.resolve(OTHER, "report")


async def test_who_may_not_run_a_name_learns_nothing_of_it(world: World) -> None:
    reader = someone(("workflows:read", "*"), ("workflows:run", "other"))

    for name in ("report", "none"):
        with pytest.raises(Refused) as caught:
            await world.runs.execute(reader, name)
        assert caught.value.facts == {"scope": "workflows:run", "resource": name}
    assert sorted(await world.acts()) == [("workflows:run", "none", "refused"), ("workflows:run", "report", "refused")]


class Counting(MemorySavedStore):
    """A store that counts how often contents are read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def content(self, tenant: Any, name: str, version: str) -> Any:
        self.reads += 1
        return await super().content(tenant, name, version)


@pytest.mark.parametrize(
    ("bounds", "reads"), [({"kept_entries": 2}, 2), ({"kept_entries": 1}, 4), ({"kept_bytes": 1}, 4)]
)
async def test_contents_are_kept_within_bounds(bounds: dict[str, int], reads: int) -> None:
    store = Counting()
    world = world_on(store, SavedSettings(**bounds))
    await world.publish("1.0.0")
    await world.publish(name="other", body=document("x"))

    for name in ("report", "other", "report", "other"):
        await world.saved.resolve(TENANT, name)

    assert store.reads == reads


async def test_a_schema_and_numbers_are_checked_as_numbers(world: World) -> None:
    await world.publish(input_schema=takes("n", n=NUMBER))

    with pytest.raises(InputsRefused) as caught:
        await world.saved.resolve(TENANT, "report", inputs={"n": "5"})

    facts = caught.value.facts
    assert (facts["workflow"], facts["version"], facts["field"]) == ("report", "1.0.0", "/n")
