"""The journal in a database: at most four statements for each append, committed together with everybody else's."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from muelle.core import RunId, TenantId
from muelle.engine.cursor import MOST_RUNS, read_cursor, write_cursor
from muelle.engine.errors import InvalidLimit
from muelle.engine.model import Entry, RunFilter, RunFinished, RunPage, RunRecord, RunStarted, StepFinished
from muelle.engine.payload import Payloads, stands_for_itself
from muelle.engine.settings import EngineSettings
from muelle.engine.times import micros, moment
from muelle.stores import Blobs, Database, Row, SqlValue, Statement

_PLANS_KNOWN = 10_000  # hashes of documents that this process has stored; beyond that it begins anew

_PLAN = "INSERT INTO plans (tenant, plan, document) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
# A run that began in an earlier append ends in this one; one that has ended stays as it is.
_RUN = (
    "INSERT INTO runs (tenant, run, principal, workflow, plan, inputs, started, "
    "status, finished, took, succeeded, failed, skipped, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (tenant, run) DO UPDATE SET status = excluded.status, finished = excluded.finished, "
    "took = excluded.took, succeeded = excluded.succeeded, failed = excluded.failed, skipped = excluded.skipped, "
    "error = excluded.error WHERE runs.finished IS NULL AND excluded.finished IS NOT NULL"
)
_STEP = (
    "INSERT INTO steps (tenant, run, sequence, operation, type, iteration, status, at, took, attempts, cached, "
    "output, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_END = (
    "UPDATE runs SET status = ?, finished = ?, took = ?, succeeded = ?, failed = ?, skipped = ?, error = ? "
    "WHERE tenant = ? AND run = ? AND finished IS NULL"
)
_RECORD = (
    "SELECT run, tenant, principal, workflow, plan, status, started, finished, took, succeeded, failed, skipped, error "
    "FROM runs WHERE tenant = ?"
)
_STEPS = (
    "SELECT run, tenant, sequence, operation, type, iteration, status, at, took, attempts, cached, output, error "
    "FROM steps WHERE tenant = ? AND run = ? ORDER BY sequence"
)
_DOCUMENT = (
    "SELECT document FROM plans JOIN runs ON plans.tenant = runs.tenant AND plans.plan = runs.plan "
    "WHERE runs.tenant = ? AND runs.run = ?"
)
_NOT_ENDED = ("running", None, None, 0, 0, 0, None)

E_ = TypeVar("E_", RunStarted, StepFinished, RunFinished)
_Values = tuple[SqlValue, ...]


class SqlJournal:
    """The Journal port; what is large goes to `blobs`. Use it on the database's loop."""

    def __init__(self, database: Database, blobs: Blobs, settings: EngineSettings = EngineSettings()) -> None:  # noqa: B008 - frozen
        self._database = database
        self._payloads = Payloads(blobs, settings)
        self._limit = settings.compress_bytes
        self._plans: set[tuple[TenantId, str]] = set()
        self._packing: dict[RunId, asyncio.Task[None]] = {}

    def append(self, entries: Sequence[Entry], *, flush: bool = True) -> Awaitable[None]:
        """Queue entries; await the result to know them durable. Entries of a run keep the order of their appends."""
        if self._packing or not all(self._is_small(entry) for entry in entries):
            return self._append_packed(entries)
        return self._commit(entries, flush=flush)

    async def runs(self, tenant: TenantId, where: RunFilter, limit: int, cursor: str | None = None) -> RunPage:
        """Return runs, newest first; raise InvalidCursor or InvalidLimit."""
        if not 1 <= limit <= MOST_RUNS:
            raise InvalidLimit(limit=limit)
        sql, parameters = _query(where, cursor)
        rows = await self._database.fetch(sql, tenant, *parameters, limit + 1)
        records = tuple([await self._record(tenant, row) for row in rows[:limit]])
        following = write_cursor(rows[limit - 1][6], records[-1].run) if len(rows) > limit else None
        return RunPage(records, following)

    async def run(self, tenant: TenantId, run: RunId) -> RunRecord | None:
        """Return one run, or None if the tenant has no such run."""
        rows = await self._database.fetch(f"{_RECORD} AND run = ?", tenant, run)
        return await self._record(tenant, rows[0]) if rows else None

    async def steps(self, tenant: TenantId, run: RunId) -> tuple[StepFinished, ...]:
        """Return the run's steps in the order of their sequence."""
        rows = await self._database.fetch(_STEPS, tenant, run)
        return tuple([await self._step(tenant, row) for row in rows])

    async def document(self, tenant: TenantId, run: RunId) -> bytes | None:
        """Return the document that the run was planned from."""
        rows = await self._database.fetch(_DOCUMENT, tenant, run)
        return await self._payloads.unpack(tenant, rows[0][0]) if rows else None

    def _commit(self, entries: Sequence[Entry], *, flush: bool = True) -> Awaitable[None]:
        started: dict[RunId, RunStarted] = {}
        steps: list[_Values] = []
        runs: list[_Values] = []
        ends: list[_Values] = []
        for entry in entries:
            if isinstance(entry, StepFinished):
                steps.append(_step_values(entry))
            elif isinstance(entry, RunStarted):
                started[entry.run] = entry
            elif begun := started.pop(entry.run, None):
                runs.append((*_run_values(begun), *_end_values(entry)))
            else:
                ends.append((*_end_values(entry), entry.tenant, entry.run))
        runs.extend((*_run_values(begun), *_NOT_ENDED) for begun in started.values())
        pairs = ((_RUN, runs), (_STEP, steps), (_END, ends))
        statements = [Statement(sql, rows) for sql, rows in pairs if rows]
        if runs and (fresh := self._fresh_plans(entries)):
            return self._with_plans(fresh, statements)
        return self._database.commit(statements, flush=flush)

    def _fresh_plans(self, entries: Sequence[Entry]) -> dict[tuple[TenantId, str], bytes]:
        """Return those documents that this process has not stored yet."""
        return {
            (entry.tenant, entry.plan): entry.document
            for entry in entries
            if isinstance(entry, RunStarted) and (entry.tenant, entry.plan) not in self._plans
        }

    def _with_plans(self, fresh: dict[tuple[TenantId, str], bytes], statements: list[Statement]) -> Awaitable[None]:
        """Commit, together with documents, which are flushed: later runs rely on them."""
        statements.append(Statement(_PLAN, [(*key, document) for key, document in fresh.items()]))
        done = asyncio.ensure_future(self._database.commit(statements))
        done.add_done_callback(partial(self._remember, fresh))
        return done

    def _remember(self, fresh: Iterable[tuple[TenantId, str]], done: "asyncio.Future[None]") -> None:
        if done.cancelled() or done.exception():
            return  # nobody knows them to be stored
        if len(self._plans) >= _PLANS_KNOWN:
            self._plans.clear()
        self._plans.update(fresh)

    def _is_small(self, entry: Entry) -> bool:
        if isinstance(entry, RunStarted):
            is_known = (entry.tenant, entry.plan) in self._plans
            return stands_for_itself(entry.inputs, self._limit) and (
                is_known or stands_for_itself(entry.document, self._limit)
            )
        if isinstance(entry, StepFinished) and not stands_for_itself(entry.output, self._limit):
            return False
        return stands_for_itself(entry.error, self._limit)

    def _append_packed(self, entries: Sequence[Entry]) -> Awaitable[None]:
        """Pack what is large, after what is being packed for the same runs; the caller awaits the task."""
        runs = {entry.run for entry in entries}
        earlier = [self._packing[run] for run in runs if run in self._packing]
        if not earlier and all(self._is_small(entry) for entry in entries):
            return self._commit(entries)
        task = asyncio.ensure_future(self._pack_and_commit(entries, earlier))
        for run in runs:
            self._packing[run] = task
        task.add_done_callback(partial(self._packed, runs))
        return task

    async def _pack_and_commit(self, entries: Sequence[Entry], earlier: Sequence["asyncio.Task[None]"]) -> None:
        if earlier:
            await asyncio.wait(earlier)
        await self._commit([await self._pack(entry) for entry in entries])

    def _packed(self, runs: Iterable[RunId], task: "asyncio.Task[None]") -> None:
        for run in runs:
            if self._packing.get(run) is task:
                del self._packing[run]

    async def _pack(self, entry: Entry) -> Entry:
        if isinstance(entry, RunStarted):
            return await self._pack_fields(entry, "inputs", "document")
        if isinstance(entry, StepFinished):
            return await self._pack_fields(entry, "output", "error")
        return await self._pack_fields(entry, "error")

    async def _pack_fields(self, entry: E_, *fields: str) -> E_:
        bodies = {field: getattr(entry, field) for field in fields}
        packed: dict[str, Any] = {
            field: await self._payloads.pack(entry.tenant, body) for field, body in bodies.items() if body
        }
        return replace(entry, **packed)

    async def _record(self, tenant: TenantId, row: Row) -> RunRecord:
        return RunRecord(
            run=row[0],
            tenant=row[1],
            principal=row[2],
            workflow=row[3],
            plan=row[4],
            status=row[5],
            started=moment(row[6]),
            finished=None if row[7] is None else moment(row[7]),
            took=row[8],
            succeeded=row[9],
            failed=row[10],
            skipped=row[11],
            error=await self._unpack(tenant, row[12]),
        )

    async def _step(self, tenant: TenantId, row: Row) -> StepFinished:
        return StepFinished(
            run=row[0],
            tenant=row[1],
            sequence=row[2],
            operation=row[3],
            type=row[4],
            iteration=row[5],
            status=row[6],
            at=moment(row[7]),
            took=row[8],
            attempts=row[9],
            cached=bool(row[10]),
            output=await self._unpack(tenant, row[11]),
            error=await self._unpack(tenant, row[12]),
        )

    async def _unpack(self, tenant: TenantId, column: bytes | None) -> bytes | None:
        return column if column is None else await self._payloads.unpack(tenant, column)


