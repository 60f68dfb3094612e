"""The journal in a database: a few statements for each append, committed together with everybody else's."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from muelle.core import Clock, RunId, SystemClock, TenantId
from muelle.engine.chunks import pack_entries, unpack_entries
from muelle.engine.cursor import MOST_RUNS
from muelle.engine.errors import InvalidLimit
from muelle.engine.model import (
    Entry,
    Past,
    RunBegan,
    RunFilter,
    RunFinished,
    RunPage,
    RunRecord,
    RunStarted,
    StepFinished,
    ValueKept,
)
from muelle.engine.payload import Payloads, stands_for_itself
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.listing import RECORD, cursor_after, query, record_of
from muelle.engine.stores.rows import CHUNK, PLAN, Rows, fence, one_of, rows_of
from muelle.engine.times import micros
from muelle.engine.watchers import Watchers
from muelle.stores import Blobs, Database, Row, Statement

_PLANS_KNOWN = 10_000  # hashes of documents that this process has stored; beyond that it begins anew
PLAN_SECONDS = 600.0
"""How long this process relies on a document being stored before it says again that it is used."""
# Of the chunks that begin at or before an entry, the last one holds it; the earlier ones need not be read.
_CHUNKS = (
    "SELECT sequence, entries FROM journal WHERE tenant = ? AND run = ? AND sequence >= COALESCE((SELECT max(sequence) "
    "FROM journal WHERE tenant = ? AND run = ? AND sequence <= ?), 0) "
    "UNION ALL SELECT 0, entries FROM runs WHERE tenant = ? AND run = ? AND entries IS NOT NULL ORDER BY 1"
)
_FORGET = (
    "DELETE FROM journal WHERE tenant = ? AND run = ?",
    "DELETE FROM waits WHERE tenant = ? AND run = ?",
    "DELETE FROM submissions WHERE tenant = ? AND run = ?",
    "DELETE FROM runs WHERE tenant = ? AND run = ?",
)
PLANS = "plans"
"""Whom the blobs of documents belong to: no run, for many share them."""
_INPUTS = "SELECT inputs FROM runs WHERE tenant = ? AND run = ?"
_DOCUMENT = (
    "SELECT document FROM plans JOIN runs ON plans.tenant = runs.tenant AND plans.plan = runs.plan "
    "WHERE runs.tenant = ? AND runs.run = ?"
)


class SqlJournal:
    """The Journal port; what is large goes to `blobs`. Use it on the database's loop."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: EngineSettings = EngineSettings(),  # noqa: B008 - frozen
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._payloads = Payloads(blobs, settings)
        self._limit = settings.compress_bytes
        self._clock = clock or SystemClock()
        self._plans: dict[tuple[TenantId, str], float] = {}  # until when they are known to be stored
        self._packing: dict[RunId, asyncio.Task[None]] = {}
        self.watchers = Watchers()

    def append(self, entries: Sequence[Entry], *, flush: bool = True, lease: str | None = None) -> Awaitable[None]:
        """Queue entries; await the result to know them durable. Entries of a run keep the order of their appends."""
        rows = rows_of(entries, lease, self._limit)
        if self._packing or self._must_pack(rows):
            appended: Awaitable[None] = self._append_packed(entries, lease)
        else:
            appended = self._commit(rows, lease, flush=flush)
        return self.watchers.told(entries, appended) if self.watchers else appended

    async def settle(self, run: RunId) -> None:
        """Return once nothing of a run is being packed any more: what comes late could meet the next one's entries."""
        if task := self._packing.get(run):
            await asyncio.wait([task])

    async def runs(self, tenant: TenantId, where: RunFilter, limit: int, cursor: str | None = None) -> RunPage:
        """Return runs, newest first; raise InvalidCursor or InvalidLimit."""
        if not 1 <= limit <= MOST_RUNS:
            raise InvalidLimit(limit=limit)
        sql, parameters = query(tenant, where, cursor)
        rows = await self._database.fetch(sql, tenant, *parameters, limit + 1)
        records = tuple([await self._record(tenant, row) for row in rows[:limit]])
        following = cursor_after(rows[limit - 1]) if len(rows) > limit else None
        return RunPage(records, following)

    async def run(self, tenant: TenantId, run: RunId) -> RunRecord | None:
        """Return one run, or None if the tenant has no such run."""
        rows = await self._database.fetch(f"{RECORD} AND run = ?", tenant, run)
        return await self._record(tenant, rows[0]) if rows else None

    async def statuses(self, tenant: TenantId, runs: Sequence[RunId]) -> dict[RunId, str]:
        """Return the stored statuses of those runs that there are."""
        chosen, packed = one_of("run", runs, self._database.dialect)
        sql = f"SELECT run, status FROM runs WHERE tenant = ? AND {chosen}"  # noqa: S608 - a constant
        return {row[0]: row[1] for row in await self._database.fetch(sql, tenant, packed)}

    async def past(self, tenant: TenantId, run: RunId, since: int = 0) -> tuple[Past, ...]:
        """Return what the run remembers, in order, from the entry `since` on."""
        found: list[Past] = []
        rows = await self._database.fetch(_CHUNKS, tenant, run, tenant, run, since, tenant, run)
        for sequence, chunk in rows:
            for entry in unpack_entries(tenant, run, sequence, chunk):
                if entry.sequence >= since:
                    found.append(await self._unpacked(entry))
                    since = entry.sequence + 1
        return tuple(found)

    async def steps(self, tenant: TenantId, run: RunId) -> tuple[StepFinished, ...]:
        """Return the run's steps in the order of their sequence."""
        return tuple([entry for entry in await self.past(tenant, run) if isinstance(entry, StepFinished)])

    async def document(self, tenant: TenantId, run: RunId) -> bytes | None:
        """Return the document that the run was planned from."""
        rows = await self._database.fetch(_DOCUMENT, tenant, run)
        return await self._payloads.unpack(tenant, rows[0][0]) if rows else None

    async def inputs(self, tenant: TenantId, run: RunId) -> bytes | None:
        """Return the inputs, or the payload, that the run was given."""
        rows = await self._database.fetch(_INPUTS, tenant, run)
        return await self._payloads.unpack(tenant, rows[0][0]) if rows else None

    async def copied(self, tenant: TenantId, run: RunId, past: Sequence[Past]) -> list[Statement]:
        """Return what makes a new run remember steps of another one."""
        entries: list[Entry] = [
            replace(entry, tenant=tenant, run=run, sequence=number) for number, entry in enumerate(past)
        ]
        return rows_of([await self._pack(entry) for entry in entries], None, self._limit).statements

    async def packed(self, tenant: TenantId, owner: str, body: bytes) -> bytes:
        """Return a payload of a run (or of `PLANS`) as its column has it; a large one is a blob on disk by then."""
        return await self._payloads.pack(tenant, owner, body) if body else body

    async def forget(self, tenant: TenantId, runs: Sequence[RunId]) -> None:
        """Remove runs, with all that belongs to them."""
        rows = [(tenant, run) for run in runs]
        await self._database.commit([Statement(sql, rows) for sql in _FORGET])
        for run in runs:
            await self._payloads.forget(tenant, run)

    async def compact(self, tenant: TenantId, run: RunId) -> None:
        """Pack the entries of a run that has ended into one chunk."""
        async with self._database.transaction(alone=False) as transaction:
            chunks = await transaction.fetch(_CHUNKS, tenant, run, tenant, run, 0, tenant, run)
            entries: list[Past] = []
            for sequence, chunk in chunks:
                entries += [
                    entry for entry in unpack_entries(tenant, run, sequence, chunk) if entry.sequence >= len(entries)
                ]
            if len(chunks) > 1:
                await transaction.execute("DELETE FROM journal WHERE tenant = ? AND run = ?", tenant, run)
                await transaction.execute(CHUNK, tenant, run, 0, pack_entries(entries))

    async def unpacked(self, tenant: TenantId, column: bytes) -> bytes:
        """Return a payload from what its column has."""
        return await self._payloads.unpack(tenant, column)

    def with_plans(
        self, documents: dict[tuple[TenantId, str], bytes], statements: list[Statement], *, flush: bool = True
    ) -> Awaitable[None]:
        """Commit, together with those documents that this process has not stored yet."""
        fresh = {key: document for key, document in documents.items() if not self.knows(*key)} if documents else {}
        if not fresh:
            return self._database.commit(statements, flush=flush)
        # They are flushed: later runs rely on them.
        used = micros(self._clock.now())
        statements.append(Statement(PLAN, [(*key, document, used) for key, document in fresh.items()]))
        done = asyncio.ensure_future(self._database.commit(statements))
        done.add_done_callback(partial(self._remember, fresh))
        return done

    def knows(self, tenant: TenantId, plan: str) -> bool:
        """Whether the document of a plan is stored, as far as this process knows."""
        return self._plans.get((tenant, plan), 0.0) > self._clock.monotonic()

    def _must_pack(self, rows: Rows) -> bool:
        if rows.is_large:
            return True
        for key, document in rows.documents.items():
            if not stands_for_itself(document, self._limit) and not self.knows(*key):
                return True
        return False

    def _commit(self, rows: Rows, lease: str | None, *, flush: bool = True) -> Awaitable[None]:
        if lease is not None:
            rows.statements.append(fence(self._database.dialect, lease))
        return self.with_plans(rows.documents, rows.statements, flush=flush)

    def _remember(self, fresh: Iterable[tuple[TenantId, str]], done: "asyncio.Future[None]") -> None:
        if done.cancelled() or done.exception():
            return  # nobody knows them to be stored
        if len(self._plans) >= _PLANS_KNOWN:
            self._plans.clear()
        self._plans.update(dict.fromkeys(fresh, self._clock.monotonic() + PLAN_SECONDS))

    def _large_fields(self, entry: Entry) -> tuple[str, ...]:
        if isinstance(entry, StepFinished):
            return "output", "error"
        if isinstance(entry, RunStarted):
            return ("inputs",) if self.knows(entry.tenant, entry.plan) else ("inputs", "document")
        if isinstance(entry, RunBegan):
            return "document", "inputs"
        if isinstance(entry, ValueKept):
            return ("value",)
        return ("error",) if isinstance(entry, RunFinished) else ()

    def _append_packed(self, entries: Sequence[Entry], lease: str | None) -> Awaitable[None]:
        """Pack what is large, after what is being packed for the same runs; the caller awaits the task."""
        runs = {entry.run for entry in entries}
        earlier = [self._packing[run] for run in runs if run in self._packing]
        if not earlier and not self._must_pack(rows := rows_of(entries, lease, self._limit)):
            return self._commit(rows, lease)
        task = asyncio.ensure_future(self._pack_and_commit(entries, earlier, lease))
        for run in runs:
            self._packing[run] = task
        task.add_done_callback(partial(self._packed, runs))
        return task

    async def _pack_and_commit(
        self, entries: Sequence[Entry], earlier: Sequence["asyncio.Task[None]"], lease: str | None
    ) -> None:
        if earlier:
            await asyncio.wait(earlier)
        packed = [await self._pack(entry) for entry in entries]
        await self._commit(rows_of(packed, lease, self._limit), lease)

    def _packed(self, runs: Iterable[RunId], task: "asyncio.Task[None]") -> None:
        for run in runs:
            if self._packing.get(run) is task:
                del self._packing[run]

    async def _pack(self, entry: Entry) -> Entry:
        packed: dict[str, Any] = {}
        for field in self._large_fields(entry):
            if body := getattr(entry, field):
                owner = PLANS if field == "document" else entry.run
                packed[field] = await self._payloads.pack(entry.tenant, owner, body)
        return replace(entry, **packed) if packed else entry

    async def _unpacked(self, entry: Past) -> Past:
        if isinstance(entry, StepFinished):
            output = await self._unpack(entry.tenant, entry.output)
            error = await self._unpack(entry.tenant, entry.error)
            is_same = output is entry.output and error is entry.error
            return entry if is_same else replace(entry, output=output, error=error)
        if isinstance(entry, ValueKept):
            return replace(entry, value=await self._payloads.unpack(entry.tenant, entry.value))
        return entry

    async def _record(self, tenant: TenantId, row: Row) -> RunRecord:
        record = record_of(row)
        return record if record.error is None else replace(record, error=await self._unpack(tenant, record.error))

    async def _unpack(self, tenant: TenantId, column: bytes | None) -> bytes | None:
        return column if column is None else await self._payloads.unpack(tenant, column)
