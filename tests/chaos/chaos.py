"""Runs that must survive everything: `python tests/chaos/chaos.py [--runs N] [--database sqlite] …`, or `make chaos`.

Submits runs over HTTP while workers and servers are killed, the database is restarted, connections are cut or frozen
and clocks are moved; then compares what was acknowledged with what Muelle lists and with what a real HTTP server saw. A
line of JSON at the end is for programs; the exit code is 1 if a promise was broken.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.pop(0)  # this folder: `chaos` is the folder, not this file
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chaos.ground import postgres
from chaos.outage import outage
from chaos.trial import Options, Report, attempt

_SHOWN = 20


def options_of(arguments: Sequence[str]) -> tuple[Options, Path | None, float | None]:
    """Read the command line: the options, the folder to keep everything in, and the seconds of an outage."""
    known = argparse.ArgumentParser(description="Show that every run ends once, whatever is killed meanwhile.")
    fresh = Options()
    known.add_argument("--runs", type=int, default=fresh.runs, help="how many to submit (%(default)s)")
    known.add_argument("--seconds", type=float, default=fresh.seconds, help="the most time for it (%(default)s)")
    known.add_argument("--workers", type=int, default=fresh.workers, help="processes of workers (%(default)s)")
    known.add_argument("--servers", type=int, default=fresh.servers, help="processes of servers (%(default)s)")
    known.add_argument("--seed", type=int, default=fresh.seed, help="of all chance (%(default)s)")
    known.add_argument("--kill-every", type=float, default=fresh.kill_every, help="seconds (%(default)s)")
    known.add_argument("--lease", type=float, default=fresh.lease, help="seconds of a worker's lease (%(default)s)")
    known.add_argument("--database", choices=("postgresql", "sqlite"), default=fresh.database)
    known.add_argument("--outage", type=float, help="instead: seconds for which PostgreSQL is gone under clients")
    known.add_argument("--folder", type=Path, help="where logs and data stay; else they are removed")
    given = vars(known.parse_args(arguments))
    folder: Path | None = given.pop("folder")
    seconds_away: float | None = given.pop("outage")
    return replace(fresh, **given), folder, seconds_away


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


def run(options: Options, folder: Path | None) -> Report:
    """Run it in a folder that is kept, or in one that goes away."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(attempt(options, folder, say))
    with tempfile.TemporaryDirectory(prefix="muelle-chaos-") as fleeting:
        return asyncio.run(attempt(options, Path(fleeting), say))


def take_away(seconds: float) -> int:
    """Keep the database away for so long, and print what was seen."""
    with postgres() as server, tempfile.TemporaryDirectory(prefix="muelle-chaos-") as fleeting:
        seen = asyncio.run(outage(server, Path(fleeting) / "home", seconds))
    for said in seen.badly_refused[:_SHOWN]:
        print(f"badly refused: {said}")
    print(json.dumps(seen.summary()))
    return 0 if not seen.unended and not seen.badly_refused and seen.refusals else 1


def main(arguments: Sequence[str]) -> int:
    """Run it, and print what was found."""
    options, folder, seconds = options_of(arguments)
    if seconds is not None:
        return take_away(seconds)
    report = run(options, folder)
    for kind in ("lost", "doubled", "wrong"):
        sentences = getattr(report.findings, kind)
        for sentence in sentences[:_SHOWN]:
            print(f"{kind}: {sentence}")
        if len(sentences) > _SHOWN:
            print(f"{kind}: … and {len(sentences) - _SHOWN} more")
    print(json.dumps(report.summary()))
    return 0 if report.findings.is_sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
