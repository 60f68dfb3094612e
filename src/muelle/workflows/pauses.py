"""Whether a run stays in memory: what it waits for, what it was told, and how long it may take.

A run is left only at a moment when no operation is at work: all that is in progress sleeps, waits for an answer, or
stands before its next step. Then it is cancelled from within and later walked again from the journal.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from muelle.core import Clock

# Turns of the loop before a run that only waits leaves memory: a branch that has ended may end the others beside it,
# and is heard of only after some five turns for each Parallel or block that it stands in.
_TURNS = 48
Leaving = Literal["", "waiting", "paused", "queued", "cancelled"]


class Pauses:
    """The pauses of one run. Times are aware; `left` tells why the walk was left before its end."""

    __slots__ = (
        "_asking",
        "_began",
        "_bells",
        "_busy",
        "_can_park",
        "_clock",
        "_deadline",
        "_is_live",
        "_limit",
        "_moves",
        "_park_seconds",
        "_seconds",
        "_sleepers",
        "_told",
        "_waited",
        "left",
    )

    def __init__(self, clock: Clock, began: datetime, seconds: float, deadline: datetime | None) -> None:
        self._clock = clock
        self._began = began
        self._seconds = seconds
        self._deadline = deadline
        self._waited = 0.0
        self._park_seconds = 0.0
        self._can_park = False
        self._told: Leaving = ""
        self._busy = 0
        self._moves = 0
        self._asking = 0
        self._sleepers: dict[object, datetime] = {}
        self._bells: set[asyncio.Event] = set()
        self._limit: asyncio.Timeout | None = None
        self._is_live = True
        self.left: Leaving = ""

    def may_park(self, park_seconds: float) -> None:
        """Let the run leave memory when it waits for longer than that: somebody will wake it."""
        self._can_park = True
        self._park_seconds = park_seconds

    def add_waited(self, seconds: float) -> None:
        """Count time for which people and events were waited for: it is not the run's own."""
        self._waited += seconds

    @property
    def wake(self) -> datetime:
        """When a run that left must be looked at again, at the latest."""
        return min((*self._sleepers.values(), self._end(is_asking=self._asking > 0)))

    async def within_time(self, walk: Awaitable[object], *, is_resumed: bool) -> None:
        """Walk; raise TimeoutError if it took longer than it may, unless it was left, as `left` tells.

        What a run that `is_resumed` remembers is put in place however late it is: only then its time counts.
        """
        self._is_live = not is_resumed
        try:
            async with asyncio.timeout(None if is_resumed or self.left else self._remaining()) as self._limit:
                await walk
        except TimeoutError:
            if not self.left:
                raise
        finally:
            self._limit = None

    def leave(self, why: Leaving) -> None:
        """Interrupt the walk where it stands."""
        self.left = why
        if self._is_live and self._limit is not None and not self._limit.expired():
            self._limit.reschedule(0)

    def tell(self, why: Leaving) -> None:
        """Have the walk leave as soon as no operation is at work."""
        self._told = why
        self._check_soon()

    def nudge(self) -> None:
        """Wake whoever waits for an answer: it may be there."""
        for bell in self._bells:
            bell.set()

    async def stand(self) -> None:
        """Stand before a step that is not remembered: stay here for ever if the run is about to leave."""
        self._moves += 1
        if not self._is_live:
            self._is_live = True
            self._arm()
        is_late = not self.left and self._remaining() <= 0
        if self.left != "cancelled" and (self._told or is_late or self.left):
            self._check_soon()
            await asyncio.get_running_loop().create_future()

    @property
    def is_live(self) -> bool:
        """Whether the run is beyond all that it remembers."""
        return self._is_live

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count an operation that is at work, and must not be left."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._moves += 1
            self._check_soon()

    async def sleep_until(self, at: datetime) -> None:
        """Rest, within `at_work`, until a time; the run may leave memory meanwhile."""
        with self._resting(at):
            while (left := (at - self._clock.now()).total_seconds()) > 0:
                await self._clock.sleep(left)

    async def wait_until(self, at: datetime, bell: asyncio.Event, *, is_asking: bool = True) -> None:
        """Rest until a time or until the bell rings; questions to others do not count as the run's own time."""
        self._bells.add(bell)
        self._asking += is_asking
        began = self._clock.now()
        self._arm()
        try:
            with self._resting(at):
                await _first(self._clock.sleep((at - began).total_seconds()), bell.wait())
        finally:
            self._bells.discard(bell)
            self._asking -= is_asking
            if is_asking:
                self._waited += (self._clock.now() - began).total_seconds()
            self._arm()

    @contextmanager
    def _resting(self, at: datetime) -> Iterator[None]:
        key = object()
        self._sleepers[key] = at
        self._busy -= 1
        self._check_soon()
        try:
            yield
        finally:
            self._busy += 1
            if not self.left:
                del self._sleepers[key]

    def _end(self, *, is_asking: bool) -> datetime:
        far = self._clock.now() + timedelta(days=3650)
        own = far if is_asking else self._began + timedelta(seconds=self._seconds + self._waited)
        return min(own, self._deadline) if self._deadline else own

    def _remaining(self) -> float:
        return max(0.0, (self._end(is_asking=self._asking > 0) - self._clock.now()).total_seconds())

    def _arm(self) -> None:
        if self._limit is not None and not self.left and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._remaining())

    def _check_soon(self) -> None:
        if (self._can_park or self._told) and not self.left and self._busy == 0 and self._limit is not None:
            asyncio.get_running_loop().call_soon(self._check, self._moves, 0 if self._told else _TURNS)

    def _check(self, moves: int, turns: int) -> None:
        """Leave if nothing was at work since this was asked for: what has just ended may have set something going."""
        if self._busy or self._moves != moves or self.left or self._limit is None or self._limit.expired():
            return
        if self._told:
            self.leave(self._told)
        elif turns:
            asyncio.get_running_loop().call_soon(self._check, moves, turns - 1)
        elif self._can_park and self._sleepers and self._rest() > self._park_seconds:
            self.leave("waiting")

    def _rest(self) -> float:
        return (min(self._sleepers.values()) - self._clock.now()).total_seconds()


async def _first(*waits: Awaitable[object]) -> None:
    """Return when the first of these has ended; the others are given up."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
