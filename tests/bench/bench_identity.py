"""What a request pays for identity: recall(), Rules.allow(), and the loop's time for one act of the audit record.

Run: `.venv/bin/python tests/bench/bench_identity.py`
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from timeit import Timer

from muelle.core import Ids, PrincipalId, SystemClock
from muelle.identity import (
    DEFAULT_TENANT,
    Acts,
    Identity,
    MemoryAuditTrail,
    MemoryIdentityStore,
    Principal,
    Rule,
    Rules,
    SqlAuditTrail,
)
from muelle.stores import open_sqlite
from muelle.stores.schema import render

ACTS = 2000


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


async def acts() -> None:
    makes = Acts(SystemClock(), Ids(SystemClock()))
    actor = Principal(PrincipalId("agent_1"), "agent", "bot", DEFAULT_TENANT, Rules())
    report("make an act", lambda: makes.allowed(actor, "runs.start", "workflow-1", request="request_1"))
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "bench.db") as database:
            async with database.transaction() as transaction:
                for sql in render("sqlite", "0002", "0003"):
                    if "alembic_version" not in sql:
                        await transaction.execute(sql)
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
    asyncio.run(acts())


if __name__ == "__main__":
    main()
