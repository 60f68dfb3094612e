"""Counts of every kind for tests, and short ways to ask them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from muelle.core import ManualClock, Metric
from muelle.resilience import Charge, Decision, Limiter, LimitsSettings, Rate
from muelle.resilience.limits import Counts, LimitsUnreachable
from muelle.resilience.limits.memory import MemoryCounts


def charge(key: str = "{t}:a", name: str = "agent", **rate: Any) -> Charge:
    return Charge(key, Rate(**rate), name)


async def admitted(counts: Counts, *charges: Charge, of: int) -> int:
    """Ask so often; return how often it was admitted."""
    return sum([(await counts.take(charges)).is_admitted for _ in range(of)])


class Recorded:
    """Metrics that remember what was counted."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, ...]] = []
        self.gauges: dict[str, float] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        del by
        self.counted.append((metric.name, *labels))

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self.counted.append((metric.name, f"{value:g}", *labels))

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        del labels
        self.gauges[metric.name] = value


class Broken:
    """Counts on a server that may be away."""

    def __init__(self, clock: ManualClock) -> None:
        self.inner = MemoryCounts(clock)
        self.is_away = False
        self.asked = 0

    async def take(self, charges: tuple[Charge, ...]) -> Decision:
        self._ask()
        return await self.inner.take(charges)

    async def look(self, charges: tuple[Charge, ...]) -> Decision:
        self._ask()
        return await self.inner.look(charges)

    async def give_back(self, decision: Decision) -> None:
        self._ask()
        await self.inner.give_back(decision)

    async def close(self) -> None:
        """Close nothing."""

    def _ask(self) -> None:
        self.asked += 1
        if self.is_away:
            raise LimitsUnreachable(reason="away")


@asynccontextmanager
async def limiter_on(counts: Any, clock: ManualClock, metrics: Any, **settings: Any) -> AsyncIterator[Limiter]:
    """Open a limiter on counts."""
    limiter = Limiter(counts, clock, metrics, LimitsSettings(**settings))
    try:
        yield limiter
    finally:
        await limiter.close()
