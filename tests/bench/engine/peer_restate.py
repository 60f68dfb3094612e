"""Restate: a handler of four `ctx.run` steps, many in flight. Run in a virtual environment of its own by bench_engine.

The same file is the service (`hypercorn peer_restate:app`) and the client of the server's ingress, which prints a line
of JSON for each window.
"""

import argparse
import asyncio
import json
import sys
import time
from importlib.metadata import version
from typing import Any

import aiohttp
import restate  # type: ignore[import-not-found]  # it lives in the peer's own environment

service = restate.Service("bench")


async def add_one(number: int) -> int:
    return number + 1


async def four_steps(ctx: Any, number: int) -> int:  # the SDK looks for the name `ctx`
    for position in range(4):
        number = await ctx.run_typed(f"step {position}", add_one, number=number)
    return number


service.handler("four_steps")(four_steps)
app = restate.app(services=[service], protocol="bidi")


async def register(session: aiohttp.ClientSession, admin: str, at: str) -> None:
    """Tell the server where the service is."""
    async with session.post(f"{admin}/deployments", json={"uri": at}) as answer:
        if answer.status not in {200, 201}:
            sys.exit(f"the deployment was refused: {answer.status} {await answer.text()}")


async def window(session: aiohttp.ClientSession, ingress: str, seconds: float, in_flight: int) -> dict[str, float]:
    """Keep so many runs in flight, and count those that ended within the window; a wrong result ends the benchmark."""
    count = 0
    start = time.perf_counter()
    end = start + seconds

    async def client() -> None:
        nonlocal count
        while time.perf_counter() < end:
            async with session.post(f"{ingress}/bench/four_steps", json=0) as answer:
                text = await answer.text()
            if answer.status != 200 or text != "4":
                sys.exit(f"four steps made {answer.status} {text}")
            count += 1

    await asyncio.gather(*(client() for _ in range(in_flight)))
    took = time.perf_counter() - start
    return {"runs_s": count / took, "runs": count, "seconds": took}


async def measure(options: argparse.Namespace) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await register(session, options.admin, options.service)
        await window(session, options.ingress, 1.5, options.in_flight)  # warm up
        for _ in range(options.rounds):
            found = await window(session, options.ingress, options.seconds, options.in_flight)
            print(json.dumps({**found, "version": version("restate-sdk")}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--admin", required=True)
    parser.add_argument("--ingress", required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=50)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
