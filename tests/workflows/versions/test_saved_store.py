"""One contract for every store of saved workflows."""

import asyncio

import msgspec
import pytest

from muelle.core import PrincipalId
from muelle.stores import ConstraintViolated, Database
from muelle.workflows.versions.memory import MemorySavedStore
from muelle.workflows.versions.migrations import read_migrations
from muelle.workflows.versions.model import Content, Entry, Head, Release
from muelle.workflows.versions.needs import Call, Need, Needs, OperationShape
from muelle.workflows.versions.store import SavedStore, SqlSavedStore, Write
from workflows.versions.saved_world import OTHER, START, TENANT

ME = PrincipalId("agent_me")
NEEDS = Needs(
    operations={"a": OperationShape("ApiCall", "0" * 32)},
    order=("a",),
    permissions=frozenset({Need("operations:use", "ApiCall")}),
    pure=frozenset(),
    credentials=frozenset({"key"}),
    calls=frozenset({Call("GET", "a.example", "/x")}),
)
CONTENT = Content(
    document=b'{"\xc3\xb1": 1}\n\x00',
    input_schema={"type": "object", "properties": {"a": {"const": None}}},
    migrate_inputs=read_migrations({"1.x": [{"do": "move", "from": "/a", "to": "/b"}]}),
    needs=NEEDS,
)


def head(name: str = "report", revision: int = 1, **fields: object) -> Head:
    made = Head(tenant=TENANT, name=name, created=START, created_by=ME, updated=START, revision=revision)
    return msgspec.structs.replace(made, **fields)


def entry(revision: int = 1, action: str = "publish") -> Entry:
    return Entry(revision=revision, at=START, by=ME, action=action, version="1.0.0", detail="ñ")


def release(version: str = "1.0.0", **fields: object) -> Release:
    made = Release(version=version, plan="p", note="", created=START, created_by=ME, status_at=START)
    return msgspec.structs.replace(made, **fields)


def publishing(version: str = "1.0.0", revision: int = 1, name: str = "report", **fields: object) -> Write:
    return Write(head=head(name, revision, **fields), entry=entry(revision), published=(release(version), CONTENT))


@pytest.fixture
def store(memory_or_database: Database | None) -> SavedStore:
    return SqlSavedStore(memory_or_database) if memory_or_database else MemorySavedStore()


async def test_what_was_published_is_found_as_it_was(store: SavedStore) -> None:
    await store.write(publishing(description="Says it", tags=("a", "b")))

    workflow = await store.find(TENANT, "report")

    assert workflow is not None
    assert workflow.head == await store.head(TENANT, "report")
    assert (workflow.head, workflow.releases) == (head(description="Says it", tags=("a", "b")), (release(),))
    assert await store.content(TENANT, "report", "1.0.0") == CONTENT
    assert await store.content(TENANT, "report", "1.0.1") is None


async def test_versions_come_by_precedence_and_not_by_their_text(store: SavedStore) -> None:
    for revision, version in enumerate(("1.2.0", "1.10.0", "1.10.0-rc.1"), 1):
        await store.write(publishing(version, revision))

    workflow = await store.find(TENANT, "report")

    assert workflow is not None
    assert [each.version for each in workflow.releases] == ["1.10.0", "1.10.0-rc.1", "1.2.0"]


async def test_a_release_changes_its_status_and_nothing_else(store: SavedStore) -> None:
    await store.write(publishing())
    marked = release(status="deprecated", message="Old", sunset=START)

    await store.write(Write(head=head(revision=2), entry=entry(2, "deprecate"), changed=marked))

    workflow = await store.find(TENANT, "report")
    assert workflow is not None
    assert workflow.releases == (marked,)
    assert await store.content(TENANT, "report", "1.0.0") == CONTENT


async def test_of_two_changes_at_once_one_is_made(store: SavedStore) -> None:
    await store.write(publishing())

    writes = [store.write(publishing(version, 2)) for version in ("1.1.0", "1.2.0")]
    ended = await asyncio.gather(*writes, return_exceptions=True)

    workflow = await store.find(TENANT, "report")
    assert [type(each) for each in ended if each is not None] == [ConstraintViolated]
    assert workflow is not None
    assert len(workflow.releases) == 2


async def test_another_tenant_finds_nothing(store: SavedStore) -> None:
    await store.write(publishing())

    assert await store.find(OTHER, "report") is None
    assert await store.head(OTHER, "report") is None
    assert await store.content(OTHER, "report", "1.0.0") is None
    assert await store.page(OTHER, "", "", 10) == []
    assert (await store.count(OTHER), await store.revision(OTHER, "report")) == (0, 0)
    assert await store.history(OTHER, "report", 10) == []


async def test_pages_are_in_one_order_everywhere(store: SavedStore) -> None:
    for name in ("b", "A", "a-b", "a_b", "a", "B"):
        await store.write(publishing(name=name))

    page = await store.page(TENANT, "", "", 4)

    assert [each.name for each in page] == ["A", "B", "a", "a-b"]
    assert [each.name for each in await store.page(TENANT, "", "a-b", 4)] == ["a_b", "b"]
    assert await store.count(TENANT) == 6


@pytest.mark.parametrize("sought", ["report", "says 100% ñandú", "urgent", "_!"])
async def test_a_search_looks_through_name_description_and_tags(store: SavedStore, sought: str) -> None:
    await store.write(publishing(description="Says 100% ÑANDÚ _!", tags=("Urgent",)))
    await store.write(publishing(name="other", description="Says 1000"))

    assert [each.name for each in await store.page(TENANT, sought.casefold(), "", 10)] == ["report"]


async def test_what_is_removed_leaves_its_history(store: SavedStore) -> None:
    await store.write(publishing())

    await store.write(Write(head=head(revision=2), entry=entry(2, "remove"), is_removal=True))

    assert await store.find(TENANT, "report") is None
    assert await store.content(TENANT, "report", "1.0.0") is None
    assert [each.action for each in await store.history(TENANT, "report", 10)] == ["remove", "publish"]
    assert (await store.count(TENANT), await store.revision(TENANT, "report")) == (0, 2)


async def test_history_comes_in_pages_the_newest_first(store: SavedStore) -> None:
    for revision in (1, 2, 3):
        await store.write(publishing(f"1.{revision}.0", revision))

    assert [each.revision for each in await store.history(TENANT, "report", 2)] == [3, 2]
    assert [each.revision for each in await store.history(TENANT, "report", 2, 2)] == [1]
    assert (await store.history(TENANT, "report", 1))[0] == entry(3)
