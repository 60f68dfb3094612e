"""A process of a test: takes from one budget as often as it can, and prints when each of its takings was admitted."""

import asyncio
import sys
import time

from muelle.resilience.limits.adapters.redis import RedisCounts
from resilience.limits.limit_world import charge


async def main(url: str, prefix: str, attempts: int, quota: int, at_once: int) -> None:
    """Ask with eight requests under way at the same time."""
    counts = RedisCounts(url, prefix, 10.0)
    held = most = 0
    admitted = 0

    async def ask() -> None:
        nonlocal held, most, admitted
        decision = await counts.take([charge(per_minute=quota, at_once=at_once)])
        if decision.is_admitted:
            admitted += 1
            held += 1
            most = max(most, held)
            await asyncio.sleep(0)
            held -= 1
            await counts.give_back(decision)

    sys.stdin.readline()  # all begin together
    began = time.perf_counter()
    for _ in range(attempts // 8):
        await asyncio.gather(*(ask() for _ in range(8)))
    print(admitted, most, round(time.perf_counter() - began, 3))  # noqa: T201 - what the test reads
    await counts.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
