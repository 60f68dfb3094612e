"""Search over 100,000 entries: how long an answer takes, and how many of the true nearest neighbours are found.

Entries are as catalogues have them: endpoints of many Apis, with words from a long-tailed vocabulary. Half of the
queries come from an agent that sees a third of them. Measured as a caller has it: grants, words, meanings, fusion and
the entries themselves. Recall is that of the ten nearest by meaning that the agent may see, against an exact
comparison.

Run: `.venv/bin/python tests/bench/door/search.py`; it ends with JSON.
"""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from muelle.core import PrincipalId, TenantId
from muelle.identity import Principal, Rule, Rules
from muelle.memory import Entry, Found, MemorySettings, Search, Sight, open_search
from muelle.memory.search.service import _nearest
from muelle.stores import StoresSettings, open_database

TENANT = TenantId("acme")
_THINGS = """
    customer order invoice payment refund shipment product price discount coupon ticket account contact lead deal
    task project team channel message file folder report dashboard metric alert event webhook key session role policy
    domain record server database table index backup image container cluster node queue job schedule workflow
    approval calendar meeting room booking flight hotel card bank transfer loan tax currency rate stock warehouse
    supplier contract signature document comment review campaign email template segment audience sensor reading
"""
_DEEDS = """
    list get create update delete find export import archive restore send cancel approve reject assign count copy
    move merge validate
"""
_HOWS = """
    active pending overdue monthly yearly draft public private internal external recent failed paid unpaid open
    closed urgent daily
"""
THINGS, DEEDS, HOWS = _THINGS.split(), _DEEDS.split(), _HOWS.split()
EVERYTHING = Rules([Rule("apis:call", "*")])
A_THIRD = Rules([Rule("apis:call", f"api{digit}*") for digit in (1, 4, 7)])


class Catalogue:
    """A source of so many endpoints, the same each time."""

    name = "bench"

    def __init__(self, number: int) -> None:
        chance = random.Random(20261121)  # noqa: S311 - the same entries each time
        tail = [f"{one}{other}" for one in THINGS for other in HOWS]
        self._entries = [_entry(chance, number, tail) for number in range(number)]
        self.queries = [_query(chance) for _ in range(300)]

    async def mark(self, tenant: TenantId) -> str:  # noqa: ARG002 - as sources are asked
        return str(len(self._entries))

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:  # noqa: ARG002 - as above
        return self._entries

    async def tell(self, principal: Principal, entry: Found) -> Sequence[dict[str, Any]]:  # noqa: ARG002 - as above
        return [{"id": entry.id}]


def _entry(chance: random.Random, number: int, tail: Sequence[str]) -> Entry:
    thing, other, deed, how = chance.choice(THINGS), chance.choice(THINGS), chance.choice(DEEDS), chance.choice(HOWS)
    api = f"api{chance.randrange(1, 10)}{chance.randrange(100)}"
    fields = " ".join(chance.choice(tail) for _ in range(chance.randrange(3, 9)))
    return Entry(
        kind="endpoint",
        id=f"{api} {deed}{thing.title()}{number}",
        title=f"{deed.upper()} /{thing}s/{{id}}/{other}s",
        body=f"{deed} the {how} {thing}s of a {other}, by {chance.choice(THINGS)} and {chance.choice(HOWS)} {fields}",
        tags=(api,),
        sights=(Sight("apis:call", f"{api} GET /{thing}s/{number}"), Sight("apis:manage", api)),
    )


def _query(chance: random.Random) -> str:
    words = [chance.choice(DEEDS), chance.choice(HOWS), chance.choice(THINGS), "of", chance.choice(THINGS)]
    return " ".join(words[chance.choice((0, 1, 2)) :])


def _agent(rules: Rules) -> Principal:
    return Principal(id=PrincipalId("agent_1"), kind="agent", name="bot", tenant=TENANT, rules=rules)


async def _filled(search: Search, catalogue: Catalogue) -> None:
    await search.refresh(TENANT, [catalogue])
    await search.find(_agent(EVERYTHING), "warm up")
    await search.settle()


async def _timed(search: Search, catalogue: Catalogue) -> list[float]:
    took = []
    for number, query in enumerate(catalogue.queries):
        agent = _agent(A_THIRD if number % 2 else EVERYTHING)
        began = perf_counter()
        await search.refresh(TENANT, [catalogue])
        await search.find(agent, query, limit=10)
        took.append((perf_counter() - began) * 1000)
    return sorted(took)


async def _recall(search: Search, queries: Sequence[str]) -> float:
    """Return the share of the ten nearest, as an exact comparison finds them among what each agent sees."""
    known = search._catalogues[TENANT]
    near, embedder = known.near("endpoint"), search._embedder
    if near is None or embedder is None:
        return 0.0
    shares = []
    for number, query in enumerate(queries):
        sees = known.sees(_agent(A_THIRD if number % 2 else EVERYTHING))
        visible = known.visible(("endpoint",), sees)
        vector = (await embedder.embed([query]))[0]
        found = _nearest(near, vector, 60, sees, lambda visible=visible: visible)[:10]  # type: ignore[misc] # a default
        exact = near.nearest_among(vector, visible, 10)
        farthest = exact[-1][1] + 1e-3  # ties, and 16 bits for each number
        shares.append(sum(far <= farthest for _, far in found) / len(exact))
    return sum(shares) / len(shares)


async def measured(number: int) -> dict[str, float | None]:
    """Return the figures over so many entries; a second start has to find the index as the first one left it."""
    catalogue = Catalogue(number)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with open_database(home, StoresSettings()) as database:
            search = open_search(database, MemorySettings(), home)
            began = perf_counter()
            await _filled(search, catalogue)
            print(f"filled in {perf_counter() - began:.0f} s", file=sys.stderr)
            await search.close()
            search = open_search(database, MemorySettings(), home)
            began = perf_counter()
            await search.find(_agent(EVERYTHING), "warm up")
            print(f"started again in {perf_counter() - began:.2f} s", file=sys.stderr)
            await _timed(search, catalogue)
            took = await _timed(search, catalogue)
            print(f"p50 {took[len(took) // 2]:.1f} ms, worst {took[-1]:.1f} ms", file=sys.stderr)
            recall = await _recall(search, catalogue.queries[:40])
            await search.close()
    return {"search_p95_ms": round(took[int(len(took) * 0.95)], 2), "search_recall": round(recall, 4)}


def measure(quick: bool) -> dict[str, float | None]:  # noqa: FBT001 - every part is asked so
    """Return search_p95_ms and search_recall."""
    return asyncio.run(measured(5_000 if quick else 100_000))


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv)))
