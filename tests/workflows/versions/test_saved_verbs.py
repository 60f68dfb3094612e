"""Looking at saved workflows, aliases, going back, deprecation, withdrawal."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from muelle.identity import Principal, Refused
from muelle.workflows.versions.errors import (
    AliasNotFound,
    InvalidAlias,
    InvalidDetail,
    InvalidSunset,
    NothingToRollBackTo,
    TooManyWorkflows,
    VersionNotFound,
    VersionWithdrawn,
    WorkflowInUse,
    WorkflowNotFound,
)
from muelle.workflows.versions.keeping import InvalidPlace
from workflows.versions.saved_world import (
    AUTHOR,
    NUMBER,
    START,
    TENANT,
    TEXT,
    World,
    document,
    someone,
    takes,
)

Verb = Callable[[World, Principal], Awaitable[Any]]


async def meant(world: World, wanted: str = "") -> str:
    return (await world.saved.resolve(TENANT, "report", wanted)).release.version


async def test_latest_is_the_highest_that_is_no_pre_release(world: World) -> None:
    await world.published("1.0.0", "1.2.0", "1.1.0", "2.0.0-beta.1")

    assert await meant(world, "latest") == "1.2.0"
    assert [await meant(world, text) for text in ("^1.1", "~1.0", "2.0.0-beta.1")] == ["1.2.0", "1.0.0", "2.0.0-beta.1"]


async def test_without_a_word_stable_is_meant_where_it_is_set(world: World) -> None:
    await world.published("1.0.0", "1.1.0")

    assert await meant(world) == "1.1.0"
    await world.saved.set_alias(AUTHOR, "report", "stable", "1.0.0")
    assert await meant(world) == "1.0.0"


async def test_an_alias_means_what_it_was_set_to(world: World) -> None:
    await world.published("1.0.0", "1.1.0")

    assert await world.saved.set_alias(AUTHOR, "report", "canary", "^1") == ("canary", "1.1.0")

    assert await meant(world, "canary") == "1.1.0"
    await world.saved.remove_alias(AUTHOR, "report", "canary")
    with pytest.raises(AliasNotFound):
        await meant(world, "canary")


@pytest.mark.parametrize("alias", ["x", "1", "v2", "", "auto", "a b", "a" * 51])
async def test_what_reads_as_a_range_is_no_alias(world: World, alias: str) -> None:
    await world.publish()

    with pytest.raises(InvalidAlias):
        await world.saved.set_alias(AUTHOR, "report", alias, "1.0.0")


async def test_a_workflow_has_at_most_so_many_aliases(world: World) -> None:
    await world.publish()
    for alias in ("a", "b", "b"):
        await world.saved.set_alias(AUTHOR, "report", alias, "1.0.0")

    with pytest.raises(TooManyWorkflows):
        await world.saved.set_alias(AUTHOR, "report", "c", "1.0.0")


async def test_a_rollback_goes_back_to_where_the_alias_stood_and_then_further(world: World) -> None:
    await world.published("1.0.0", "1.1.0", "1.2.0")
    for version in ("1.1.0", "1.0.0", "1.2.0"):
        await world.saved.set_alias(AUTHOR, "report", "stable", version)

    assert [await world.saved.rollback(AUTHOR, "report") for _ in range(2)] == [
        ("stable", "1.0.0"),
        ("stable", "1.1.0"),
    ]
    assert await meant(world) == "1.1.0"


async def test_a_rollback_of_latest_holds_until_something_newer_is_published(world: World) -> None:
    await world.published("1.0.0", "1.1.0", "1.2.0")

    assert await world.saved.rollback(AUTHOR, "report") == ("latest", "1.1.0")
    assert await world.saved.rollback(AUTHOR, "report", "latest") == ("latest", "1.0.0")

    assert await meant(world) == "1.0.0"
    await world.publish("1.2.1", document() + b"\n\n\n")
    assert await meant(world) == "1.2.1"


async def test_a_rollback_never_leads_to_what_was_withdrawn(world: World) -> None:
    await world.published("1.0.0", "1.1.0", "1.2.0")
    await world.saved.withdraw(AUTHOR, "report", "1.1.0")

    assert await world.saved.rollback(AUTHOR, "report") == ("latest", "1.0.0")
    with pytest.raises(NothingToRollBackTo):
        await world.saved.rollback(AUTHOR, "report")


async def test_a_deprecated_version_runs_but_others_come_first(world: World) -> None:
    await world.published("1.0.0", "1.1.0", "2.0.0")

    await world.saved.deprecate(AUTHOR, "report", "1.1.0", message="It rounds wrongly")

    assert [await meant(world, text) for text in ("^1", "1.1.0", "^1.1")] == ["1.0.0", "1.1.0", "1.1.0"]
    await world.saved.deprecate(AUTHOR, "report", "1.0.0")
    assert await meant(world, "^1") == "1.1.0"


async def test_from_its_sunset_on_a_version_is_gone(world: World) -> None:
    await world.published("1.0.0", "2.0.0")
    await world.saved.deprecate(AUTHOR, "report", "1.0.0", message="Old", sunset=START + timedelta(hours=1))

    assert await meant(world, "^1") == "1.0.0"
    world.clock.forward(hours=1)

    with pytest.raises(VersionWithdrawn) as caught:
        await meant(world, "^1")
    assert caught.value.facts["message_of_author"] == "Old"


@pytest.mark.parametrize("hours", [0, -1])
async def test_a_sunset_lies_ahead(world: World, hours: int) -> None:
    await world.publish()

    with pytest.raises(InvalidSunset):
        await world.saved.deprecate(AUTHOR, "report", "1.0.0", sunset=START + timedelta(hours=hours))


async def test_a_withdrawn_version_is_never_meant_but_can_be_looked_at(world: World) -> None:
    await world.published("1.0.0", "1.1.0")
    await world.saved.withdraw(AUTHOR, "report", "1.1.0", message="It deletes")

    assert await meant(world, "^1") == "1.0.0"
    with pytest.raises(VersionWithdrawn):
        await meant(world, "1.1.0")
    release, _ = await world.saved.version(AUTHOR, "report", "1.1.0")
    assert (release.status, release.message) == ("withdrawn", "It deletes")


async def test_what_was_withdrawn_can_be_taken_back(world: World) -> None:
    await world.published("1.0.0", "1.1.0")
    await world.saved.withdraw(AUTHOR, "report", "1.1.0", message="By mistake")

    await world.saved.restore(AUTHOR, "report", "1.1.0")

    assert await meant(world) == "1.1.0"


async def test_an_alias_that_leads_to_a_withdrawn_version_says_so(world: World) -> None:
    await world.published("1.0.0", "1.1.0")
    await world.saved.set_alias(AUTHOR, "report", "stable", "1.1.0")
    await world.saved.withdraw(AUTHOR, "report", "1.1.0")

    with pytest.raises(VersionWithdrawn):
        await meant(world)


async def test_only_what_nobody_can_run_is_removed(world: World) -> None:
    await world.published("1.0.0", "1.1.0")
    await world.saved.withdraw(AUTHOR, "report", "1.1.0")

    with pytest.raises(WorkflowInUse) as caught:
        await world.saved.remove(AUTHOR, "report")
    assert caught.value.facts["versions"] == ["1.0.0"]

    await world.saved.withdraw(AUTHOR, "report", "1.0.0")
    await world.saved.remove(AUTHOR, "report")
    with pytest.raises(WorkflowNotFound):
        await meant(world)


async def test_a_name_begins_anew_after_it_was_removed(world: World) -> None:
    await world.publish()
    await world.saved.withdraw(AUTHOR, "report", "1.0.0")
    await world.saved.remove(AUTHOR, "report")
    world.clock.forward(seconds=1)

    await world.publish(body=document("other"))

    resolved = await world.saved.resolve(TENANT, "report")
    assert resolved.content.document == document("other")


@pytest.mark.parametrize("wanted", ["3.0.0", "^3", "9.x"])
async def test_what_no_version_is_names_the_highest_ones(world: World, wanted: str) -> None:
    await world.published("1.0.0", "1.1.0")

    with pytest.raises(VersionNotFound) as caught:
        await meant(world, wanted)

    assert caught.value.facts["highest"] == ["1.1.0", "1.0.0"]


async def test_a_workflow_of_pre_releases_has_no_latest(world: World) -> None:
    await world.publish("1.0.0-a")

    with pytest.raises(VersionNotFound):
        await meant(world)


async def test_the_history_has_everything_that_was_done(world: World) -> None:
    await world.published("1.0.0", "1.1.0")
    await world.saved.set_alias(AUTHOR, "report", "stable", "1.0.0")
    await world.saved.deprecate(AUTHOR, "report", "1.1.0", message="Odd")
    await world.saved.rollback(AUTHOR, "report", "latest")

    first = await world.saved.history(AUTHOR, "report", 3)
    rest = await world.saved.history(AUTHOR, "report", 3, first.next)

    told = [(each.action, each.version, each.detail) for each in (*first.items, *rest.items)]
    assert told == [
        ("rollback", "1.0.0", "latest"),
        ("deprecate", "1.1.0", "Odd"),
        ("alias", "1.0.0", "stable"),
        ("publish", "1.1.0", ""),
        ("publish", "1.0.0", ""),
    ]
    assert rest.next is None


async def test_a_difference_names_fields_and_weighs_them(world: World) -> None:
    await world.publish("1.0.0", input_schema=takes(who=TEXT))
    await world.publish("2.0.0", document(inputPath="/input/who", format="lower"), input_schema=takes(who=NUMBER))

    found = await world.saved.diff(AUTHOR, "report", "1.0.0", "latest")

    assert [(edit.path, edit.kind, edit.before, edit.after) for edit in found.edits] == [
        ("/operations/hello/config/format", "changed", "upper", "lower"),
        ("/input_schema/properties/who/type", "changed", "string", "number"),
    ]
    assert found.required_bump == "major"
    assert '-        "format": "upper",\n+        "format": "lower",' in found.text
    assert found.text.startswith("--- report 1.0.0\n+++ report 2.0.0\n")


async def test_versions_that_are_alike_differ_in_nothing(world: World) -> None:
    await world.published("1.0.0", "1.0.1")

    found = await world.saved.diff(AUTHOR, "report", "1.0.0", "1.0.1")

    assert (found.edits, found.changes, found.text) == ((), (), "")


async def test_operations_that_come_and_go_are_told(world: World) -> None:
    await world.publish("1.0.0", document("a", "b"))
    await world.publish("2.0.0", document("a", "c"))

    found = await world.saved.diff(AUTHOR, "report", "1.0.0", "2.0.0")

    assert [(edit.path, edit.kind) for edit in found.edits] == [
        ("/operations/b", "removed"),
        ("/operations/c", "added"),
    ]


async def test_lists_come_in_pages_of_what_one_may_see(world: World) -> None:
    for name in ("alpha", "beta", "gamma"):
        await world.publish(name=name, description=f"The {name}")
    runner = someone(("workflows:run", "alpha"), ("workflows:read", "g*"))

    first = await world.saved.list(AUTHOR, limit=2)
    rest = await world.saved.list(AUTHOR, limit=2, cursor=first.next)

    assert [head.name for head in first.items + rest.items] == ["alpha", "beta", "gamma"]
    assert rest.next is None
    assert [head.name for head in (await world.saved.list(runner)).items] == ["alpha", "gamma"]
    assert [head.name for head in (await world.saved.list(AUTHOR, "THE BETA")).items] == ["beta"]
    assert (await world.saved.list(someone())).items == ()


@pytest.mark.parametrize(("limit", "cursor"), [(0, None), (501, None), (1, "a\n"), (1, "a" * 101)])
async def test_a_page_has_its_bounds(world: World, limit: int, cursor: str | None) -> None:
    with pytest.raises(InvalidPlace):
        await world.saved.list(AUTHOR, "", limit, cursor)


@pytest.mark.parametrize(("limit", "cursor"), [(0, None), (501, None), (1, "x"), (1, "-1")])
async def test_a_page_of_history_has_its_bounds(world: World, limit: int, cursor: str | None) -> None:
    await world.publish()

    with pytest.raises(InvalidPlace):
        await world.saved.history(AUTHOR, "report", limit, cursor)


async def test_a_description_is_changed_without_a_version(world: World) -> None:
    await world.publish(description="Old", tags=("a",))

    await world.saved.describe(AUTHOR, "report", description="New")

    head = (await world.saved.show(AUTHOR, "report")).head
    assert (head.description, head.tags) == ("New", ("a",))
    with pytest.raises(InvalidDetail):
        await world.saved.describe(AUTHOR, "report", tags=("a", "b", "c"))


VERBS: dict[str, Verb] = {
    "alias": lambda world, actor: world.saved.set_alias(actor, "report", "stable", "1.0.0"),
    "unalias": lambda world, actor: world.saved.remove_alias(actor, "report", "stable"),
    "rollback": lambda world, actor: world.saved.rollback(actor, "report"),
    "describe": lambda world, actor: world.saved.describe(actor, "report", description=""),
    "deprecate": lambda world, actor: world.saved.deprecate(actor, "report", "1.0.0"),
    "withdraw": lambda world, actor: world.saved.withdraw(actor, "report", "1.0.0"),
    "restore": lambda world, actor: world.saved.restore(actor, "report", "1.0.0"),
    "remove": lambda world, actor: world.saved.remove(actor, "report"),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_who_may_only_read_and_run_changes_nothing(world: World, verb: str) -> None:
    await world.publish()
    reader = someone(("workflows:read", "*"), ("workflows:run", "*"))

    with pytest.raises(Refused):
        await VERBS[verb](world, reader)

    assert (f"workflows.{verb}", "report", "refused") in await world.acts()


@pytest.mark.parametrize("verb", VERBS)
async def test_nothing_is_done_to_what_is_not_there(world: World, verb: str) -> None:
    with pytest.raises(WorkflowNotFound):
        await VERBS[verb](world, AUTHOR)


@pytest.mark.parametrize(
    "look",
    [
        lambda world, actor: world.saved.show(actor, "report"),
        lambda world, actor: world.saved.version(actor, "report"),
        lambda world, actor: world.saved.diff(actor, "report", "1.0.0", "1.0.0"),
        lambda world, actor: world.saved.history(actor, "report"),
    ],
)
async def test_strangers_do_not_learn_that_it_is_there(world: World, look: Verb) -> None:
    await world.publish()

    with pytest.raises(WorkflowNotFound):
        await look(world, someone(("workflows:read", "other"), ("workflows:validate", "*")))
