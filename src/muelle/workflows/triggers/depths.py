"""How long a chain of runs is in which each starts the next by an event: a chain without end is a loop.

The engine says of each event which run raised it; what documents say counts only if it is more. A run that another run
called, or that repeats one, is as deep as that one.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from muelle.core import Clock, RunId, TenantId
from muelle.engine import StoredEvent
from muelle.packs import Json
from muelle.workflows.triggers.firing import told_depth
from muelle.workflows.triggers.model import Known
from muelle.workflows.triggers.store import DeliveryStore

_SOURCE: Final = "/runs/"
_LED_BY: Final = ("run:", "rerun:")  # causes that name a run
_MOST_HOPS: Final = 64  # from a run to the one that called it
_KEPT: Final = timedelta(days=30)  # a run that sleeps longer between two links of a chain makes no loop that hurts
_FORGET_EVERY: Final = 1_000


class Depths:
    """Tells the depth of events, and remembers that of runs."""

    def __init__(self, store: DeliveryStore, runs: Known, clock: Clock) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._written = 0

    async def of(self, stored: StoredEvent, event: Mapping[str, Json]) -> int:
        """Return how many runs led to an event by events."""
        told = told_depth(event)
        if not stored.source.startswith(_SOURCE):
            return told
        return max(told, await self._run(stored.tenant, RunId(stored.source.removeprefix(_SOURCE))))

    async def remember(self, tenant: TenantId, runs: Mapping[RunId, int]) -> None:
        """Remember the depths of runs that events have begun."""
        if not runs:
            return
        await self._store.deepen(tenant, runs, self._clock.now())
        if self._written // _FORGET_EVERY != (self._written + len(runs)) // _FORGET_EVERY:
            await self._store.forget_depths(self._clock.now() - _KEPT)
        self._written += len(runs)

    async def _run(self, tenant: TenantId, run: RunId) -> int:
        for _ in range(_MOST_HOPS):
            depth = await self._store.depth(tenant, run)
            if depth is not None:
                return depth
            record = await self._runs.run(tenant, run)
            cause = record.cause if record is not None else ""
            if not cause.startswith(_LED_BY):
                return 0
            run = RunId(cause.partition(":")[2])
        return 0
