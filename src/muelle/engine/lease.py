"""This process's lease: the row that says it is alive, and that every commit of its runs is checked against."""

import asyncio
import logging
import os
import platform
from collections.abc import Callable, Sequence

from muelle.core import Clock, Ids, MuelleError
from muelle.engine.durability import durable
from muelle.engine.errors import LeaseLost
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.queue import SECOND, Queue

_LOG = logging.getLogger("muelle.engine")
BEATS = 5  # renewals within the time of a lease


class Lease:
    """Enters this process among the workers when it is first asked for, and keeps it there by `beat`."""

    def __init__(self, queue: Queue, clock: Clock, ids: Ids, settings: EngineSettings) -> None:
        self._queue = queue
        self._clock = clock
        self._ids = ids
        self._seconds = settings.lease_seconds
        self._places = settings.concurrency
        self._queues: Sequence[str] = ()
        self._entering = asyncio.Lock()
        self._renewed = 0.0
        self.worker: str | None = None
        self.lost: Callable[[str], None] = lambda _: None

    @property
    def pause(self) -> float:
        """Seconds until the next renewal; where one failed, not beyond the time at which it is too late for it."""
        usual = self._seconds / BEATS
        if self.worker is None:
            return usual
        left = self._seconds - (self._clock.monotonic() - self._renewed)
        return min(usual, max(left, 0.0))

    def serves(self, queues: Sequence[str]) -> None:
        """Say which queues are taken from, for whoever looks at the workers."""
        self._queues = queues

    async def take(self) -> str:
        """Return the id of a worker that is alive; enter a new one if there is none."""
        if self.worker is not None:
            return self.worker
        async with self._entering:
            if self.worker is None:
                worker = self._ids.mint("worker")
                name = f"{platform.node()}:{os.getpid()}"
                began = self._clock.monotonic()
                await self._queue.enter(worker, name, self._queues, self._places, int(self._seconds * SECOND))
                self._renewed = began
                self.worker = worker
            return self.worker

    async def beat(self) -> None:
        """Renew; where that is refused, or was not possible for the time of a lease, give it up."""
        worker = self.worker
        if worker is None:
            return
        began = self._clock.monotonic()
        left = self._seconds - (began - self._renewed)
        if left <= 0:  # what is asked for now might be written, and hold for another time what nobody has in hand
            _LOG.warning("The lease could not be renewed in time", extra={"worker": worker})
            self.drop(worker)
            return
        try:
            renewal = self._queue.renewal(worker, int(self._seconds * SECOND))
            await asyncio.wait_for(durable(self._queue.database.commit(renewal, flush=False)), left)
        except LeaseLost:
            _LOG.warning("The lease was lost: others take over", extra={"worker": worker})
            self.drop(worker)
        except (MuelleError, TimeoutError) as error:
            if self._clock.monotonic() - self._renewed >= self._seconds:
                _LOG.warning("The lease could not be renewed in time: %s", error, extra={"worker": worker})
                self.drop(worker)
        else:
            self._renewed = began

    def drop(self, worker: str) -> None:
        """Act as dead: an id is never used again."""
        if self.worker == worker:
            self.worker = None
            self.lost(worker)

    async def leave(self) -> None:
        """Give back what is held, and be gone."""
        worker, self.worker = self.worker, None
        if worker is not None:
            await self._queue.release(worker)
