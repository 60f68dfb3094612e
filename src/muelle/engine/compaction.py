"""Runs that were written down in many pieces, packed into one when they have ended."""

import asyncio
import logging

from muelle.core import MuelleError, RunId, TenantId
from muelle.engine.stores.journal import SqlJournal

_LOG = logging.getLogger("muelle.engine")


class Compaction:
    """Packs beside everything else; nobody waits for it, and a run that it does not come to is whole all the same."""

    def __init__(self, journal: SqlJournal, most: int) -> None:
        self._journal = journal
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def consider(self, tenant: TenantId, run: RunId, pieces: int) -> None:
        """Pack a run that has ended, if it was written down in many pieces."""
        if pieces > self._most:
            task = asyncio.create_task(self._compact(tenant, run))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Return once what is being packed is packed."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _compact(self, tenant: TenantId, run: RunId) -> None:
        try:
            await self._journal.compact(tenant, run)
        except MuelleError as error:
            _LOG.info("A run stays in many pieces: %s", error, extra={"run": run})
