"""Muelle: a workflow of four steps, many in flight. The counterpart of the peers' scripts, in Muelle's environment.

Prints a line of JSON for each window. Each run is handed in (durable when that returns), advanced by this process's
worker or another's, and waited for. `--way`: `queued` as above; `at-once` for callers who wait for the answer, whose
runs enter no queue; `paced` hands in so many a second and works; `submit` only hands them in; `work` only works.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.engine.rig import Place, Rig, open_rig
from muelle import __version__
from muelle.core import RunId


async def window(run: Callable[[], Awaitable[object]], seconds: float, in_flight: int) -> dict[str, float]:
    """Keep so many runs in flight, and count those that ended; the window closes when the last one has."""
    count = 0
    start = time.perf_counter()
    end = start + seconds

    async def client() -> None:
        nonlocal count
        while time.perf_counter() < end:
            await run()
            count += 1

    await asyncio.gather(*(client() for _ in range(in_flight)))
    took = time.perf_counter() - start
    return {"runs_s": count / took, "runs": count, "seconds": took}


async def paced(rig: Rig, seconds: float, pace: float) -> None:
    """Hand in runs at a steady pace, whether or not those before have ended."""
    start = time.perf_counter()
    under_way: list[asyncio.Task[RunId]] = []
    while (gone := time.perf_counter() - start) < seconds:
        while len(under_way) < gone * pace:
            under_way.append(asyncio.create_task(rig.submit()))
        await asyncio.sleep(0.5 / pace)
    await asyncio.gather(*under_way)


async def measure(options: argparse.Namespace) -> None:
    place = Place(options.home, options.url, options.synchronous)
    room = str(max(128, 2 * options.in_flight))
    async with open_rig(place, concurrency=room, tenant_share="1.0") as rig:
        if options.way == "submit":
            await paced(rig, options.seconds, options.pace)
            return
        async with rig.worker().working():
            if options.way == "paced":
                await paced(rig, options.seconds, options.pace)
                return
            if options.way == "work":
                await asyncio.to_thread(sys.stdin.read)  # until whoever started it has enough
                return
            asked = rig if options.journal else rig.without_journal()
            run = asked.run if options.way == "queued" else asked.run_at_once
            await window(run, 1.5, options.in_flight)  # warm up
            for _ in range(options.rounds):
                found = await window(run, options.seconds, options.in_flight)
                print(json.dumps({**found, "version": __version__}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--way", choices=["queued", "at-once", "paced", "submit", "work"], default="queued")
    parser.add_argument("--no-journal", dest="journal", action="store_false", help="with at-once: keep nothing")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--pace", type=float, default=500)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
