"""The journal in memory: for tests, and for whoever wants to keep nothing."""

import asyncio
from collections.abc import Awaitable, Sequence

from msgspec.structs import replace

from muelle.core import RunId, TenantId
from muelle.engine.cursor import MOST_RUNS, read_cursor, write_cursor
from muelle.engine.errors import InvalidLimit
from muelle.engine.model import Entry, RunFilter, RunPage, RunRecord, RunStarted, StepFinished
from muelle.engine.times import micros

_Key = tuple[TenantId, RunId]


class MemoryJournal:
    """The Journal port in dictionaries; nothing outlives the process."""

    def __init__(self) -> None:
        self._runs: dict[_Key, RunRecord] = {}
        self._steps: dict[_Key, dict[int, StepFinished]] = {}
        self._documents: dict[tuple[TenantId, str], bytes] = {}

    def append(self, entries: Sequence[Entry], *, flush: bool = True) -> Awaitable[None]:
        """Keep entries; appending one again changes nothing."""
        del flush
        for entry in entries:
            self._keep(entry)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def runs(self, tenant: TenantId, where: RunFilter, limit: int, cursor: str | None = None) -> RunPage:
        """Return runs, newest first; raise InvalidCursor or InvalidLimit."""
        if not 1 <= limit <= MOST_RUNS:
            raise InvalidLimit(limit=limit)
        before = read_cursor(cursor) if cursor is not None else None
        chosen = [run for run in self._runs.values() if run.tenant == tenant and _is_wanted(run, where)]
        chosen = sorted((run for run in chosen if before is None or _place(run) < before), key=_place, reverse=True)
        following = write_cursor(*_place(chosen[limit - 1])) if len(chosen) > limit else None
        return RunPage(tuple(chosen[:limit]), following)

    async def run(self, tenant: TenantId, run: RunId) -> RunRecord | None:
        """Return one run, or None if the tenant has no such run."""
        return self._runs.get((tenant, run))

    async def steps(self, tenant: TenantId, run: RunId) -> tuple[StepFinished, ...]:
        """Return the run's steps in the order of their sequence."""
        return tuple(step for _, step in sorted(self._steps.get((tenant, run), {}).items()))

    async def document(self, tenant: TenantId, run: RunId) -> bytes | None:
        """Return the document that the run was planned from."""
        record = self._runs.get((tenant, run))
        return self._documents.get((tenant, record.plan)) if record else None

    def _keep(self, entry: Entry) -> None:
        key = (entry.tenant, entry.run)
        if isinstance(entry, RunStarted):
            self._documents.setdefault((entry.tenant, entry.plan), entry.document)
            self._runs.setdefault(key, _begun(entry))
        elif isinstance(entry, StepFinished):
            self._steps.setdefault(key, {}).setdefault(entry.sequence, entry)
        elif (record := self._runs.get(key)) and record.finished is None:
            self._runs[key] = replace(
                record,
                status=entry.status,
                finished=entry.at,
                took=entry.took,
                succeeded=entry.succeeded,
                failed=entry.failed,
                skipped=entry.skipped,
                error=entry.error,
            )


def _begun(entry: RunStarted) -> RunRecord:
    return RunRecord(
        run=entry.run,
        tenant=entry.tenant,
        principal=entry.principal,
        workflow=entry.workflow,
        plan=entry.plan,
        status="running",
        started=entry.at,
        finished=None,
        took=None,
        succeeded=0,
        failed=0,
        skipped=0,
        error=None,
    )


def _place(run: RunRecord) -> tuple[int, RunId]:
    return micros(run.started), run.run


def _is_wanted(run: RunRecord, where: RunFilter) -> bool:
    return (
        (where.status is None or run.status == where.status)
        and (where.principal is None or run.principal == where.principal)
        and (where.workflow is None or run.workflow == where.workflow)
        and (where.since is None or run.started >= where.since)
        and (where.until is None or run.started < where.until)
    )
