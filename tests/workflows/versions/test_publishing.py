"""Publishing versions: what is refused, what is decided, and who may."""

from typing import Any

import pytest

from muelle.identity import Refused
from muelle.stores import ConstraintViolated
from muelle.workflows import InvalidDocument
from muelle.workflows.versions.errors import (
    BumpTooSmall,
    InvalidDetail,
    InvalidVersion,
    InvalidWorkflowName,
    TooManyWorkflows,
    VersionExists,
    WorkflowChanged,
    WorkflowNotFound,
)
from muelle.workflows.versions.memory import MemorySavedStore
from muelle.workflows.versions.model import Draft
from muelle.workflows.versions.store import Write
from workflows.versions.saved_world import (
    AUTHOR,
    NUMBER,
    OTHER,
    TENANT,
    TEXT,
    World,
    call,
    document,
    memory_world,
    someone,
    takes,
    world_on,
)


async def test_a_first_version_makes_the_workflow(world: World) -> None:
    publication = await world.publish(description="Says hello", tags=("a", "b"), note="First")

    shown = await world.saved.show(AUTHOR, "report")
    assert (publication.release.version, publication.base, publication.is_new) == ("1.0.0", None, True)
    assert (shown.head.description, shown.head.tags, shown.head.created_by) == ("Says hello", ("a", "b"), AUTHOR.id)
    assert [(each.version, each.note, each.status) for each in shown.releases] == [("1.0.0", "First", "published")]


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (document() + b" ", "1.0.1"),
        (document("hello", "again"), "1.1.0"),
        (document("other"), "2.0.0"),
    ],
)
async def test_auto_takes_the_least_version_that_tells_of_the_changes(world: World, body: bytes, version: str) -> None:
    await world.publish()

    assert (await world.publish(body=body)).release.version == version


async def test_too_small_a_bump_is_refused_with_the_least_that_would_do(world: World) -> None:
    await world.publish("1.4.2", input_schema=takes(a=TEXT))

    with pytest.raises(BumpTooSmall) as caught:
        await world.publish("1.5.0", input_schema=takes(b=TEXT))

    facts = caught.value.facts
    assert (facts["base"], facts["least"], facts["required"]) == ("1.4.2", "2.0.0", "major")
    assert [(each["code"], each["path"]) for each in facts["issues"]] == [
        ("breaking", "/input_schema/properties/a"),
        ("feature", "/input_schema/properties/b"),
    ]


@pytest.mark.parametrize(
    ("version", "is_enough"), [("1.4.3", False), ("1.5.0", True), ("1.5.0-rc.1", True), ("2.0.0", True)]
)
async def test_a_feature_needs_a_minor_version_at_least(world: World, version: str, is_enough: bool) -> None:  # noqa: FBT001 - a parameter of the test
    await world.publish("1.4.2", input_schema=takes(a=TEXT))
    more = takes(a=TEXT, b=NUMBER)

    if is_enough:
        assert (await world.publish(version, input_schema=more)).release.version == version
    else:
        with pytest.raises(BumpTooSmall):
            await world.publish(version, input_schema=more)


async def test_below_one_a_minor_version_may_break(world: World) -> None:
    await world.publish("0.4.0", input_schema=takes(a=TEXT))

    with pytest.raises(BumpTooSmall) as caught:
        await world.publish("0.4.1", input_schema=takes(b=TEXT))

    assert caught.value.facts["least"] == "0.5.0"
    assert (await world.publish(input_schema=takes(b=TEXT))).release.version == "0.5.0"


async def test_an_older_line_is_mended_beside_a_newer_one(world: World) -> None:
    await world.published("1.0.0", "2.0.0")

    publication = await world.publish("1.0.1", document() + b"   ")

    assert publication.base == "1.0.0"


async def test_a_withdrawn_version_is_no_measure(world: World) -> None:
    await world.publish("1.0.0", input_schema=takes(a=TEXT))
    await world.publish("2.0.0", input_schema=takes(b=TEXT))
    await world.saved.withdraw(AUTHOR, "report", "2.0.0")

    publication = await world.publish(input_schema=takes(a=TEXT), body=document() + b" ")

    assert (publication.base, publication.release.version) == ("1.0.0", "1.0.1")


async def test_auto_never_takes_the_number_of_a_withdrawn_version(world: World) -> None:
    await world.published("1.0.0", "1.0.1")
    await world.saved.withdraw(AUTHOR, "report", "1.0.1")

    assert (await world.publish(body=document() + b"\n\n")).release.version == "1.0.2"


async def test_what_was_published_is_returned_and_not_published_again(world: World) -> None:
    first = await world.publish("1.0.0")

    again, auto = await world.publish("1.0.0"), await world.publish()

    assert (again.release, again.is_new, auto.release, auto.is_new) == (first.release, False, first.release, False)
    assert len((await world.saved.show(AUTHOR, "report")).releases) == 1


