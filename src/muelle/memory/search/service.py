"""Searching: by words and by meaning at once, among what one may see, and nothing else."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from muelle.core import TenantId
from muelle.identity import Principal
from muelle.memory.search.catalogue import Catalogue, Near, Sees, batches, folder_of
from muelle.memory.search.errors import InvalidQuery
from muelle.memory.search.model import KINDS, Answers, Embedder, Entry, Found, Kind, Sight, Source, fused
from muelle.memory.search.settings import MemorySettings
from muelle.memory.search.store import SearchStore
from muelle.memory.search.words import asked

MOST_FOUND = 100
LONGEST_QUERY = 1_000

_LOG = logging.getLogger(__name__)
_DEPTH = 60  # of each ranking, at least
_AT_ONCE = 256  # texts embedded at a time
_WAIT = 1_000  # more new entries than that get their vectors beside the search that found them new
_SAVE = 5_000  # new vectors after which the index is saved before the end
_TENANTS = 32  # whose catalogues are kept in memory
_UNFINISHED = "Entries are still being read: until that is done, some are found by their words alone."


class Search:
    """Finds entries of the principal's tenant. `embedder` is None where only words are compared; `why` says why."""

    def __init__(
        self,
        store: SearchStore,
        settings: MemorySettings,
        home: Path | None,
        embedder: Embedder | None = None,
        make_near: Callable[[], Near] | None = None,
        why: str = "",
    ) -> None:
        self.store = store
        self._settings = settings
        self._home = home
        self._embedder = embedder
        self._make_near = make_near if embedder else None
        self._why = why
        self._catalogues: OrderedDict[TenantId, Catalogue] = OrderedDict()
        self._locks: dict[TenantId, asyncio.Lock] = {}
        self._reading: dict[TenantId, asyncio.Lock] = {}
        self._tasks: dict[TenantId, asyncio.Task[None]] = {}
        self._marks: dict[tuple[TenantId, str], str] = {}

    async def refresh(self, tenant: TenantId, sources: Sequence[Source]) -> None:
        """Take what is new or changed in the sources; what says that nothing is, is not asked further."""
        async with self._reading.setdefault(tenant, asyncio.Lock()):
            await self._refresh(tenant, sources)

    async def _refresh(self, tenant: TenantId, sources: Sequence[Source]) -> None:
        for source in sources:
            mark = await source.mark(tenant)
            known = self._marks.get((tenant, source.name))
            if known is None:
                known = await self.store.mark(tenant, source.name)
            if mark != known:
                await self.store.sync(tenant, source.name, await source.entries(tenant))
                await self.store.put_mark(tenant, source.name, mark)
            self._marks[tenant, source.name] = mark

    async def find(
        self,
        principal: Principal,
        query: str,
        *,
        kinds: Sequence[Kind] = KINDS,
        only: Sight | None = None,
        limit: int = 20,
    ) -> Answers:
        """Return entries that answer a query, best first; `only` those that have a certain sight.

        An empty query finds entries in the order of their kinds. Raise InvalidQuery.
        """
        if not 1 <= limit <= MOST_FOUND:
            raise InvalidQuery(field="limit", value=limit, largest=MOST_FOUND)
        if len(query) > LONGEST_QUERY:
            raise InvalidQuery(field="query", length=len(query), longest=LONGEST_QUERY)
        catalogue = await self._current(principal.tenant)
        sees = catalogue.sees(principal, only)
        wanted = tuple(kind for kind in catalogue.kinds if kind in kinds)
        scores = await self._scored(catalogue, principal.tenant, query, wanted, sees, max(_DEPTH, 2 * limit))
        entries = await self.store.entries(principal.tenant, list(scores)[: 2 * limit])
        found = [_found(entries[key], score) for key, score in scores.items() if key in entries]
        return Answers(found=tuple(found[:limit]), semantic=self._embedder is not None, note=self._note(principal))

    def _note(self, principal: Principal) -> str:
        return _UNFINISHED if principal.tenant in self._tasks else self._why

    async def _scored(
        self, catalogue: Catalogue, tenant: TenantId, query: str, kinds: tuple[Kind, ...], sees: Sees, depth: int
    ) -> dict[int, float]:
        if not kinds:
            return {}
        if not query.strip():
            return dict.fromkeys(catalogue.visible(kinds, sees)[:depth], 0.0)
        by_words = await self._by_words(catalogue, tenant, asked(query), kinds, sees, depth)
        return fused(by_words, await self._by_meaning(catalogue, query, kinds, sees, depth))

    async def _by_words(
        self,
        catalogue: Catalogue,
        tenant: TenantId,
        words: Sequence[str],
        kinds: tuple[Kind, ...],
        sees: Sees,
        depth: int,
    ) -> list[int]:
        """Return what words find: what may not be seen is left out before anything gets a rank."""
        kind = kinds[0] if len(kinds) == 1 else None
        right = set(kinds)
        most = 8 * depth  # of whom a principal who sees an eighth sees enough
        keys = await self.store.by_words(tenant, words, most, kind)
        is_all = kind is not None or right == set(catalogue.kinds)
        found = [key for key in keys if sees(key) and (is_all or catalogue.kind(key) in right)]
        if len(found) >= depth or len(keys) < most:
            return found[:depth]
        visible = catalogue.visible(kinds, sees)
        return await self.store.by_words(tenant, words, depth, kind, visible) if visible else []

    async def _by_meaning(
        self, catalogue: Catalogue, query: str, kinds: tuple[Kind, ...], sees: Sees, depth: int
    ) -> list[int]:
        if self._embedder is None:
            return []
        vector = (await self._embedder.embed([query]))[0]
        found: list[tuple[int, float]] = []
        for kind in kinds:
            near = catalogue.near(kind)
            if near is not None:
                found += _nearest(near, vector, depth, sees, partial(catalogue.visible, (kind,), sees))
        farthest = 1.0 - self._settings.nearness
        ranked = sorted((far, key) for key, far in found if far <= farthest)
        return [key for _, key in ranked[:depth]]

    async def _current(self, tenant: TenantId) -> Catalogue:
        """Return the tenant's catalogue as the entries are now; vectors of many new ones may follow."""
        async with self._locks.setdefault(tenant, asyncio.Lock()):
            catalogue = self._catalogues.get(tenant)
            if catalogue is None:
                catalogue = await self._opened(tenant)
            self._catalogues.move_to_end(tenant)
            state = await self.store.state(tenant)
            if state == catalogue.state:
                return catalogue
            is_less = state.removed != catalogue.state.removed
            if is_less:
                catalogue.forget_all()
            catalogue.take(await self.store.listed(tenant, 0 if is_less else catalogue.state.last))
            if is_less:
                catalogue.drop_gone()
            catalogue.state = state
            await self._embed_new(tenant, catalogue)
        return catalogue

    async def _opened(self, tenant: TenantId) -> Catalogue:
        catalogue = Catalogue(self._make_near)
        if folder := self._folder(tenant):
            await asyncio.to_thread(catalogue.load, folder)
        catalogue.state = await self.store.state(tenant)
        catalogue.take(await self.store.listed(tenant))
        catalogue.drop_gone()
        self._catalogues[tenant] = catalogue
        await self._embed_new(tenant, catalogue)
        await self._make_room()
        return catalogue

    async def _make_room(self) -> None:
        while len(self._catalogues) > _TENANTS:
            tenant = next(iter(self._catalogues))
            if tenant in self._tasks:
                return
            await self._save(tenant, self._catalogues.pop(tenant))
            self._locks.pop(tenant, None)

    async def _embed_new(self, tenant: TenantId, catalogue: Catalogue) -> None:
        wanting = catalogue.wanting()
        if not wanting or tenant in self._tasks:
            return
        if sum(len(keys) for _, keys in wanting) <= _WAIT:
            await self._embed(tenant, catalogue)
            return
        task = self._tasks[tenant] = asyncio.create_task(self._embed(tenant, catalogue))
        task.add_done_callback(lambda done: self._embedded(tenant, done))

    def _embedded(self, tenant: TenantId, done: "asyncio.Task[None]") -> None:
        self._tasks.pop(tenant, None)
        if not done.cancelled() and (error := done.exception()):
            _LOG.error("Entries could not be given vectors; they are found by their words", exc_info=error)

    async def _embed(self, tenant: TenantId, catalogue: Catalogue) -> None:
        """Give vectors to all entries that have none, also to those that come meanwhile."""
        embedder = self._embedder
        while embedder is not None and (wanting := catalogue.wanting()):
            for kind, keys in wanting:
                near = catalogue.near(kind)
                if near is None:
                    continue
                for part in batches(keys, _AT_ONCE):
                    entries = await self.store.entries(tenant, part)
                    vectors = await embedder.embed([_meaning(entries.get(key)) for key in part])
                    await asyncio.to_thread(near.add, part, vectors)
                    catalogue.unsaved += len(part)
        if catalogue.unsaved >= _SAVE:
            await self._save(tenant, catalogue)

    def _folder(self, tenant: TenantId) -> Path | None:
        if self._home is None or self._embedder is None:
            return None
        return folder_of(self._home, tenant, self._embedder.name)

    async def _save(self, tenant: TenantId, catalogue: Catalogue) -> None:
        folder = self._folder(tenant)
        if folder is not None and catalogue.unsaved:
            await asyncio.to_thread(catalogue.save, folder)

    async def settle(self) -> None:
        """Wait until all entries have their vectors."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def close(self) -> None:
        """Give up what is being read, and save the vectors; what was not saved is made anew at the next start."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for tenant, catalogue in self._catalogues.items():
            await self._save(tenant, catalogue)


def _nearest(
    near: Near,
    vector: Any,  # noqa: ANN401 - a row of NumPy
    depth: int,
    sees: Sees,
    visible: Callable[[], list[int]],
) -> list[tuple[int, float]]:
    """Return the nearest that may be seen: where too few of those found may be, among what may be seen alone."""
    found = near.nearest(vector, depth)
    seen = [each for each in found if sees(each[0])]
    if len(seen) == len(found) or len(near) <= depth:
        return seen
    seen = [each for each in near.nearest(vector, 8 * depth) if sees(each[0])]
    if len(seen) >= depth or len(near) <= 8 * depth:
        return seen[:depth]
    return near.nearest_among(vector, visible(), depth)


def _meaning(entry: Entry | None) -> str:
    """Return the text whose meaning an entry has; one that is gone by now means nothing, and is dropped soon."""
    return "" if entry is None else f"{entry.title}. {entry.body} {' '.join(entry.tags)}"[:2000]


def _found(entry: Entry, score: float) -> Found:
    return Found(
        kind=entry.kind,
        id=entry.id,
        title=entry.title,
        body=entry.body,
        tags=entry.tags,
        score=round(score, 6),
    )
