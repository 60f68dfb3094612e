"""Where entries are kept, and found by their words. This is the truth: every other index is made from it."""

from collections.abc import Awaitable, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec

from muelle.core import TenantId
from muelle.memory.search.model import Entry, Kind, Sight
from muelle.memory.search.words import tag, tagged, words
from muelle.stores import ConstraintViolated, Database, Row, SqlValue, Statement, Transaction

MOST_WORK = 2_000  # entries whose words are weighed for one query
_COMMON = 3  # words that stand in more than that are looked for in pairs; so many of them
_BATCH = 500  # entries of one transaction
_ROWS = 50  # of one statement
_ATTEMPTS = 5  # to write what others may be writing, too

_ENTRY = "INSERT INTO search_entries (key, tenant, source, kind, id, sights, digest, title, tags, body{}) VALUES "
_WORDS = "INSERT INTO search_words (rowid, place, title, tags, body) VALUES "
_SELECTED = "SELECT key, kind, id, title, tags, body FROM search_entries WHERE tenant = ? AND key IN ({})"
_OF_SOURCE = "SELECT key, kind, id, title, tags, body FROM search_entries WHERE tenant = ? AND source = ?"
_LISTED = "SELECT key, kind, sights FROM search_entries WHERE tenant = ? AND key > ? ORDER BY key"
_PRESENT = "SELECT kind, id, key, digest FROM search_entries WHERE tenant = ? AND source = ?"
_STATE = "SELECT last, removed FROM search_tenants WHERE tenant = ?"
_ADVANCE = (
    "INSERT INTO search_tenants (tenant, last, removed) VALUES (?, ?, ?) ON CONFLICT (tenant)"
    " DO UPDATE SET last = excluded.last, removed = search_tenants.removed + excluded.removed"
)
_PUT_MARK = (
    "INSERT INTO search_sources (tenant, source, mark) VALUES (?, ?, ?)"
    " ON CONFLICT (tenant, source) DO UPDATE SET mark = excluded.mark"
)
_BY_WORDS = {
    "sqlite": (
        "SELECT key FROM (SELECT rowid AS key, bm25(search_words, 0.0, 8.0, 4.0, 1.0) AS rank FROM search_words"
        " WHERE search_words MATCH ?{} LIMIT {}) ORDER BY rank, key LIMIT ?"
    ),
    "postgresql": (
        "SELECT key FROM (SELECT key, ts_rank(words, to_tsquery('simple', ?)) AS rank FROM search_entries"
        " WHERE words @@ to_tsquery('simple', ?) AND tenant = ?{} LIMIT {}) AS weighed ORDER BY rank DESC, key LIMIT ?"
    ),
}
_AMONG = {
    "sqlite": " AND +rowid IN (SELECT value FROM json_each(?))",
    "postgresql": " AND key IN (SELECT value::bigint FROM json_array_elements_text(CAST(? AS json)))",
}
_VECTOR = (
    "setweight(to_tsvector('simple', ?), 'A') || setweight(to_tsvector('simple', ?), 'B')"
    " || setweight(to_tsvector('simple', ?), 'D')"
)

_ENCODE = msgspec.json.Encoder().encode
_SIGHTS = msgspec.json.Decoder(tuple[Sight, ...])
_TAGS = msgspec.json.Decoder(tuple[str, ...])


class State(NamedTuple):
    """How far a tenant's entries have come: the last key, and how many were removed."""

    last: int = 0
    removed: int = 0


class Listed(NamedTuple):
    """An entry's key, with what tells who may see it."""

    key: int
    kind: Kind
    sights: tuple[Sight, ...]


