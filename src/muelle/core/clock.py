"""Time as a dependency: the system's clock, and one that tests move by hand."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_NANOSECONDS = 1_000_000_000


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        ...

    def nanoseconds(self) -> int:
        """Return the nanoseconds since 1970 in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        return datetime.now(UTC)

    def nanoseconds(self) -> int:
        """Return the nanoseconds since 1970 in UTC."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.perf_counter()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is moved; sleepers wake in the order of their times."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._nanoseconds = int(start.timestamp()) * _NANOSECONDS + start.microsecond * 1000
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """Return the time to which the clock was moved."""
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self._nanoseconds // 1000)

    def nanoseconds(self) -> int:
        """Return the same in nanoseconds since 1970."""
        return self._nanoseconds

    def monotonic(self) -> float:
        """Return the same in seconds."""
        return self._nanoseconds / _NANOSECONDS

    @property
    def sleepers(self) -> int:
        """How many wait for this clock to be moved."""
        return sum(not sleeper.done() for _, _, sleeper in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been moved on by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._nanoseconds + int(seconds * _NANOSECONDS)
        heapq.heappush(self._sleepers, (due, next(self._order), sleeper))
        await sleeper

    def forward(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move on, and wake whoever is due."""
        self._nanoseconds += int((hours * 3600 + minutes * 60 + seconds) * _NANOSECONDS)
        while self._sleepers and self._sleepers[0][0] <= self._nanoseconds:
            _, _, sleeper = heapq.heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)
