import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from muelle.core import PrincipalId, RunId, TenantId
from muelle.engine import (
    Entry,
    InvalidCursor,
    InvalidLimit,
    Journal,
    LeaseLost,
    RunFilter,
    RunFinished,
    RunParked,
    RunRecord,
    RunStarted,
    SqlJournal,
    StepBegan,
    StepFinished,
    ValueKept,
    durable,
)
from muelle.stores import Database, MemoryBlobs

_OURS, _THEIRS = TenantId("ours"), TenantId("theirs")
_RUN = RunId("run_1")
_AT = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=UTC)
_EVERYTHING = RunFilter()


@pytest.fixture
def journal(every_database: Database) -> Journal:
    return SqlJournal(every_database, MemoryBlobs())


def started(run: RunId = _RUN, **changes: Any) -> RunStarted:
    entry = RunStarted(
        run=run,
        tenant=_OURS,
        principal=PrincipalId("principal_1"),
        workflow="daily",
        plan="ab" * 32,
        document=b'{"type":"beginExecution"}',
        inputs=b'{"a":1}',
        at=_AT,
    )
    return replace(entry, **changes)


def step(sequence: int = 0, **changes: Any) -> StepFinished:
    entry = StepFinished(
        run=_RUN,
        tenant=_OURS,
        sequence=sequence,
        operation="fetch",
        type="ApiCall",
        iteration="3.0",
        status="success",
        at=_AT + timedelta(microseconds=sequence),
        took=1234,
        attempts=2,
        cached=True,
        output=b'{"id":1}',
        error=None,
    )
    return replace(entry, **changes)


def finished(run: RunId = _RUN, **changes: Any) -> RunFinished:
    entry = RunFinished(
        run=run,
        tenant=_OURS,
        status="partial_success",
        at=_AT + timedelta(seconds=2),
        took=2_000_000,
        succeeded=1,
        failed=2,
        skipped=3,
        error=b'{"code":"x"}',
    )
    return replace(entry, **changes)


_RECORD = RunRecord(
    run=_RUN,
    tenant=_OURS,
    principal=PrincipalId("principal_1"),
    workflow="daily",
    plan="ab" * 32,
    status="partial_success",
    started=_AT,
    finished=_AT + timedelta(seconds=2),
    took=2_000_000,
    succeeded=1,
    failed=2,
    skipped=3,
    error=b'{"code":"x"}',
    began=_AT,
)
_BEGUN = replace(_RECORD, status="running", finished=None, took=None, succeeded=0, failed=0, skipped=0, error=None)
WHOLE: list[Entry] = [started(), step(0), step(1), finished()]


async def names(journal: Journal, where: RunFilter = _EVERYTHING, tenant: TenantId = _OURS) -> list[str]:
    return [record.run for record in (await journal.runs(tenant, where, 1000)).runs]


async def test_another_tenant_sees_nothing(journal: Journal) -> None:
    await journal.append(WHOLE)
    assert await journal.run(_THEIRS, _RUN) is None
    assert await journal.steps(_THEIRS, _RUN) == ()
    assert await journal.document(_THEIRS, _RUN) is None
    assert await names(journal, tenant=_THEIRS) == []


async def test_the_same_ids_in_two_tenants_stay_apart(journal: Journal) -> None:
    await journal.append(WHOLE)
    theirs: list[Entry] = [replace(entry, tenant=_THEIRS) for entry in (step(0, output=b"0"), finished(status="error"))]
    await journal.append([started(tenant=_THEIRS, document=b"theirs"), *theirs])
    assert (await journal.steps(_OURS, _RUN))[0].output == b'{"id":1}'
    assert await journal.document(_OURS, _RUN) == b'{"type":"beginExecution"}'
    assert await journal.document(_THEIRS, _RUN) == b"theirs"
    assert await journal.run(_OURS, _RUN) == _RECORD


async def test_a_whole_run_in_one_append_comes_back_as_it_was(journal: Journal) -> None:
    await journal.append(WHOLE)
    assert await journal.run(_OURS, _RUN) == _RECORD
    assert await journal.steps(_OURS, _RUN) == (step(0), step(1))
    assert await journal.document(_OURS, _RUN) == b'{"type":"beginExecution"}'


async def test_a_run_told_bit_by_bit_is_the_same(journal: Journal) -> None:
    await journal.append([started()])
    assert await journal.run(_OURS, _RUN) == _BEGUN
    for entry in WHOLE[1:]:
        await journal.append([entry])
    assert await journal.run(_OURS, _RUN) == _RECORD
    assert await journal.steps(_OURS, _RUN) == (step(0), step(1))


async def test_appends_of_one_moment_keep_their_order(journal: Journal) -> None:
    await asyncio.gather(*[_awaited(journal, [entry]) for entry in WHOLE])
    assert await journal.run(_OURS, _RUN) == _RECORD
    assert len(await journal.steps(_OURS, _RUN)) == 2


