"""Waiting for one's turn: no thread, a bounded queue for each principal, first come first served.

Who waits at the head of a queue sleeps until the counts have room again and asks once more. All in one queue may wait
equally long, so whoever is ahead has given up before the time of those behind is over.
"""

import asyncio
from collections.abc import Sequence

from muelle.core import Clock
from muelle.resilience.limits.model import SECOND, Charge, Decision
from muelle.resilience.limits.port import Counts


class _Queue:
    __slots__ = ("lock", "waiting")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # fair: it wakes who has waited longest
        self.waiting = 0


class Throttle:
    """Takes from `counts`, and waits where a rate says so."""

    def __init__(self, counts: Counts, clock: Clock, most: int, most_each: int) -> None:
        self._counts = counts
        self._clock = clock
        self._most = most
        self._most_each = most_each
        self._queues: dict[str, _Queue] = {}
        self.waiting = 0

    async def take(self, charges: Sequence[Charge]) -> Decision:
        """Admit and count one act, at once or when its turn has come; else return the refusal."""
        queue = self._queues.get(charges[0].key) if charges and self._queues else None
        if queue is None:
            decision = await self._counts.take(charges)
            if decision.charge is None or not decision.charge.rate.wait_seconds:
                return decision
        else:
            if not any(charge.rate.wait_seconds for charge in charges):
                return await self._counts.take(charges)
            decision = await self._counts.look(charges)  # others wait: not before them
        return await self._queued(charges, decision)

    async def _queued(self, charges: Sequence[Charge], decision: Decision) -> Decision:
        key = charges[0].key
        seconds = max(charge.rate.wait_seconds for charge in charges)
        until = self._clock.monotonic() + seconds
        queue = self._queues.setdefault(key, _Queue())
        if self.waiting >= self._most or queue.waiting >= self._most_each or decision.wait > seconds * SECOND:
            self._leave(key, queue)
            return decision if not decision.is_admitted else await self._counts.take(charges)
        self.waiting += 1
        queue.waiting += 1
        try:
            async with queue.lock:
                return await self._patient(charges, until)
        finally:
            self.waiting -= 1
            queue.waiting -= 1
            self._leave(key, queue)

    def _leave(self, key: str, queue: _Queue) -> None:
        if not queue.waiting and self._queues.get(key) is queue:
            del self._queues[key]

    async def _patient(self, charges: Sequence[Charge], until: float) -> Decision:
        while True:
            decision = await self._counts.take(charges)
            pause = max(decision.wait / SECOND, _LEAST)
            if decision.is_admitted or self._clock.monotonic() + pause > until:
                return decision
            await self._clock.sleep(pause)


_LEAST = 0.01  # seconds between looks where only the end of something under way makes room
