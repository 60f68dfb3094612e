"""DBOS on PostgreSQL: a workflow of four steps, many in flight. Run in an environment of its own by bench_engine.

Prints a line of JSON for each window. The way of its documentation: decorated functions, `DBOS.start_workflow`, and the
handle's result, which within a process is a future. Synchronous functions were faster than asynchronous ones (92
against 75 runs/s), and `max_executor_threads` of 4 faster than 64, 8, 3 and 2.
"""

import argparse
import json
import os
import sys
import time
from collections import deque
from importlib.metadata import version
from typing import Any

from dbos import DBOS, DBOSConfig  # type: ignore[import-not-found]  # it lives in the peer's own environment


def add_one(number: int) -> int:
    return number + 1


step = DBOS.step()(add_one)


def four_steps(number: int) -> int:
    for _ in range(4):
        number = step(number)
    return number


workflow = DBOS.workflow()(four_steps)


def finish(pending: deque[Any]) -> None:
    """Wait for the oldest run; a wrong result ends the benchmark."""
    result = pending.popleft().get_result()
    if result != 4:
        sys.exit(f"four steps made {result}")


def window(seconds: float, in_flight: int) -> dict[str, float]:
    """Keep so many runs in flight, and count those that ended; the window closes when the last one has."""
    pending: deque[Any] = deque()
    count = 0
    start = time.perf_counter()
    while time.perf_counter() < start + seconds:
        while len(pending) < in_flight:
            pending.append(DBOS.start_workflow(workflow, 0))
        finish(pending)
        count += 1
    while pending:
        finish(pending)
        count += 1
    took = time.perf_counter() - start
    return {"runs_s": count / took, "runs": count, "seconds": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": options.url,
        "log_level": "WARNING",
        "executor_id": str(os.getpid()),
        "application_version": "bench",
        "max_executor_threads": options.threads,
    }
    DBOS(config=config)
    DBOS.launch()
    window(1.5, options.in_flight)  # warm up: pools, prepared statements
    for _ in range(options.rounds):
        found = window(options.seconds, options.in_flight)
        print(json.dumps({**found, "version": version("dbos")}), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
