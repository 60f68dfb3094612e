"""Pages of what a store finds in the order of ids."""

from dataclasses import replace

from muelle.identity.audit import page_size
from muelle.identity.changes import IdentityStore, Stored, Where
from muelle.identity.checks import is_clean
from muelle.identity.errors import InvalidCursor
from muelle.identity.model import Page

_LONGEST_CURSOR = 150


async def read_page(
    store: IdentityStore, kind: type[Stored], where: Where, limit: int, cursor: str | None
) -> Page[Stored]:
    """Return up to `limit` items after `cursor`; raise InvalidPage or InvalidCursor."""
    page_size(limit)
    if cursor is not None and (len(cursor) > _LONGEST_CURSOR or not is_clean(cursor)):
        raise InvalidCursor(field="cursor")
    found = await store.find(kind, replace(where, after=cursor, limit=limit + 1))
    more = len(found) > limit
    return Page(tuple(found[:limit]), str(found[limit - 1].id) if more else None)
