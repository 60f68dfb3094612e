"""Running a measurement in a process of its own, so that neither memory nor garbage of others is in its figures."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def apart(measure: Callable[[], T]) -> T:
    """Return what `measure` returns in a forked process; end the benchmark if it fails."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def child() -> None:
        there.send_bytes(pickle.dumps(measure()))

    process = context.Process(target=child)
    process.start()
    there.close()
    try:
        found: T = pickle.loads(here.recv_bytes())  # noqa: S301 - from the process that was just forked
    except EOFError:
        sys.exit("a measurement failed; what it said is above")
    process.join()
    return found
