"""The figures of the door and the gangway. Ends with one line of JSON.

    make bench-door                                    # everything
    make bench-door ARGS='--only limits --only jwt'    # some parts
    make bench-door ARGS=--quick
    make bench-door ARGS=--full                        # a million random schedules for limits, too

Each part is a module of tests/bench/door with `measure(quick) -> dict`. All runs on 127.0.0.1, is bounded, and ends by
itself; servers are started on free ports. What cannot be measured here is null, with the reason.
"""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # `bench` and `fixtures`, as the tests have them

from muelle import __version__

KEYS = (
    "inbound_us",
    "limit_memory_us",
    "limit_redis_us",
    "jwt_per_s",
    "cache_hit_us",
    "coalesced_upstream_calls",
    "retry_success",
    "retry_load",
    "search_p95_ms",
    "search_recall",
)
PARTS = {
    "limits": ("limit_memory_us", "limit_redis_us"),
    "inbound": ("inbound_us",),
    "jwt": ("jwt_per_s",),
    "outbound": ("cache_hit_us", "coalesced_upstream_calls", "retry_success", "retry_load"),
    "search": ("search_p95_ms", "search_recall"),
}


def note(text: str) -> None:
    """Say something beside the answer."""
    print(text, file=sys.stderr, flush=True)


def measured(part: str, *, quick: bool) -> dict[str, float | None]:
    """Return the figures of a part; None for each that cannot be had, and say why."""
    name = f"bench.door.{part}"
    if importlib.util.find_spec(name) is None:
        note(f"{part}: there is no module {name}")
        return dict.fromkeys(PARTS[part])
    note(f"{part} …")
    figures: dict[str, float | None] = importlib.import_module(name).measure(quick)
    return figures


def schedules() -> None:
    """Run a million random schedules; raises at the first that exceeds a limit."""
    from bench.door.schedules import check  # noqa: PLC0415 - only the full run needs it

    note("a million random schedules …")
    note(f"{check(1_000_000, seed=20261121):,} schedules, no limit exceeded, nothing refused without need")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be given again")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--full", action="store_true", help="also what takes long")
    given = parser.parse_args(arguments)
    note(f"Muelle {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores")
    figures: dict[str, float | None] = dict.fromkeys(KEYS)
    for part in given.only or PARTS:
        figures.update(measured(part, quick=given.quick))
    if given.full:
        schedules()
    print(json.dumps({key: figures[key] for key in KEYS}))


if __name__ == "__main__":
    main()
