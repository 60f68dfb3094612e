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
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # `bench` and `fixtures`, as the tests have them

from bench.engine.figures import note, ratio
from bench.engine.peers import PEERS, Rounds, measure_peer

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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one short window of each")
    options.add_argument("--only", action="append", choices=[*PEERS], help="measure this part alone; may be repeated")
    chosen = options.parse_args()
    rounds = Rounds(2, 1) if chosen.quick else Rounds()
    note(f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {os.cpu_count()} processors")
    figures: dict[str, Any] = dict.fromkeys(KEYS)
    for name in chosen.only or PEERS:
        figures[f"vs_{name}"] = ratio(figures["pg_runs_s"], measure_peer(name, rounds))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
