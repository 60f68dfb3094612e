"""Those who wait for runs to end: told where a run ends in this process, looking where it ends in another one."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from muelle.engine.errors import GivenUp, UnknownRun
from muelle.engine.held import Held, Key
from muelle.engine.model import ENDED
from muelle.engine.store import SqlJournal

_FIRST_LOOK, _LAST_LOOK = 0.05, 0.5  # seconds between looks at a run that another process may end


class Ending(msgspec.Struct, frozen=True):
    """A run has ended; `result` is what its handler returned if that was in this process, else None."""

    result: Any | None


class Waiters:
    """Who waits for which run; `held` are the runs in this process's hands."""

    def __init__(self, journal: SqlJournal, held: Mapping[Key, Held]) -> None:
        self._journal = journal
        self._held = held
        self._waiting: dict[Key, list[asyncio.Future[Ending]]] = {}

    def tell(self, key: Key, ending: Ending) -> None:
        """Tell all who wait for a run that it has ended."""
        for waiter in self._waiting.pop(key, ()):
            if not waiter.done():
                waiter.set_result(ending)

    async def wait(self, key: Key, seconds: float | None) -> Ending | None:
        """Return once the run has ended; None if it has not after `seconds`; raise UnknownRun or GivenUp."""
        waiter: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(key, [])
        waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await self._ended(key, waiter)
        except TimeoutError:
            return None
        finally:
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters and self._waiting.get(key) is waiters:
                del self._waiting[key]

    async def _ended(self, key: Key, waiter: "asyncio.Future[Ending]") -> Ending:
        pause = _FIRST_LOOK
        while not waiter.done():
            if key not in self._held and await self._has_ended(key) and not waiter.done():
                return Ending(None)
            await asyncio.wait([waiter], timeout=pause)
            pause = min(pause * 1.5, _LAST_LOOK)
        return waiter.result()

    async def _has_ended(self, key: Key) -> bool:
        record = await self._journal.run(*key)
        if record is None:
            raise UnknownRun(execution=key[1])
        if record.status == "dead":
            raise GivenUp(execution=key[1])
        return record.status in ENDED
