"""The engine's numbers, and its peers' on the same machine in the same run. Ends with one line of JSON.

    make bench-engine                              # everything
    make bench-engine ARGS='--only dbos --only pg' # some parts
    make bench-engine ARGS=--quick

One run is four steps that each add one, durable, from its submission to its end. Everything runs on 127.0.0.1, is
bounded, and ends by itself; servers are started on free ports in folders that are removed. The peers' libraries are
installed into `.venv-bench`, one environment for each. Each number is the median of three windows. What cannot be
measured here is null, with the reason.
"""

import argparse
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # `bench` and `fixtures`, as the tests have them

from bench.engine.clients import Rounds
from bench.engine.environments import Missing
from bench.engine.fairness import fairness
from bench.engine.figures import note, ratio
from bench.engine.muelle_runs import journal, pg, sqlite
from bench.engine.peers import measure_peer
from bench.engine.sleeping import sleeping
from bench.engine.stored import stored
from muelle import __version__

KEYS = (
    "sqlite_normal_runs_s",
    "sqlite_full_runs_s",
    "pg_runs_s",
    "start_p50_ms",
    "start_p99_ms",
    "vs_dbos",
    "vs_restate",
    "vs_celery",
    "journal_overhead",
    "million_list_ms",
    "sleeping_rss_mb",
    "wake_late_p99_ms",
    "fair_start_ms",
)
PARTS: dict[str, Callable[[Rounds], Mapping[str, float]]] = {
    "sqlite": sqlite,
    "journal": journal,
    "pg": pg,
    "million": stored,
    "sleeping": sleeping,
    "fairness": fairness,
}
AGAINST = {"dbos": "pg_runs_s", "restate": "pg_runs_s", "celery": "pg_runs_s"}
"""Which figure of ours a peer's is compared with; the ratios to the others are printed."""


def measure(names: Sequence[str], rounds: Rounds) -> dict[str, float | None]:
    """Measure the parts of these names, ours and then the peers; what is left out has no figure."""
    figures: dict[str, float | None] = {}
    for name, part in PARTS.items():
        if name in names:
            figures.update(_measured(name, part, rounds))
    for name, ours in AGAINST.items():
        if name in names:
            theirs = measure_peer(name, rounds)
            figures[f"vs_{name}"] = ratio(figures.get(ours), theirs)
            for other in (*dict.fromkeys(AGAINST.values()), "sqlite_normal_runs_s"):
                note(f"  {other} / {name}: {ratio(figures.get(other), theirs)}")
    return figures


def _measured(name: str, part: Callable[[Rounds], Mapping[str, float]], rounds: Rounds) -> Mapping[str, float]:
    try:
        return part(rounds)
    except Missing as missing:
        note(f"{name}: cannot be measured, and so null: {missing}")
        return {}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--quick", action="store_true", help="one short window of each, and a tenth of the runs stored"
    )
    names = [*PARTS, *AGAINST]
    options.add_argument("--only", action="append", choices=names, help="measure this part alone; may be repeated")
    chosen = options.parse_args()
    rounds = Rounds(2, 1, 0.1) if chosen.quick else Rounds()
    note(f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {os.cpu_count()} processors")
    note(f"SQLite {sqlite3.sqlite_version}, Muelle {__version__}")
    figures = measure(chosen.only or names, rounds)
    print(json.dumps({key: figures.get(key) for key in KEYS}))


if __name__ == "__main__":
    main()
