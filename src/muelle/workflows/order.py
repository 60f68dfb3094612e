"""Which operations may run at the same time, decided before anything runs.

The order of a document is its meaning: overlap must not change any result. So an operation waits for those before it
that write what it reads, read what it writes, or write where it writes, and whatever has side effects, or may stop the
run, keeps its place: all that stands before it comes before it, all that stands behind it comes after.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import msgspec

from muelle.packs import Effects
from muelle.workflows.paths import Path

N = TypeVar("N")


class Span(msgspec.Struct, frozen=True):
    """What an operation, with all that it refers to, reads, writes and does."""

    reads: frozenset[Path]
    writes: frozenset[Path]
    effects: Effects
    is_async: bool
    stops: bool


@dataclass(frozen=True, slots=True, eq=False)
class Block(Generic[N]):
    """Operations in order. `waits[i]` are the indexes that `i` waits for; None means one after the other."""

    nodes: tuple[N, ...]
    waits: tuple[tuple[int, ...], ...] | None


def block_of(nodes: Sequence[N], span: Callable[[N], Span], *, is_sequential: bool) -> Block[N]:
    """Return the schedule of operations; sequential where overlap is off or could gain nothing."""
    if is_sequential or len(nodes) < 2:  # noqa: PLR2004 - one has nobody to overlap with
        return Block(tuple(nodes), None)
    spans = [span(node) for node in nodes]
    if sum(item.is_async and item.effects != "writes" for item in spans) < 2:  # noqa: PLR2004 - as above
        return Block(tuple(nodes), None)
    return Block(tuple(nodes), _Waits(spans).find())


class _Waits:
    """Walks operations in order and remembers who touched which path: each look-up costs the path's depth."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._waits: list[set[int]] = [set() for _ in spans]
        self._since: list[int] = []
        self._barrier: int | None = None
        self._forget()

    def find(self) -> tuple[tuple[int, ...], ...]:
        """Return for each operation whom it waits for."""
        for index, span in enumerate(self._spans):
            if self._barrier is not None:
                self._waits[index].add(self._barrier)
            if span.effects == "writes" or span.stops:
                self._waits[index].update(self._since)
                self._barrier = index
                self._forget()
                continue
            self._touch(index, span)
            self._since.append(index)
        return tuple(tuple(sorted(waits)) for waits in self._waits)

    def _forget(self) -> None:
        self._since = []
        self._writers: dict[Path, list[int]] = {}
        self._writers_below: dict[Path, list[int]] = {}
        self._readers: dict[Path, list[int]] = {}
        self._readers_below: dict[Path, list[int]] = {}

    def _touch(self, index: int, span: Span) -> None:
        mine = self._waits[index]
        for path in span.reads:
            mine.update(_near(self._writers, self._writers_below, path))
            self._chain(self._writers_below.get(path, ()))
        for path in span.writes:
            mine.update(_near(self._writers, self._writers_below, path))
            mine.update(_near(self._readers, self._readers_below, path))
        for path in span.reads:
            _note(self._readers, self._readers_below, path, index)
        for path in span.writes:
            _note(self._writers, self._writers_below, path, index)

    def _chain(self, writers: Sequence[int]) -> None:
        """Make writers of one object's parts write in order: who reads it whole sees the order of its keys."""
        for earlier, later in pairwise(writers):
            if earlier < later:
                self._waits[later].add(earlier)


def _near(at: dict[Path, list[int]], below: dict[Path, list[int]], path: Path) -> list[int]:
    found = list(below.get(path, ()))
    for depth in range(1, len(path) + 1):
        found += at.get(path[:depth], ())
    return found


def _note(at: dict[Path, list[int]], below: dict[Path, list[int]], path: Path, index: int) -> None:
    at.setdefault(path, []).append(index)
    for depth in range(1, len(path)):
        below.setdefault(path[:depth], []).append(index)
