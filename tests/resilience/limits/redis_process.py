"""A process of a test: takes from budgets as often as it is told, and prints how often it was admitted."""

import asyncio
import sys

from muelle.resilience.limits.adapters.redis import RedisCounts
from resilience.limits.limit_world import charge

TOGETHER = 8  # requests that one process has under way


class Takings:
    """One round: what was admitted, and how much of it was under way at the same time at most."""

    def __init__(self, counts: RedisCounts, key: str, quota: int, at_once: int) -> None:
        self._counts = counts
        self._charge = charge(key, per_minute=quota, at_once=at_once)
        self._held = 0
        self.most = 0
        self.admitted = 0

    async def ask(self) -> None:
        decision = await self._counts.take([self._charge])
        if not decision.is_admitted:
            return
        self.admitted += 1
        self._held += 1
        self.most = max(self.most, self._held)
        await asyncio.sleep(0)
        self._held -= 1
        await self._counts.give_back(decision)


async def main(url: str) -> None:
    """Do one round for each line `KEY ATTEMPTS QUOTA AT_ONCE`."""
    counts = RedisCounts(url, "many", 10.0)
    for line in iter(sys.stdin.readline, ""):
        key, *numbers = line.split()
        attempts, quota, at_once = map(int, numbers)
        takings = Takings(counts, key, quota, at_once)
        for _ in range(attempts // TOGETHER):
            await asyncio.gather(*(takings.ask() for _ in range(TOGETHER)))
        print(takings.admitted, takings.most, flush=True)  # noqa: T201 - what the test reads
    await counts.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
