"""Fairness: one tenant's flood of runs waits in the queue; another tenant's single run begins all the same, soon."""

import asyncio
from datetime import timedelta
from pathlib import Path

import uvloop

from bench.engine.apart import apart
from bench.engine.clients import Rounds
from bench.engine.figures import listed, note
from bench.engine.rig import Place, Rig, open_rig
from bench.engine.servers import folder

_AT_ONCE = 500
_TRIES = 9
_PAUSE = 0.3  # seconds between two runs of the small tenant


async def flood(rig: Rig, count: int) -> None:
    left = iter(range(count))

    async def client() -> None:
        for _ in left:
            await rig.submit()

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))


async def start_ms(rig: Rig) -> float:
    """Run the small tenant's run and return how long it waited for a worker."""
    run = await rig.run()
    record = await rig.app.stores.journal.run(rig.me.tenant, run)
    if record is None or record.began is None:
        raise AssertionError(f"it ended and never began: {record}")
    return (record.began - record.started) / timedelta(milliseconds=1)


async def measure(home: Path, count: int) -> float:
    async with open_rig(Place(home)) as rig:
        small = await rig.neighbour("small")
        await flood(rig, count)  # nobody works yet: all of them wait
        async with rig.worker().working():
            waits = []
            for _ in range(_TRIES):
                await asyncio.sleep(_PAUSE)
                waits.append(await start_ms(small))
            left = await rig.app.stores.database.fetch("SELECT count(*) FROM jobs")
    note(f"  the single run began after {listed(waits, 1)} ms; {left[0][0]:,} of the flood were left at the end")
    return round(max(waits), 1)


def fairness(rounds: Rounds) -> dict[str, float]:
    """Return the longest that a run of the small tenant waited, in ms."""
    count = rounds.of(50_000)
    note(f"fairness: one tenant floods {count:,} runs, another runs {_TRIES}, one after the other; SQLite")
    with folder() as home:
        return {"fair_start_ms": apart(lambda: uvloop.run(measure(home, count)))}
