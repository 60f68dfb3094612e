"""The loops of a process that advances runs: claiming, renewing, reaping, and what else recurs."""

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from muelle.core import MuelleError
from muelle.engine.service import Engine
from muelle.engine.stores.queue import BELL

_LOG = logging.getLogger("muelle.engine")
_BATCH_SECONDS = 0.004  # claims are no closer together than this, so that one takes what many announced
_FEW = 16  # runs in one claim, below which the next one had better wait for more
_IDLE_AFTER = 8  # looks that found nothing, after which looks become rarer
_IDLE_FACTOR = 4
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Recurring:
    """Something to be done every so often by each worker; a failure is logged, and it is done again."""

    name: str
    seconds: float
    verb: Callable[[], Awaitable[object]]


class Worker:
    """Advances runs until it is stopped."""

    def __init__(self, engine: Engine, queues: Sequence[str], recurring: Sequence[Recurring] = ()) -> None:
        self._engine = engine
        self._queues = tuple(queues)
        self._recurring = recurring
        self._idle = 0
        self._claimed = 0
        self._looked = -math.inf

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work as long as the block runs, then drain."""
        engine = self._engine
        engine.lease.serves(self._queues)
        await engine.lease.take()
        engine.queues = self._queues
        async with engine.queue.database.listen(BELL, lambda _: engine.ring()):
            loops = [asyncio.create_task(one()) for one in (self._claiming, self._beating, self._reaping)]
            loops += [asyncio.create_task(_recur(one)) for one in self._recurring]
            try:
                yield
            finally:
                claiming, beating, *others = loops
                await _end([claiming, *others])
                await engine.drain()  # while the lease is still renewed
                await _end([beating])

    async def look(self) -> None:
        """Wake who is due, and take what there is room for."""
        engine = self._engine
        now = engine.clock.monotonic()
        if not engine.has_room and now - self._looked < engine.settings.poll_seconds:
            return  # whoever ends rings; but where all go on for long, the few places left are not to stay empty
        self._looked = now
        found = await engine.queue.look(engine.queues)
        if found.is_due:
            await engine.queue.promote()
        is_any = found.is_due or found.is_ready
        claimed = await engine.claim() if is_any else 0
        if not is_any:
            engine.backlog.clear()  # others took it, or it is for later
        self._claimed = claimed
        self._idle = 0 if claimed or found.is_due else self._idle + 1
        engine.next_wake = None if found.wake is None else engine.clock.monotonic() + found.wake
        if found.is_due:
            engine.ring()  # there may be more

    async def _claiming(self) -> None:
        engine = self._engine
        while True:
            engine.bell.clear()
            try:
                await self.look()
            except MuelleError as error:
                _LOG.warning("The queue could not be looked at: %s", error)
                await asyncio.sleep(engine.settings.poll_seconds)
            await asyncio.sleep(self._breath())
            try:
                async with asyncio.timeout(self._pause()):
                    await engine.bell.wait()
            except TimeoutError:
                continue

    def _breath(self) -> float:
        """Return the seconds until the next look: where many wait, one claim had better take many."""
        if not self._engine.backlog:
            return _BATCH_SECONDS / 4
        return _BATCH_SECONDS if self._claimed > _FEW else 2 * _BATCH_SECONDS

    def _pause(self) -> float:
        engine = self._engine
        pause = engine.settings.poll_seconds * (1 if self._idle < _IDLE_AFTER else _IDLE_FACTOR)
        if engine.next_wake is not None:
            pause = min(pause, max(0.0, engine.next_wake - engine.clock.monotonic()))
        return pause

    async def _beating(self) -> None:
        engine = self._engine
        while True:
            await engine.clock.sleep(engine.lease.pause)
            try:
                await engine.beat()
                if engine.lease.worker is None:
                    await engine.lease.take()
                    engine.ring()
            except MuelleError as error:
                _LOG.warning("The lease could not be seen to: %s", error)

    async def _reaping(self) -> None:
        """Take over from the dead, apart from renewing: who waits for somebody's lock must not die of it."""
        engine = self._engine
        while True:
            await engine.clock.sleep(engine.lease.pause)
            try:
                await engine.reap()
            except MuelleError as error:
                _LOG.warning("Dead workers could not be looked for: %s", error)


async def _recur(recurring: Recurring) -> None:
    while True:
        await asyncio.sleep(recurring.seconds * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
        try:
            await recurring.verb()
        except MuelleError as error:
            _LOG.warning("%s failed: %s", recurring.name, error)
        except Exception:  # noqa: BLE001 - one fault of what recurs must not end it
            _LOG.exception("%s failed", recurring.name)


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