async def _awaited(journal: Journal, entries: list[Entry]) -> None:
    await journal.append(entries)


async def test_an_entry_appended_again_changes_nothing(journal: Journal) -> None:
    await journal.append(WHOLE)
    await journal.append(WHOLE)
    await journal.append([started(), step(0, output=b"other"), finished(status="error", failed=9)])
    await journal.append([started(workflow="other")])
    await journal.append([finished(status="error")])
    assert await journal.run(_OURS, _RUN) == _RECORD
    assert await journal.steps(_OURS, _RUN) == (step(0), step(1))


async def test_a_run_that_had_begun_ends_even_if_its_start_is_told_again(journal: Journal) -> None:
    await journal.append([started()])
    await journal.append(WHOLE)
    assert await journal.run(_OURS, _RUN) == _RECORD


async def test_steps_come_in_the_order_of_their_sequence(journal: Journal) -> None:
    await journal.append([started()])
    for numbers in ((10,), (2, 3), (9,), (0, 1), (3, 4, 5)):
        await journal.append([step(number) for number in numbers])
    assert [found.sequence for found in await journal.steps(_OURS, _RUN)] == [0, 1, 2, 3, 4, 5, 9, 10]


async def test_all_that_a_run_remembers_comes_back_in_order(journal: Journal) -> None:
    began = StepBegan(run=_RUN, tenant=_OURS, sequence=0, operation="fetch", iteration="3.0", at=_AT)
    kept = ValueKept(run=_RUN, tenant=_OURS, sequence=1, name="once/fetch/page", value=b'{"a":1}')
    await journal.append([started(), began])
    await journal.append([kept, step(2)])
    assert await journal.past(_OURS, _RUN) == (began, kept, step(2))
    assert await journal.past(_OURS, _RUN, 2) == (step(2),)
    assert await journal.steps(_OURS, _RUN) == (step(2),)
    assert await journal.past(_THEIRS, _RUN) == ()


async def test_a_parked_run_is_listed_as_waiting_until_it_ends(journal: Journal) -> None:
    await journal.append([started()])
    await journal.append([RunParked(run=_RUN, tenant=_OURS, status="waiting", wake=_AT)])
    assert await names(journal, RunFilter(status="waiting")) == [_RUN]
    await journal.append([finished()])
    await journal.append([RunParked(run=_RUN, tenant=_OURS, status="waiting", wake=_AT)])
    assert await journal.run(_OURS, _RUN) == _RECORD


async def test_inputs_come_back_as_they_were_given(journal: Journal) -> None:
    await journal.append(WHOLE)
    assert await journal.inputs(_OURS, _RUN) == b'{"a":1}'
    assert await journal.inputs(_THEIRS, _RUN) is None


async def test_whoever_has_no_lease_is_refused_and_leaves_nothing(journal: Journal) -> None:
    with pytest.raises(LeaseLost):
        await durable(journal.append(WHOLE, lease="worker_that_never_was"))
    assert await journal.run(_OURS, _RUN) is None


@pytest.mark.parametrize(
    "at", [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)]
)
async def test_times_keep_their_microseconds(journal: Journal, at: datetime) -> None:
    await journal.append([started(at=at), finished(at=at + timedelta(microseconds=1))])
    record = await journal.run(_OURS, _RUN)
    assert record
    assert (record.started, record.finished) == (at, at + timedelta(microseconds=1))


@pytest.mark.parametrize("size", [0, 1, 32 << 10, (32 << 10) + 1, 1 << 20, (1 << 20) + 1, 3 << 20])
async def test_payloads_of_every_size_come_back_as_they_were(journal: Journal, size: int) -> None:
    body = b'"' + b"x" * (size - 2) + b'"' if size > 1 else b"7"[:size]
    await journal.append([started(document=body, inputs=body), step(output=body, error=body), finished(error=body)])
    [found] = await journal.steps(_OURS, _RUN)
    record = await journal.run(_OURS, _RUN)
    assert record
    assert (found.output, found.error, record.error) == (body, body, body)
    assert await journal.document(_OURS, _RUN) == body


@pytest.mark.parametrize("mark", [b"\x00", b"\x01", b"\x02", b"\x03", b"\xff"])
async def test_bytes_that_look_like_marks_are_only_bytes(journal: Journal, mark: bytes) -> None:
    await journal.append([started(document=mark + b"x"), step(output=mark), finished(error=mark * 40_000)])
    record = await journal.run(_OURS, _RUN)
    assert record
    assert [found.output for found in await journal.steps(_OURS, _RUN)] == [mark]
    assert await journal.document(_OURS, _RUN) == mark + b"x"
    assert record.error == mark * 40_000


