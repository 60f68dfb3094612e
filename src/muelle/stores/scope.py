"""Whose rows a statement is about: what PostgreSQL's row-level security lets it see.

Every table with a column `tenant` has a policy, forced also upon its owner: a session sees the rows of the tenant that
its setting `muelle.tenant` names, all rows where that is `*`, and none where it is not set. What is set is decided here
and nowhere else: a query that binds a tenant in each of its parts runs as that tenant, so that a condition with a
mistake in it still finds nothing of others. What spans tenants on purpose (the queue, the outbox, sealing, retention),
and group commits, in which many tenants' rows are written at once, run as `*`.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

SETTING = "muelle.tenant"
ALL = "*"

_PART = re.compile(r"\b(?:SELECT|UPDATE|DELETE|INSERT)\b", re.IGNORECASE)
_SPANNING = re.compile(r"\btenant\s*(?:[<>!]|IN\b)", re.IGNORECASE)  # such as a page of all tenants' rows
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_TOKEN = re.compile(r"(?P<bound>\btenant\s*=\s*\?)|\?", re.IGNORECASE)


@lru_cache(maxsize=1024)
def bound(sql: str) -> tuple[int, ...]:
    """Return which parameters are compared with a tenant, or none unless each part of the SQL has one."""
    text = _QUOTED.sub("''", sql)
    found = [index for index, token in enumerate(_TOKEN.finditer(text)) if token["bound"]]
    return tuple(found) if len(found) >= len(_PART.findall(text)) and not _SPANNING.search(text) else ()


def scope_of(sql: str, parameters: Sequence[object]) -> str:
    """Return the tenant as which a query runs, or `*`."""
    tenants = {parameters[index] for index in bound(sql)}
    return str(tenants.pop()) if len(tenants) == 1 else ALL
