"""Queries opened on a database, or in memory without one."""

from collections.abc import Awaitable, Callable

from muelle.egress.guard import Networks
from muelle.egress.parts import EgressParts
from muelle.egress.queries.service import Queries, QueryParts
from muelle.egress.queries.store import MemoryQueries, QueryStore, SqlQueries
from muelle.identity import Acts, Principal


def open_queries(parts: EgressParts, acts: Acts, networks: Callable[[Principal], Awaitable[Networks]]) -> Queries:
    """Return the verbs on queries."""
    store: QueryStore = MemoryQueries() if parts.database is None else SqlQueries(parts.database)
    return Queries(QueryParts(store, parts.vault, parts.trail, acts, networks, parts.settings))
