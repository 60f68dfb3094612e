"""A hundred thousand sleeping runs: the memory of the process that will wake them, and how late it does.

Each waits in a `Wait` before its four steps. Most wait for an hour; some, spread over a few seconds, wake while the
others sleep on. How late one wakes is how long after the end of its wait all of its steps are done. It happens in a
process of its own, so that nothing else is in its memory.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path

import uvloop

from bench.engine.apart import apart
from bench.engine.clients import Rounds
from bench.engine.figures import memory_of, note, quantile
from bench.engine.rig import Place, Rig, open_rig
from bench.engine.servers import folder
from muelle.core import RunId

_WAKING = 2_000
_SOON = 5.0  # seconds until the first of these wakes
_SECONDS = 10.0  # over which they wake
_AT_ONCE = 500  # submissions on their way

Due = dict[RunId, float]  # seconds since 1970


async def submit(rig: Rig, sleeps: Iterable[float]) -> Due:
    """Hand in a run for each, which waits until so many seconds from now; return until when."""
    left, now = iter(sleeps), time.time()
    due: Due = {}

    async def client() -> None:
        for sleep in left:
            due[await rig.submit_sleeper(now + sleep)] = now + sleep

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
    return due


async def all_asleep(rig: Rig, count: int) -> None:
    """Return once so many runs have left memory."""
    asked = "SELECT count(*) FROM jobs WHERE state = 'sleeping'"
    while (found := (await rig.app.stores.database.fetch(asked))[0][0]) < count:
        note(f"  {found:,} asleep")
        await asyncio.sleep(2)


async def lateness(rig: Rig, due: Due) -> list[float]:
    """Return how many milliseconds after the end of its wait each run was done."""
    late = []
    for run, at in due.items():
        record = await rig.app.stores.journal.run(rig.me.tenant, run)
        if record is None or record.finished is None:
            raise AssertionError(f"{run} did not wake: {record}")
        late.append((record.finished.timestamp() - at) * 1000)
    return late


async def measure(home: Path, count: int, waking: int) -> dict[str, float]:
    async with open_rig(Place(home), tenant_share="1.0") as rig, rig.worker().working():
        before = memory_of(os.getpid())
        await submit(rig, (3600.0 for _ in range(count - waking)))
        await all_asleep(rig, count - waking)
        due = await submit(rig, (_SOON + _SECONDS * number / waking for number in range(waking)))
        asleep = memory_of(os.getpid())
        await asyncio.sleep(max(due.values()) - time.time() + 2)
        late = await lateness(rig, due)
        most = max(asleep, memory_of(os.getpid()))
    memory = f"{before:.0f} MB before, {asleep:.0f} MB with {count:,} asleep, {most:.0f} MB after {waking:,} woke"
    note(f"  memory: {memory}")
    note(f"  late: p50 {quantile(late, 0.5):.1f} ms, p99 {quantile(late, 0.99):.1f} ms, worst {max(late):.1f} ms")
    return {"sleeping_rss_mb": round(most), "wake_late_p99_ms": round(quantile(late, 0.99), 1)}


def sleeping(rounds: Rounds) -> dict[str, float]:
    """Return the memory with so many runs asleep, and how late the waking ones woke."""
    count, waking = rounds.of(100_000), rounds.of(_WAKING)
    note(f"sleeping: {count:,} runs on SQLite, {waking:,} of which wake within {_SECONDS:.0f} s")
    with folder() as home:
        return apart(lambda: uvloop.run(measure(home, count, waking)))