async def test_a_large_step_does_not_let_later_entries_overtake_it(journal: Journal) -> None:
    large = b"[" + b"1," * 700_000 + b"1]"
    appends: list[list[Entry]] = [[started(inputs=large)], [step(0, output=large)], [step(1)], [finished()]]
    await asyncio.gather(*[_awaited(journal, entries) for entries in appends])
    assert await journal.run(_OURS, _RUN) == _RECORD
    assert len(await journal.steps(_OURS, _RUN)) == 2


async def _many(journal: Journal, count: int) -> list[str]:
    """Append runs, three at each moment; return their ids, newest first."""
    runs = [RunId(f"run_{number:03}") for number in range(count)]
    for number, run in enumerate(runs):
        await journal.append([started(run, at=_AT + timedelta(seconds=number // 3))])
    return [*reversed(runs)]


async def test_runs_are_listed_newest_first_page_by_page(journal: Journal) -> None:
    expected = await _many(journal, 25)
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await journal.runs(_OURS, _EVERYTHING, 10, cursor)
        seen += [record.run for record in page.runs]
        cursor = page.cursor
    assert seen == expected
    assert cursor is None


async def test_a_page_that_ends_with_the_last_run_has_no_cursor(journal: Journal) -> None:
    await _many(journal, 10)
    assert (await journal.runs(_OURS, _EVERYTHING, 10)).cursor is None
    assert (await journal.runs(_OURS, _EVERYTHING, 9)).cursor is not None


async def test_a_new_run_does_not_disturb_the_next_page(journal: Journal) -> None:
    expected = await _many(journal, 10)
    page = await journal.runs(_OURS, _EVERYTHING, 5)
    await journal.append([started(RunId("run_new"), at=_AT + timedelta(days=1))])
    following = await journal.runs(_OURS, _EVERYTHING, 5, page.cursor)
    assert [record.run for record in following.runs] == expected[5:]


async def test_each_filter_narrows_the_list(journal: Journal) -> None:
    await _many(journal, 9)
    await journal.append([started(RunId("run_x"), workflow="other", principal=PrincipalId("principal_2"), at=_AT)])
    await journal.append([finished(RunId("run_000"), status="error")])
    assert await names(journal, RunFilter(workflow="other")) == ["run_x"]
    assert await names(journal, RunFilter(principal=PrincipalId("principal_2"))) == ["run_x"]
    assert await names(journal, RunFilter(status="error")) == ["run_000"]
    assert await names(journal, RunFilter(status="success")) == []
    second = _AT + timedelta(seconds=1)
    assert await names(journal, RunFilter(since=second, until=second + timedelta(seconds=1))) == [
        "run_005",
        "run_004",
        "run_003",
    ]
    assert await names(journal, RunFilter(until=second, workflow="daily", status="running")) == ["run_002", "run_001"]


async def test_filters_hold_across_pages(journal: Journal) -> None:
    await _many(journal, 9)
    for number in (1, 4, 7):
        await journal.append([finished(RunId(f"run_{number:03}"), status="success")])
    page = await journal.runs(_OURS, RunFilter(status="success"), 2)
    rest = await journal.runs(_OURS, RunFilter(status="success"), 2, page.cursor)
    assert [record.run for record in (*page.runs, *rest.runs)] == ["run_007", "run_004", "run_001"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "run_1", "AAAAAAAAAAAAAAAA", "é", "a" * 10_000, "'; DROP TABLE runs", "=="]
)
async def test_a_cursor_from_elsewhere_is_refused(journal: Journal, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await journal.runs(_OURS, _EVERYTHING, 10, cursor)


async def test_a_cursor_with_one_letter_changed_is_refused(journal: Journal) -> None:
    await _many(journal, 3)
    cursor = (await journal.runs(_OURS, _EVERYTHING, 1)).cursor
    assert cursor
    for at in range(len(cursor) - 1):  # of the last letter some bits mean nothing
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        with pytest.raises(InvalidCursor):
            await journal.runs(_OURS, _EVERYTHING, 1, changed)


async def test_another_tenants_cursor_shows_nothing_of_theirs(journal: Journal) -> None:
    await _many(journal, 3)
    cursor = (await journal.runs(_OURS, _EVERYTHING, 1)).cursor
    assert (await journal.runs(_THEIRS, _EVERYTHING, 1, cursor)).runs == ()


async def test_a_page_has_a_smallest_and_a_largest_size(journal: Journal) -> None:
    await _many(journal, 2)
    assert len((await journal.runs(_OURS, _EVERYTHING, 1)).runs) == 1
    assert len((await journal.runs(_OURS, _EVERYTHING, 1000)).runs) == 2
    for limit in (0, 1001, -1):
        with pytest.raises(InvalidLimit):
            await journal.runs(_OURS, _EVERYTHING, limit)