class SearchStore:
    """The entries of all tenants in a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self, tenant: TenantId) -> State:
        """Return how far the tenant's entries have come."""
        rows = await self._database.fetch(_STATE, tenant)
        return State(*rows[0]) if rows else State()

    async def listed(self, tenant: TenantId, after: int = 0) -> list[Listed]:
        """Return the entries after a key, in the order of keys."""
        rows = await self._database.fetch(_LISTED, tenant, after)
        return [Listed(key, kind, _SIGHTS.decode(sights)) for key, kind, sights in rows]

    async def entries(self, tenant: TenantId, keys: Sequence[int]) -> dict[int, Entry]:
        """Return entries by key, without their sights; those that are gone are not there."""
        found: dict[int, Entry] = {}
        for start in range(0, len(keys), _BATCH):
            part = keys[start : start + _BATCH]
            sql = _SELECTED.format(",".join("?" * len(part)))
            found |= {row[0]: _entry(row) for row in await self._database.fetch(sql, tenant, *part)}
        return found

    async def of_source(self, tenant: TenantId, source: str) -> list[Entry]:
        """Return the entries of a source, without their sights."""
        return [_entry(row) for row in await self._database.fetch(_OF_SOURCE, tenant, source)]

    async def sync(self, tenant: TenantId, source: str, wanted: Sequence[Entry]) -> None:
        """Make a source's entries those that are wanted, in small transactions; one that is as it was stays.

        Where others do the same at the same time, what they have done by then is done; raise ConstraintViolated where
        they never rest.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return await self._sync(tenant, source, wanted)
            except ConstraintViolated:
                if attempt == _ATTEMPTS - 1:
                    raise
        return None

    async def _sync(self, tenant: TenantId, source: str, wanted: Sequence[Entry]) -> None:
        rows = await self._database.fetch(_PRESENT, tenant, source)
        present = {(kind, identity): (key, digest) for kind, identity, key, digest in rows}
        new = {(entry.kind, entry.id): entry for entry in wanted}
        gone = [key for name, (key, _) in present.items() if name not in new]
        changed = [
            (present.get(name, (0, ""))[0], entry)
            for name, entry in new.items()
            if present.get(name, (0, ""))[1] != entry.digest
        ]
        for start in range(0, len(gone), _BATCH):
            await self._replace(tenant, source, gone[start : start + _BATCH], [])
        for start in range(0, len(changed), _BATCH):
            part = changed[start : start + _BATCH]
            await self._replace(tenant, source, [key for key, _ in part if key], [entry for _, entry in part])

    async def _replace(self, tenant: TenantId, source: str, gone: Sequence[int], new: Sequence[Entry]) -> None:
        """Take entries away and put others in, at once; keys are given in the order of commits."""
        async with self._database.transaction() as transaction:
            await transaction.execute("UPDATE search_counter SET last = last + ?", len(new))
            last = int((await transaction.fetch("SELECT last FROM search_counter"))[0][0])
            await self._remove(transaction, tenant, gone)
            first = last - len(new) + 1
            for start in range(0, len(new), _ROWS):
                await self._add(transaction, tenant, source, first + start, new[start : start + _ROWS])
            await transaction.execute(_ADVANCE, tenant, last, len(gone))

    async def _remove(self, transaction: Transaction, tenant: TenantId, keys: Sequence[int]) -> None:
        if not keys:
            return
        marks = ",".join("?" * len(keys))
        await transaction.execute(
            f"DELETE FROM search_entries WHERE tenant = ? AND key IN ({marks})",  # noqa: S608 - question marks
            tenant,
            *keys,
        )
        if self._database.dialect == "sqlite":
            await transaction.execute(f"DELETE FROM search_words WHERE rowid IN ({marks})", *keys)  # noqa: S608 - as above

    async def _add(
        self, transaction: Transaction, tenant: TenantId, source: str, first: int, entries: Sequence[Entry]
    ) -> None:
        is_sqlite = self._database.dialect == "sqlite"
        rows: list[SqlValue] = []
        found: list[SqlValue] = []
        for key, entry in enumerate(entries, first):
            texts = _texts(tenant, entry)
            rows += (key, tenant, source, entry.kind, entry.id, _text(entry.sights), entry.digest)
            rows += (entry.title, _text(entry.tags), entry.body, *(() if is_sqlite else texts))
            found += (key, f"{tag(tenant)}{entry.kind}", *texts)
        row = f"({','.join('?' * 10)}{'' if is_sqlite else f', {_VECTOR}'})"
        sql = _ENTRY.format("" if is_sqlite else ", words") + ",".join([row] * len(entries))
        await transaction.execute(sql, *rows)
        if is_sqlite:
            sql = _WORDS + ",".join(["(?,?,?,?,?)"] * len(entries))
            await transaction.execute(sql, *found)

    async def by_words(
        self,
        tenant: TenantId,
        asked: Sequence[str],
        limit: int,
        kind: Kind | None = None,
        among: Sequence[int] | None = None,
    ) -> list[int]:
        """Return the keys of entries in which words stand, best first: of one kind, or among some keys only."""
        if not asked:
            return []
        if self._database.dialect == "sqlite":
            return await self._matched(tenant, asked, limit, kind, among)
        tagged_words = [tag(tenant) + word for word in asked]
        found = await self._ranked(tenant, " & ".join(tagged_words), limit, kind, among)
        if len(found) >= limit or len(asked) == 1:
            return found
        more = await self._ranked(tenant, " | ".join(tagged_words), limit, kind, among)
        return list(dict.fromkeys([*found, *more]))[:limit]

    async def _ranked(
        self, tenant: TenantId, query: str, limit: int, kind: Kind | None, among: Sequence[int] | None
    ) -> list[int]:
        conditions = " AND kind = ?" if kind else ""
        values: list[SqlValue] = [kind] if kind else []
        if among is not None:
            conditions += _AMONG["postgresql"]
            values.append(_text(among))
        sql = _BY_WORDS["postgresql"].format(conditions, MOST_WORK)
        return _keys(await self._database.fetch(sql, query, query, tenant, *values, limit))

    async def _matched(
        self, tenant: TenantId, asked: Sequence[str], limit: int, kind: Kind | None, among: Sequence[int] | None
    ) -> list[int]:
        counts = await self._frequencies(tenant, asked)
        query = expression(counts)
        if not query:
            return []
        if kind:
            query = f'place : "{tag(tenant)}{kind}" AND ({query})'
        values: list[SqlValue] = [] if among is None else [_text(among)]
        sql = _BY_WORDS["sqlite"].format(_AMONG["sqlite"] if among is not None else "", MOST_WORK)
        return _keys(await self._database.fetch(sql, query, *values, limit))

    async def _frequencies(self, tenant: TenantId, asked: Sequence[str]) -> dict[str, int]:
        """Return in how many entries of the tenant each word stands, the rarest first; without those in none."""
        begin = tag(tenant)
        marks = ",".join("?" * len(asked))
        rows = await self._database.fetch(
            f"SELECT term, doc FROM search_vocabulary WHERE term IN ({marks})",  # noqa: S608 - question marks
            *(begin + word for word in asked),
        )
        return dict(sorted(((str(term), int(doc)) for term, doc in rows), key=lambda each: (each[1], each[0])))

    async def mark(self, tenant: TenantId, source: str) -> str:
        """Return the mark of a source when its entries were last taken, "" if they never were."""
        rows = await self._database.fetch(
            "SELECT mark FROM search_sources WHERE tenant = ? AND source = ?", tenant, source
        )
        return str(rows[0][0]) if rows else ""

    def put_mark(self, tenant: TenantId, source: str, mark: str) -> Awaitable[None]:
        """Remember a source's mark."""
        return self._database.commit([Statement(_PUT_MARK, [(tenant, source, mark)])])


