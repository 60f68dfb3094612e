"""Entries, who may see them, and a search over them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from muelle.core import PrincipalId, TenantId
from muelle.identity import Principal, Rule, Rules
from muelle.memory import Entry, Found, Kind, MemorySettings, Search, Sight, open_search
from muelle.stores import Database

ACME, OTHER = TenantId("acme"), TenantId("other")


def principal(*rules: tuple[str, str], tenant: TenantId = ACME) -> Principal:
    """Return an agent with these grants; with none named it may everything."""
    granted = Rules(Rule(*rule) for rule in rules or (("*", "*"),))
    return Principal(id=PrincipalId("agent_1"), kind="agent", name="bot", tenant=tenant, rules=granted)


def entry(identity: str, title: str, body: str = "", kind: Kind = "endpoint", *sights: Sight) -> Entry:
    """Return an entry that whoever may call its Api may see."""
    seen = sights or (Sight("apis:call", identity),)
    return Entry(kind=kind, id=identity, title=title, body=body, sights=seen)


@dataclass
class Shelf:
    """A source of which the test says what is in it."""

    name: str = "shelf"
    of: dict[TenantId, list[Entry]] = field(default_factory=dict)
    asked: int = 0
    changes: int = 0

    def put(self, *entries: Entry, tenant: TenantId = ACME) -> None:
        names = {(each.kind, each.id) for each in entries}
        kept = [each for each in self.of.get(tenant, []) if (each.kind, each.id) not in names]
        self.of[tenant] = [*kept, *entries]
        self.changes += 1

    def drop(self, identity: str, tenant: TenantId = ACME) -> None:
        self.of[tenant] = [each for each in self.of[tenant] if each.id != identity]
        self.changes += 1

    async def mark(self, tenant: TenantId) -> str:  # noqa: ARG002 - as sources are asked
        return str(self.changes)

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        self.asked += 1
        return self.of.get(tenant, [])

    async def tell(self, principal: Principal, entry: Found) -> Sequence[dict[str, Any]]:  # noqa: ARG002 - as above
        return [{"id": entry.id, "text": entry.body}, {"id": entry.id}]


@dataclass
class Searching:
    """A search, and the shelf that it looks through."""

    search: Search
    shelf: Shelf

    async def ids(self, query: str, who: Principal | None = None, **wishes: Any) -> list[str]:
        who = who or principal()
        await self.search.refresh(who.tenant, [self.shelf])
        return [found.id for found in (await self.search.find(who, query, **wishes)).found]


@asynccontextmanager
async def searching(
    database: Database, home: Path | None = None, shelf: Shelf | None = None, **settings: Any
) -> AsyncIterator[Searching]:
    """Open a search and close it again, as a start and an end of Muelle do."""
    search = open_search(database, MemorySettings(**settings), home)
    try:
        yield Searching(search, shelf or Shelf())
    finally:
        await search.close()
