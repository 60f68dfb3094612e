"""Registered queries on registered databases: an agent names a query and gives its parameters, never SQL."""

from muelle.egress.queries.model import QueryDraft, Rows, SqlDatabaseDraft, SqlParameter
from muelle.egress.queries.service import Queries
from muelle.egress.queries.store import MemoryQueries, QueryStore, SqlQueries

__all__ = [
    "MemoryQueries",
    "Queries",
    "QueryDraft",
    "QueryStore",
    "Rows",
    "SqlDatabaseDraft",
    "SqlParameter",
    "SqlQueries",
]
