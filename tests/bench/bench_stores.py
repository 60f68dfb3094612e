"""Measures commits and the journal: `python tests/bench/bench_stores.py`. Add a PostgreSQL URL to measure that too."""

import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from muelle.core import PrincipalId, RunId, Secret, TenantId
from muelle.engine import Entry, RunFinished, RunStarted, SqlJournal, StepFinished
from muelle.stores import Database, MemoryBlobs, Statement, StoresSettings, open_database

_INSERT = "INSERT INTO bench (id, tenant, at, body) VALUES (?, ?, ?, ?)"
_TENANT = TenantId("tenant_1")
_NOW = datetime.now(UTC)
_SECONDS = 1.5
_number = itertools.count(time.time_ns())


def import_cost(module: str) -> float:
    """Return the milliseconds that importing a module takes in a fresh process: the best of five."""
    code = f"import time; t = time.perf_counter(); import {module}; print((time.perf_counter() - t) * 1000)"
    run = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    return min(float(done.stdout) for done in run)


def statements(rows: int) -> list[Statement]:
    """Return one commit of small rows."""
    return [Statement(_INSERT, [(f"id_{next(_number)}", _TENANT, 1, b"x" * 100) for _ in range(rows)])]


def entries() -> list[Entry]:
    """Return a finished run of one step."""
    run, principal = RunId(f"run_{next(_number):032x}"), PrincipalId("principal_1")
    return [
        RunStarted(
            run=run,
            tenant=_TENANT,
            principal=principal,
            workflow="w",
            plan="a" * 64,
            document=b"{}" * 200,
            inputs=b"{}",
            at=_NOW,
        ),
        StepFinished(
            run=run,
            tenant=_TENANT,
            sequence=0,
            operation="fetch",
            type="ApiCall",
            iteration="",
            status="success",
            at=_NOW,
            took=1500,
            attempts=1,
            cached=False,
            output=b'{"id": 1}' * 15,
            error=None,
        ),
        RunFinished(
            run=run,
            tenant=_TENANT,
            status="success",
            at=_NOW,
            took=1500,
            succeeded=1,
            failed=0,
            skipped=0,
            error=None,
        ),
    ]


async def measure(what: str, callers: int, each: int, work: Callable[[], Awaitable[None]]) -> None:
    """Let callers work side by side for a while and print what they did."""
    took: list[float] = []
    end = time.perf_counter() + _SECONDS

    async def call() -> None:
        while (begun := time.perf_counter()) < end:
            await work()
            took.append(time.perf_counter() - begun)

    cpu = time.process_time()
    await asyncio.gather(*[call() for _ in range(callers)])
    cpu = time.process_time() - cpu
    took.sort()
    rate, median, late = len(took) * each / _SECONDS, took[len(took) // 2], took[len(took) * 99 // 100]
    spent = cpu / len(took) / each * 1e6
    times = f"p50 {median * 1e6:6.0f} us  p99 {late * 1e6:6.0f} us  cpu {spent:5.1f} us each"
    print(f"  {what:24} {callers:3} callers {rate:8.0f}/s  {times}")


async def bench(database: Database, title: str) -> None:
    """Measure one database."""
    print(title)
    async with database.transaction() as transaction:
        blob = "BLOB" if database.dialect == "sqlite" else "BYTEA"
        await transaction.execute(f"CREATE TABLE bench (id TEXT PRIMARY KEY, tenant TEXT, at BIGINT, body {blob})")
    for callers, rows in ((1, 1), (8, 1), (8, 4), (64, 4)):

        async def commit(rows: int = rows) -> None:
            await database.commit(statements(rows))

        await measure(f"rows, {rows} in a commit", callers, rows, commit)
    journal = SqlJournal(database, MemoryBlobs())

    async def append() -> None:
        await journal.append(entries())

    for callers in (1, 8, 64):
        await measure("runs of one step", callers, 1, append)

    async def read() -> None:
        await database.fetch("SELECT body FROM bench WHERE id = ?", "nothing")

    await measure("reads by key", 1, 1, read)
    async with database.transaction() as transaction:
        await transaction.execute("DROP TABLE bench")


async def main(url: str) -> None:
    """Measure everything."""
    durabilities: tuple[Literal["FULL", "NORMAL"], ...] = ("FULL", "NORMAL")
    for synchronous in durabilities:
        with tempfile.TemporaryDirectory() as home:
            settings = StoresSettings(synchronous=synchronous)
            async with open_database(Path(home), settings) as database:
                await bench(database, f"SQLite, {synchronous}")
        if url:
            settings = StoresSettings(synchronous=synchronous, url=Secret(url))
            async with open_database(Path(), settings) as database:
                await bench(database, f"PostgreSQL, {synchronous}")


if __name__ == "__main__":
    for module in ("sqlite3", "asyncpg", "sqlalchemy", "alembic.command", "muelle.stores", "muelle.engine"):
        print(f"import {module:18} {import_cost(module):6.0f} ms")
    asyncio.run(main(*sys.argv[1:2] or [""]))
