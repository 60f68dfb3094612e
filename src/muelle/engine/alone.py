"""A process without a worker that has runs in hand: it keeps its lease, and goes on with what it lost with one.

It may be the only process there is, stopped for a while by whoever sits before it: nobody else would go on.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from muelle.core import MuelleError
from muelle.engine.held import Key
from muelle.engine.model import ENDED

if TYPE_CHECKING:
    from muelle.engine.service import Engine

_LOG = logging.getLogger("muelle.engine")


class Alone:
    """What a worker does for others, done for the few runs of one process."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._lost: set[Key] = set()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Keep the lease as long as there is something in hand, unless a worker does."""
        if not self._engine.queues and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._go_on())

    def remember(self, keys: Iterable[Key]) -> None:
        """Take note of runs that were dropped with a lease."""
        if not self._engine.queues:
            self._lost.update(keys)

    async def end(self) -> None:
        """Keep the lease no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _go_on(self) -> None:
        engine = self._engine
        while (engine.held or self._lost) and not engine.queues:
            await engine.clock.sleep(engine.lease.pause)
            try:
                await engine.beat()
                if self._lost:
                    await engine.reap()
                    for key in list(self._lost):
                        await self._take_again(key)
            except MuelleError as error:
                _LOG.warning("The queue could not be looked at: %s", error)

    async def _take_again(self, key: Key) -> None:
        tenant, run = key
        status = (await self._engine.journal.statuses(tenant, [run])).get(run)
        if status is None or status in ENDED or await self._engine.take_up(tenant, run) is not None:
            self._lost.discard(key)
