"""Muelle's own runs of four steps: on a file, on a server with two processes, and without a journal."""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.engine.clients import HERE, Clients, Rounds, run_beside
from bench.engine.environments import Missing
from bench.engine.figures import listed, note, quantile
from bench.engine.servers import folder, postgres, postgres_version
from fixtures.postgres import PostgresServer

_OURS = [sys.executable, "ours.py"]
_PACE = 200  # runs a second, of which the latency is measured
_LATENCY = "SELECT began - started FROM runs WHERE status = 'success' AND began IS NOT NULL"  # microseconds


@contextmanager
def _fresh_homes() -> Iterator[Callable[[], list[str]]]:
    """Give what makes the argument for a home of its own, each time anew."""
    with folder() as place:
        numbers = iter(range(1_000))

        def fresh() -> list[str]:
            home = place / str(next(numbers))
            home.mkdir()
            return ["--home", str(home)]

        yield fresh


def sqlite(rounds: Rounds) -> dict[str, float]:
    """Measure one process on a file: handed in, advanced, ended, all of it durable."""
    found: dict[str, float] = {}
    with _fresh_homes() as fresh:
        for synchronous in ("NORMAL", "EFFECTS", "FULL"):
            clients = Clients(f"Muelle on SQLite, {synchronous}", [*_OURS, "--synchronous", synchronous])
            found[f"sqlite_{synchronous.lower()}_runs_s"] = round(clients.best(rounds, fresh))
    return found


def journal(rounds: Rounds) -> dict[str, float]:
    """Compare runs whose caller waits for the answer: with the journal and a flush to disk each, and with it off.

    All else is the same: the home on a disk, the audit record in its database, the flush. What keeps nothing at all, no
    audit record either, is measured beside them. Window by window in turn, for what else the machine does changes; the
    median of the ratios counts.
    """
    at_once = [*_OURS, "--way", "at-once"]
    kept = Clients("at once, journal on SQLite, FULL", [*at_once, "--synchronous", "FULL"])
    off = Clients("at once, journal off, all else the same", [*at_once, "--synchronous", "FULL", "--no-journal"])
    nothing = Clients("at once, nothing kept at all", [*at_once, "--no-journal"])
    one = Rounds(rounds.seconds, 1)
    ratios: list[float] = []
    bare: list[float] = []
    with _fresh_homes() as fresh:
        Clients("at once, journal in memory", at_once).measure(one, 50)
        for _ in range(rounds.count):
            rate = kept.measure(one, 50, fresh())
            ratios.append(off.measure(one, 50, fresh()) / rate)
            bare.append(nothing.measure(one, 50) / rate)
    note(f"  with the journal off {listed(ratios, 2)} times as many; keeping nothing at all {listed(bare, 2)} times")
    return {"journal_overhead": round(statistics.median(ratios), 2)}


def pg(rounds: Rounds) -> dict[str, float]:
    """Measure two processes that share a server: how many runs, and how long from submission to start."""
    note(f"Muelle on PostgreSQL {postgres_version()} (its own settings, fsync on), two processes")
    with postgres() as server, _fresh_homes() as fresh:
        urls: list[str] = []

        def arguments() -> list[str]:
            urls.append(server.create())
            return [*fresh(), "--url", urls[-1]]

        rate = Clients("Muelle on PostgreSQL", _OURS, processes=2).best(rounds, arguments)
        for url, in_flight in zip(urls, (50, 200), strict=True):
            _tell("at full load, where handed in", url, in_flight)
        p50, p99 = latency(server, fresh, rounds)
    return {"pg_runs_s": round(rate), "start_p50_ms": p50, "start_p99_ms": p99}


def latency(server: PostgresServer, fresh: Callable[[], list[str]], rounds: Rounds) -> tuple[float, float]:
    """Return how long runs wait that two workers are handed at a steady pace, p50 and p99 in ms."""
    place = _prepared(server, fresh)
    pace = ["--seconds", str(rounds.count * rounds.seconds), "--pace"]
    handed = [*_OURS, *place, "--way", "paced", *pace, str(_PACE // 2)]
    note(f"$ {' '.join(handed[1:])} (2 at a time)")
    run_beside([handed, handed], {})
    found = _tell(f"at {_PACE} runs/s, where handed in", place[-1], None)
    place = _prepared(server, fresh)
    work = [*_OURS, *place, "--way", "work"]
    note(f"$ {' '.join(work[1:])} (2 at a time)")
    workers = [subprocess.Popen(work, cwd=HERE, stdin=subprocess.PIPE) for _ in range(2)]
    try:
        submit = [*_OURS, *place, "--way", "submit", *pace, str(_PACE)]
        note(f"$ {' '.join(submit[1:])}")
        run_beside([submit], {})
    finally:
        for worker in workers:
            worker.communicate()
    _tell(f"at {_PACE} runs/s, handed in by a third process", place[-1], None)
    return found


def _prepared(server: PostgresServer, fresh: Callable[[], list[str]]) -> list[str]:
    """Return the arguments for a home and a database, with its tables and owner made."""
    place = [*fresh(), "--url", server.create()]
    run_beside([[*_OURS, *place, "--way", "submit", "--seconds", "0"]], {})
    return place


def _tell(what: str, url: str, in_flight: int | None) -> tuple[float, float]:
    waits = [wait / 1000 for wait in asyncio.run(_waits(url))]
    if not waits:
        raise Missing("no run of theirs began")
    p50, p99 = round(quantile(waits, 0.5), 2), round(quantile(waits, 0.99), 2)
    among = f", {in_flight} in flight" if in_flight else ""
    note(f"  submission to start {what}{among}: p50 {p50} ms, p99 {p99} ms, of {len(waits):,} runs")
    return p50, p99


async def _waits(url: str) -> list[int]:
    import asyncpg  # noqa: PLC0415 - an extra

    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(_LATENCY)]
    finally:
        await connection.close()


PARTS: dict[str, Callable[[Rounds], dict[str, float]]] = {"sqlite": sqlite, "journal": journal, "pg": pg}