async def test_what_was_published_never_changes(world: World) -> None:
    await world.publish("1.0.0")

    with pytest.raises(VersionExists):
        await world.publish("1.0.0", document("other"))
    with pytest.raises(VersionExists):
        await world.publish("1.0.0+build.7", document("other"))


async def test_a_rehearsal_tells_all_and_publishes_nothing(world: World) -> None:
    await world.publish("1.0.0")
    draft = Draft(name="report", document=document("other"))

    told = await world.saved.publish(AUTHOR, draft, is_rehearsal=True)

    assert (told.release.version, told.is_new, told.changes[0].weight) == ("2.0.0", True, "breaking")
    assert len((await world.saved.show(AUTHOR, "report")).releases) == 1


async def test_a_document_that_would_not_run_is_not_published(world: World) -> None:
    with pytest.raises(InvalidDocument):
        await world.publish(body=document(kind="FormatTxt"))

    assert (await world.saved.list(AUTHOR)).items == ()


async def test_advice_comes_with_the_publication(world: World) -> None:
    publication = await world.publish(body=document(inputPath="/workflow/none", format="upper"))

    assert [warning["code"] for warning in publication.warnings] == ["never_written"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": "execute"}, InvalidWorkflowName),
        ({"name": "a b"}, InvalidWorkflowName),
        ({"name": "a" * 101}, InvalidWorkflowName),
        ({"version": "1.0"}, InvalidVersion),
        ({"description": "x" * 2_001}, InvalidDetail),
        ({"note": "x\0"}, InvalidDetail),
        ({"tags": ("a", "b", "c")}, InvalidDetail),
        ({"tags": ("x" * 51,)}, InvalidDetail),
        ({"tags": ("",)}, InvalidDetail),
    ],
)
async def test_what_cannot_be_is_refused_by_name(world: World, fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await world.publish(**fields)


async def test_texts_may_be_so_long(world: World) -> None:
    await world.publish(name="a" * 100, description="x" * 2_000, note="x" * 2_000, tags=("x" * 50, "y"))


async def test_a_tenant_has_at_most_so_many_workflows(world: World) -> None:
    for name in ("a", "b", "c"):
        await world.publish(name=name)

    with pytest.raises(TooManyWorkflows) as caught:
        await world.publish(name="d")

    assert caught.value.facts == {"limit": 3, "setting": "workflows.saved.max_workflows"}


async def test_a_workflow_has_at_most_so_many_versions(world: World) -> None:
    await world.published("1.0.0", "1.0.1", "1.0.2", "1.0.3")

    with pytest.raises(TooManyWorkflows):
        await world.publish("1.0.4", document() + b"     ")


async def test_nobody_publishes_without_the_grant_and_the_attempt_is_recorded(world: World) -> None:
    reader = someone(("workflows:read", "*"), ("workflows:run", "*"), ("workflows:write", "other*"))

    with pytest.raises(Refused) as caught:
        await world.publish(by=reader)

    assert caught.value.facts == {"scope": "workflows:write", "resource": "report"}
    assert await world.acts() == [("workflows.publish", "report", "refused")]


async def test_what_was_published_is_recorded(world: World) -> None:
    await world.publish()

    assert await world.acts() == [("workflows.publish", "report", "allowed")]


async def test_tenants_do_not_meet(world: World) -> None:
    await world.publish()
    neighbour = someone(("*", "*"), tenant=OTHER)

    with pytest.raises(WorkflowNotFound):
        await world.saved.show(neighbour, "report")
    assert (await world.publish(by=neighbour)).release.version == "1.0.0"


class Rival(MemorySavedStore):
    """A store in which somebody else is faster, some times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def _write(self, write: Write) -> None:
        if self.times:
            self.times -= 1
            raise ConstraintViolated
        await super()._write(write)


async def test_who_comes_second_decides_anew() -> None:
    world = world_on(Rival(times=2))

    assert (await world.publish()).is_new
    assert await world.acts() == [("workflows.publish", "report", "allowed")]


async def test_who_is_always_second_is_told_to_try_again() -> None:
    with pytest.raises(WorkflowChanged):
        await world_on(Rival(times=100)).publish()


async def test_the_document_runs_under_the_name_whatever_it_calls_itself() -> None:
    world = memory_world()
    await world.publish(body=document(workflow="something-else"))

    resolved = await world.saved.resolve(TENANT, "report")

    plan = await world.planner.plan(resolved.document, world.limits)
    assert (plan.workflow, plan.hash) == ("report", resolved.release.plan)
    assert resolved.content.document == document(workflow="something-else")


async def test_a_host_that_was_not_called_before_needs_a_major_version(world: World) -> None:
    await world.publish(body=call("https://a.example/x"))

    assert (await world.publish(body=call("https://b.example/x"))).release.version == "2.0.0"
