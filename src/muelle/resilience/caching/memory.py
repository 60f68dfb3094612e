"""Answers in memory: a bounded number of bytes, the least recently used first out."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from muelle.core import Metrics, NoMetrics
from muelle.resilience.caching.model import BYTES, EVICTIONS, Fill, Kept

_MOST_MARKS: Final = 10_000  # tags of which it is known that something was dropped


class MemoryShelf:
    """Answers of one process. An answer larger than `entry_bytes` is not kept."""

    def __init__(self, most_bytes: int, entry_bytes: int, metrics: Metrics = NoMetrics()) -> None:  # noqa: B008 - no state
        self._most_bytes = most_bytes
        self._metrics = metrics
        self._entry_bytes = min(entry_bytes, most_bytes)
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._weights: dict[str, int] = {}
        self._tagged: dict[str, set[str]] = {}
        self._marks: OrderedDict[str, int] = OrderedDict()
        self._drops = 0
        self._bytes = 0
        self._evicted = 0

    async def get(self, key: str) -> Kept | None:
        """Return an answer, or None."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    async def marks(self, tags: Sequence[str]) -> Sequence[int]:
        """Return the number of the last drop of each tag."""
        return (self._drops, *(self._marks.get(tag, 0) for tag in tags))

    async def put(self, key: str, kept: Kept, marks: Sequence[int]) -> None:
        """Keep an answer, unless one of its tags was dropped since `marks` were read."""
        weight = kept.weight + len(key)
        began, *known = marks
        if self._drops - began > _MOST_MARKS or [self._marks.get(tag, 0) for tag in kept.tags] != known:
            return
        self._forget(key)
        if weight > self._entry_bytes:
            return
        self._kept[key] = kept
        self._weights[key] = weight
        self._bytes += weight
        for tag in kept.tags:
            self._tagged.setdefault(tag, set()).add(key)
        while self._bytes > self._most_bytes:
            self._evicted += 1
            self._metrics.count(EVICTIONS)
            self._forget(next(iter(self._kept)))
        self._metrics.gauge(BYTES, self._bytes)

    async def drop(self, keys: Iterable[str] = (), tags: Iterable[str] = ()) -> int:
        """Throw answers away; return how many there were."""
        wanted = set(keys)
        for tag in tags:
            self._drops += 1
            self._marks[tag] = self._drops
            self._marks.move_to_end(tag)
            wanted |= self._tagged.get(tag, set())
        while len(self._marks) > _MOST_MARKS:
            self._marks.popitem(last=False)
        dropped = sum([self._forget(key) for key in wanted])
        self._metrics.gauge(BYTES, self._bytes)
        return dropped

    def _forget(self, key: str) -> bool:
        kept = self._kept.pop(key, None)
        if kept is None:
            return False
        self._bytes -= self._weights.pop(key)
        for tag in kept.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]
        return True

    async def fill(self) -> Fill:
        """Return how full it is."""
        return Fill(len(self._kept), self._bytes, self._most_bytes, self._evicted)

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._weights.clear()
        self._tagged.clear()
        self._bytes = 0
