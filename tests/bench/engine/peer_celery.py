"""Celery on Redis: a chain of four tasks, many in flight. Run in a virtual environment of its own by bench_engine.

The same file is the worker's application (`celery -A peer_celery worker`) and the client, which prints a line of JSON
for each window. MUELLE_BENCH_REDIS is the server's URL.
"""

import argparse
import json
import os
import sys
import time
from collections import deque
from importlib.metadata import version
from typing import Any

from celery import Celery, chain  # type: ignore[import-not-found]  # it lives in the peer's own environment

URL = os.environ["MUELLE_BENCH_REDIS"]
app = Celery("bench", broker=URL, backend=URL)


def add_one(number: int) -> int:
    return number + 1


task = app.task(add_one, name="add_one")


def submit(*, keep_all: bool) -> Any:
    """Send a chain of four; return what its result can be got from."""
    if keep_all:
        return chain(task.s(0), *(task.s() for _ in range(3))).apply_async()
    inner = [task.s().set(ignore_result=True) for _ in range(2)]
    return chain(task.s(0).set(ignore_result=True), *inner, task.s()).apply_async()


def finish(pending: deque[Any]) -> None:
    """Wait for the oldest chain; a wrong result ends the benchmark."""
    result = pending.popleft().get(timeout=60)
    if result != 4:
        sys.exit(f"four tasks made {result}")


def window(seconds: float, in_flight: int, *, keep_all: bool) -> dict[str, float]:
    """Keep so many chains in flight, and count those that ended within the window."""
    pending: deque[Any] = deque()
    count = 0
    start = time.perf_counter()
    end = start + seconds
    while time.perf_counter() < end:
        while len(pending) < in_flight:
            pending.append(submit(keep_all=keep_all))
        finish(pending)
        count += 1
    while pending:
        finish(pending)
        count += 1
    took = time.perf_counter() - start
    return {"runs_s": count / took, "runs": count, "seconds": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--keep-all", action="store_true", help="keep the results of inner tasks too")
    options = parser.parse_args()
    window(1.5, options.in_flight, keep_all=options.keep_all)  # warm up
    for _ in range(options.rounds):
        found = window(options.seconds, options.in_flight, keep_all=options.keep_all)
        print(json.dumps({**found, "version": version("celery")}), flush=True)


if __name__ == "__main__":
    main()
