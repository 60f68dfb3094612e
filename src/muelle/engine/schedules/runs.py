"""What schedules need of the engine: to hand in a job, and to know and end the run that came of the last one."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from muelle.core import NotFound, RunId, TenantId
from muelle.engine.errors import RunEnded
from muelle.engine.model import ENDED, Job, RunFilter, RunPage, Submitted
from muelle.engine.service import Engine
from muelle.engine.stores.requests import CANCEL


class Runs(Protocol):
    """The engine, as far as schedules know it."""

    async def submit(self, job: Job) -> Submitted:
        """Accept a job; the second one under an idempotency key is the first one's run."""
        ...

    async def is_running(self, tenant: TenantId, run: RunId) -> bool:
        """Tell whether a run has begun or waits for its turn, and has not ended; False for one that is gone."""
        ...

    async def cancel(self, tenant: TenantId, run: RunId) -> None:
        """Have a run end; nothing happens if it has."""
        ...

    async def caused(self, tenant: TenantId, cause: str, limit: int, cursor: str | None) -> RunPage:
        """Return the runs of a cause, newest first."""
        ...


Authorise = Callable[[Job], Awaitable[None]]


async def by_anybody(_: Job) -> None:
    """Let every job be handed in: whoever does it looks for itself."""


class EngineRuns:
    """The runs of an Engine. `authorise` looks once more, at each firing, whether the job's principal may have it."""

    def __init__(self, engine: Engine, authorise: Authorise = by_anybody) -> None:
        self._engine = engine
        self._authorise = authorise

    async def submit(self, job: Job) -> Submitted:
        """Accept a job; raise what the engine raises, and why its principal may not have it any more."""
        await self._authorise(job)
        return await self._engine.submit(job)

    async def is_running(self, tenant: TenantId, run: RunId) -> bool:
        """Tell whether a run has not ended; a dead one has given up, and blocks nothing."""
        record = await self._engine.journal.run(tenant, run)
        return record is not None and record.status not in ENDED and record.status != "dead"

    async def cancel(self, tenant: TenantId, run: RunId) -> None:
        """Have a run end."""
        try:
            await self._engine.change(tenant, run, CANCEL)
        except (RunEnded, NotFound):
            return  # it came first

    async def caused(self, tenant: TenantId, cause: str, limit: int, cursor: str | None) -> RunPage:
        """Return the runs of a cause, newest first."""
        return await self._engine.journal.runs(tenant, RunFilter(cause=cause), limit, cursor)