def expression(counts: dict[str, int]) -> str:
    """Return a query of FTS5 for words and how often each stands, the rarest first; "" for none.

    All of the words together; each of the rare ones; of the common ones, which stand in more entries than can be
    weighed in time, pairs: where one of them is all that is asked for, some of the entries with it.
    """
    terms = [f'"{term}"' for term in counts]
    parts = [f"({' AND '.join(terms)})"] if len(terms) > 1 else []
    spent, common = 0, []
    for term, count in zip(terms, counts.values(), strict=True):
        spent += count
        if spent <= MOST_WORK:
            parts.append(term)
        else:
            common.append(term)
    parts += [f"({one} AND {other})" for one, other in combinations(common[:_COMMON], 2)]
    return " OR ".join(parts or common[:1])


def _texts(tenant: TenantId, entry: Entry) -> tuple[str, str, str]:
    title = words(f"{entry.id} {entry.title}") if entry.kind != "knowledge" else words(entry.title)
    return tagged(tenant, title), tagged(tenant, words(" ".join(entry.tags))), tagged(tenant, words(entry.body))


def _text(value: object) -> str:
    return _ENCODE(value).decode()


def _keys(rows: Sequence[Row]) -> list[int]:
    return [int(row[0]) for row in rows]


def _entry(row: Row) -> Entry:
    _, kind, identity, title, tags, body = row
    return Entry(kind=kind, id=identity, title=title, body=body, tags=_TAGS.decode(tags), sights=())
