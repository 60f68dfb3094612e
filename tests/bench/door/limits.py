"""One decision about a principal and its tenant: in memory, and on a Redis of this machine."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from muelle.core import SystemClock
from muelle.resilience import Charge, Rate
from muelle.resilience.limits import Counts, MemoryCounts

MANY = 1_000_000_000
CHARGES = (
    Charge("{t}:a:requests:0", Rate(per_minute=MANY, per_hour=MANY, per_day=MANY), "agent"),
    Charge("{t}:*:requests:0", Rate(per_minute=MANY), "tenant"),
)
"""Three windows of the agent and one of its tenant: more than the defaults have."""


async def decisions(counts: Counts, number: int) -> float:
    """Return the median of so many decisions, in microseconds."""
    took = []
    for _ in range(number):
        began = perf_counter_ns()
        await counts.take(CHARGES)
        took.append(perf_counter_ns() - began)
    return round(median(took) / 1000, 2)


async def on_redis(number: int) -> float | None:
    """Measure on a Redis that is started for it; None where there is none."""
    if shutil.which("redis-server") is None:
        return None
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra
    from resilience.redis_server import redis_server  # noqa: PLC0415 - as the tests start it

    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
        counts = RedisCounts(url, "bench", 5.0)
        await decisions(counts, 500)
        figure = await decisions(counts, number)
        await counts.close()
        return figure


def measure(quick: bool) -> dict[str, float | None]:  # noqa: FBT001 - every part is asked so
    """Return limit_memory_us and limit_redis_us."""
    counts = MemoryCounts(SystemClock())
    asyncio.run(decisions(counts, 5_000))
    return {
        "limit_memory_us": asyncio.run(decisions(counts, 20_000 if quick else 200_000)),
        "limit_redis_us": asyncio.run(on_redis(1_000 if quick else 10_000)),
    }