def _run_values(entry: RunStarted) -> _Values:
    started = micros(entry.at)
    return entry.tenant, entry.run, entry.principal, entry.workflow, entry.plan, entry.inputs, started


def _end_values(entry: RunFinished) -> _Values:
    counts = entry.succeeded, entry.failed, entry.skipped
    return entry.status, micros(entry.at), entry.took, *counts, entry.error


def _step_values(entry: StepFinished) -> _Values:
    return (
        entry.tenant,
        entry.run,
        entry.sequence,
        entry.operation,
        entry.type,
        entry.iteration,
        entry.status,
        micros(entry.at),
        entry.took,
        entry.attempts,
        int(entry.cached),
        entry.output,
        entry.error,
    )


def _query(where: RunFilter, cursor: str | None) -> tuple[str, list[Any]]:
    """Return the SQL of a list and what stands between the tenant and the limit."""
    conditions: list[tuple[str, tuple[Any, ...]]] = []
    if where.status is not None:
        # Said again as a constant, or the planner cannot know that the index of those who did not succeed will do.
        constant = "" if where.status == "success" else " AND status <> 'success'"
        conditions.append((f" AND status = ?{constant}", (where.status,)))
    if where.principal is not None:
        conditions.append((" AND principal = ?", (where.principal,)))
    if where.workflow is not None:
        conditions.append((" AND workflow = ?", (where.workflow,)))
    if where.since is not None:
        conditions.append((" AND started >= ?", (micros(where.since),)))
    if where.until is not None:
        conditions.append((" AND started < ?", (micros(where.until),)))
    if cursor is not None:
        conditions.append((" AND (started, run) < (?, ?)", read_cursor(cursor)))
    sql = _RECORD + "".join(text for text, _ in conditions) + " ORDER BY started DESC, run DESC LIMIT ?"
    return sql, [value for _, values in conditions for value in values]
