"""Whoever watches a run is told once something of it is durable, and reads on from where they were."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from muelle.core import PrincipalId, RunId, TenantId
from muelle.engine import Entry, RunStarted, SqlJournal, ValueKept
from muelle.stores import MemoryBlobs, StoresSettings, open_memory

TENANT = TenantId("tenant_1")
RUN = RunId("run_1")
LARGE = b'"' + b"x" * (1 << 20) + b'"'  # goes through compression, which takes a thread


@pytest.fixture
async def journal() -> AsyncIterator[SqlJournal]:
    async with open_memory(StoresSettings()) as database:
        yield SqlJournal(database, MemoryBlobs())


def begun(run: RunId) -> Entry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    agent = PrincipalId("agent_1")
    return RunStarted(run=run, tenant=TENANT, principal=agent, workflow="w", plan="", document=b"", inputs=b"{}", at=at)


def kept(sequence: int, run: RunId = RUN, value: bytes = b"1") -> Entry:
    return ValueKept(run=run, tenant=TENANT, sequence=sequence, name=f"v{sequence}", value=value)


@pytest.mark.parametrize("value", [b"1", LARGE])
async def test_who_watches_a_run_is_told_once_it_can_be_read(journal: SqlJournal, value: bytes) -> None:
    with journal.watchers.watch(TENANT, RUN) as bell:
        appended = journal.append([begun(RUN), kept(0, value=value)])
        assert not bell.is_set()
        await appended
        await bell.wait()
    assert len(await journal.past(TENANT, RUN)) == 1


async def test_who_watches_another_run_or_the_same_of_another_tenant_is_not_told(journal: SqlJournal) -> None:
    with journal.watchers.watch(TENANT, RunId("run_2")) as other, journal.watchers.watch(TenantId("t"), RUN) as same:
        await journal.append([begun(RUN), kept(0)])
        assert not other.is_set()
        assert not same.is_set()


async def test_all_who_watch_are_told_and_nothing_is_left_of_them(journal: SqlJournal) -> None:
    watchers = journal.watchers
    with watchers.watch(TENANT, RUN) as one, watchers.watch(TENANT, RUN) as two:
        watchers.ring_all()
        assert one.is_set()
        assert two.is_set()
        assert watchers
    assert not watchers


@pytest.mark.parametrize("since", range(7))
async def test_what_is_read_on_begins_within_any_piece(journal: SqlJournal, since: int) -> None:
    await journal.append([begun(RUN), kept(0), kept(1)])
    await journal.append([kept(2)])
    await journal.append([kept(3), kept(4), kept(5)])

    past = await journal.past(TENANT, RUN, since)

    assert [entry.sequence for entry in past] == list(range(since, 6))
