"""What the audit record's chain costs: `python tests/bench/bench_audit.py [postgresql://…]`."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from muelle.core import Ids, PrincipalId, SystemClock, TenantId
from muelle.identity import Acts, IdentitySettings, Principal, Rules, Sealer, SqlAuditTrail, SqlChain
from muelle.stores import Database, MemoryVault, migrate, open_sqlite

NUMBER, AT_ONCE = 20_000, 64
TENANT = TenantId("bench")
ACTOR = Principal(id=PrincipalId("agent_1"), kind="agent", name="bench", tenant=TENANT, rules=Rules())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    if url:
        from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

        async with open_postgres(url) as database:
            yield database
        return
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "bench.db") as database:
            yield database


async def longest_turn(until: asyncio.Event) -> float:
    """Return the longest time in milliseconds that others had to wait for the loop."""
    longest, last = 0.0, time.perf_counter()
    while not until.is_set():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1000


async def main(url: str) -> None:
    async with opened(url) as database:
        await migrate(database)
        clock, vault, trail = SystemClock(), MemoryVault(), SqlAuditTrail(database)
        chain, acts = await SqlChain.open(database, vault), Acts(clock, Ids(clock))
        sealer = Sealer(database, vault, trail, clock, IdentitySettings())

        began = time.perf_counter()
        made = [acts.allowed(ACTOR, "workflows.execute", "report", request="req_1") for _ in range(NUMBER)]
        print(f"make an act: {(time.perf_counter() - began) / NUMBER * 1e6:.1f} us")

        queueing = 0.0
        for first in range(0, NUMBER, AT_ONCE):
            began = time.perf_counter()
            waiting = [trail.record([act], flush=False) for act in made[first : first + AT_ONCE]]
            queueing += time.perf_counter() - began
            await asyncio.gather(*waiting)
        print(f"queue an act: {queueing / NUMBER * 1e6:.1f} us")

        done = asyncio.Event()
        watching = asyncio.create_task(longest_turn(done))
        began = time.perf_counter()
        sealed = await sealer.seal()
        took = time.perf_counter() - began
        done.set()
        print(f"seal: {sealed} acts, {took / sealed * 1e6:.1f} us each; longest turn {await watching:.1f} ms")

        began = time.perf_counter()
        told = await chain.verify(TENANT)
        took = time.perf_counter() - began
        print(f"verify: {told.acts / took:,.0f} acts/s, {len(told.faults)} faults")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ""))
