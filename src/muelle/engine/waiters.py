"""Those who wait for runs to end: told where a run ends in this process, looking where it ends in another one.

One look is for all who wait, however many they are.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from muelle.core import MuelleError, RunId, TenantId
from muelle.engine.errors import GivenUp, UnknownRun
from muelle.engine.held import Held, Key
from muelle.engine.model import ENDED
from muelle.engine.stores.journal import SqlJournal

_LOG = logging.getLogger("muelle.engine")
_FIRST_LOOK, _LAST_LOOK = 0.02, 0.5  # seconds between looks, which grow while nothing is found
_GROWTH = 1.5
_AT_ONCE = 500  # runs in one query


class Ending(msgspec.Struct, frozen=True):
    """A run has ended; `result` is what its handler returned if that was in this process, else None."""

    result: Any | None


class Waiters:
    """Who waits for which run; `held` are the runs in this process's hands."""

    def __init__(self, journal: SqlJournal, held: Mapping[Key, Held]) -> None:
        self._journal = journal
        self._held = held
        self._waiting: dict[Key, list[asyncio.Future[Ending]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._pause = _FIRST_LOOK

    def tell(self, key: Key, ending: Ending | MuelleError) -> None:
        """Tell all who wait for a run that it has ended, or why there is nothing to wait for."""
        for waiter in self._waiting.pop(key, ()):
            if waiter.done():
                continue
            if isinstance(ending, MuelleError):
                waiter.set_exception(ending)
            else:
                waiter.set_result(ending)

    async def wait(self, key: Key, seconds: float | None) -> Ending | None:
        """Return once the run has ended; None if it has not after `seconds`; raise UnknownRun or GivenUp."""
        waiter: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        if key not in self._held:
            self._pause = _FIRST_LOOK
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        try:
            if seconds is None:
                return await waiter
            done, _ = await asyncio.wait([waiter], timeout=seconds)
            return waiter.result() if done else None
        finally:
            self._leave(key, waiter)

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _leave(self, key: Key, waiter: "asyncio.Future[Ending]") -> None:
        waiters = self._waiting.get(key)
        if waiters and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[key]

    async def _look_on(self) -> None:
        """Look as long as somebody waits."""
        try:
            while self._waiting:
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * _GROWTH, _LAST_LOOK)
                try:
                    await self._look()
                except MuelleError as error:
                    _LOG.debug("Who waits cannot be told yet: %s", error)
        finally:
            self._looking = None

    async def _look(self) -> None:
        by_tenant: dict[TenantId, list[RunId]] = {}
        for tenant, run in self._waiting:
            if (tenant, run) not in self._held:
                by_tenant.setdefault(tenant, []).append(run)
        for tenant, runs in by_tenant.items():
            for begin in range(0, len(runs), _AT_ONCE):
                await self._look_at(tenant, runs[begin : begin + _AT_ONCE])

    async def _look_at(self, tenant: TenantId, runs: Sequence[RunId]) -> None:
        statuses = await self._journal.statuses(tenant, runs)
        for run in runs:
            status = statuses.get(run)
            if (tenant, run) in self._held:
                continue  # it came into our hands meanwhile
            if status is None:
                self.tell((tenant, run), UnknownRun(execution=run))
            elif status == "dead":
                self.tell((tenant, run), GivenUp(execution=run))
            elif status in ENDED:
                self.tell((tenant, run), Ending(None))
