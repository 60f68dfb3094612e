"""What a request pays for identity: recall(), Rules.allow(), and the loop's time for one act of the audit record.

Run: `.venv/bin/python tests/bench/bench_identity.py`
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from timeit import Timer

from muelle.core import Ids, PrincipalId, SystemClock
from muelle.identity import (
    DEFAULT_TENANT,
    Acts,
    Identity,
    IdentitySettings,
    InvalidKey,
    MemoryAuditTrail,
    MemoryIdentityStore,
    Principal,
    Rule,
    Rules,
    SqlAuditTrail,
    SqlIdentityStore,
)
from muelle.stores import Database, open_sqlite
from muelle.stores.schema import render

ACTS = 2000
MISSES = 500


def report(name: str, call: Callable[[], object]) -> None:
    """Print the best of five rounds, in nanoseconds for each call."""
    timer = Timer(call)
    number, _ = timer.autorange()
    best = min(timer.repeat(5, number)) / number
    print(f"{name:52} {best * 1e9:9.0f} ns")


async def recalls() -> None:
    trail = MemoryAuditTrail()
    identity = Identity(MemoryIdentityStore(trail), trail, SystemClock())
    key = await identity.ensure_owner() or ""
    await identity.authenticate(key)
    report("recall, known key", lambda: identity.recall(key))
    report("recall, unknown key", lambda: identity.recall(key[:-1] + "!"))


def rules() -> None:
    few = Rules([Rule("workflows:run", "*"), Rule("apis:call", "crm GET /contacts/*")])
    many = Rules(Rule("apis:call", f"api-{number} GET /*") for number in range(100))
    report("allow, whole scope", lambda: few.allow("workflows:run", "any"))
    report("allow, one pattern", lambda: few.allow("apis:call", "crm GET /contacts/7"))
    report("refuse, no rule of the scope", lambda: few.allow("hosts:call", "example.org"))
    report("allow, last of 100 patterns", lambda: many.allow("apis:call", "api-99 GET /x"))


async def tables(database: Database) -> None:
    async with database.transaction() as transaction:
        for sql in render("sqlite", "0002", "0003"):
            if "alembic_version" not in sql:
                await transaction.execute(sql)


async def misses() -> None:
    settings = IdentitySettings(cache_seconds=0.0, strangers_per_minute=1 << 30)
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "bench.db") as database:
            await tables(database)
            store, trail = SqlIdentityStore(database), SqlAuditTrail(database)
            identity = Identity(store, trail, SystemClock(), settings=settings)
            key = await identity.ensure_owner() or ""
            await timed("authenticate, not cached (SQLite)", identity, key)
            await timed("refuse a wrong secret, recorded (SQLite, FULL)", identity, f"{key[:36]}{'x' * 43}")
            await timed("refuse an unknown id, recorded (SQLite, FULL)", identity, f"mk_{'0' * 32}_{'x' * 43}")


async def timed(name: str, identity: Identity, key: str) -> None:
    """Print the mean of many, one after the other."""
    begun = time.perf_counter()
    for _ in range(MISSES):
        with suppress(InvalidKey):
            await identity.authenticate(key)
    print(f"{name:52} {(time.perf_counter() - begun) / MISSES * 1e9:9.0f} ns")


async def acts() -> None:
    makes = Acts(SystemClock(), Ids(SystemClock()))
    actor = Principal(PrincipalId("agent_1"), "agent", "bot", DEFAULT_TENANT, Rules())
    report("make an act", lambda: makes.allowed(actor, "runs.start", "workflow-1", request="request_1"))
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "bench.db") as database:
            await tables(database)
            trail = SqlAuditTrail(database)
            made = [makes.allowed(actor, "runs.start", "workflow-1", request="request_1") for _ in range(ACTS)]
            begun = time.perf_counter()
            waiting = [trail.record([act]) for act in made]
            queued = time.perf_counter()
            await asyncio.gather(*waiting)
            done = time.perf_counter()
    print(f"{'queue an act (SqlAuditTrail.record)':52} {(queued - begun) / ACTS * 1e9:9.0f} ns")
    print(f"{f'durable, each of {ACTS} acts in one group commit':52} {(done - begun) / ACTS * 1e9:9.0f} ns")


def main() -> None:
    print(sys.version.split()[0])
    rules()
    asyncio.run(recalls())
    asyncio.run(misses())
    asyncio.run(acts())


if __name__ == "__main__":
    main()
