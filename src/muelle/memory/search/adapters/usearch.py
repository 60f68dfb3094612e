"""Vectors found by nearness: HNSW by usearch, exact where they are few or only some of them are in question."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from usearch.index import Index

_CONNECTIVITY = 16
_EXPANSION_ADD = 96
_EXPANSION_SEARCH = 160
_AT_ONCE = 32  # vectors, of which each takes a third of a millisecond to find its place
_NAME = re.compile(r"[a-z]{1,20}\.(\d+)\.usearch\Z")


class NearIndex:
    """The vectors of one kind of a tenant's entries, by key. `exact_below` is how many are compared one by one."""

    def __init__(self, dimensions: int, exact_below: int) -> None:
        self._exact_below = exact_below
        self._lock = Lock()  # vectors are added in a thread, and must not move while somebody looks through them
        self._index = Index(
            ndim=dimensions,
            metric="cos",
            dtype="f16",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=_EXPANSION_SEARCH,
        )

    def __len__(self) -> int:
        """Return how many vectors there are."""
        return len(self._index)

    def missing(self, keys: Sequence[int]) -> list[int]:
        """Return which of the keys have no vector yet."""
        if not keys:
            return []
        known = np.asarray(self._index.contains(np.asarray(keys, dtype=np.uint64)))
        return [key for key, is_known in zip(keys, known, strict=True) if not is_known]

    def keep_only(self, keys: set[int]) -> int:
        """Remove the vectors of all other keys; return how many those were."""
        gone = [key for key in self.keys() if key not in keys]
        for key in gone:
            self._index.remove(key)
        return len(gone)

    def keys(self) -> list[int]:
        """Return the keys that have vectors."""
        known: list[int] = np.asarray(self._index.keys).tolist()  # one by one it takes quadratic time
        return known

    def add(self, keys: Sequence[int], vectors: Any) -> None:  # noqa: ANN401 - a matrix of NumPy
        """Put vectors in; none of the keys may have one."""
        for start in range(0, len(keys), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            with self._lock:
                self._index.add(np.asarray(keys[part], dtype=np.uint64), vectors[part], threads=1)

    def nearest(self, vector: Any, count: int) -> list[tuple[int, float]]:  # noqa: ANN401 - a row of NumPy
        """Return up to `count` keys with their distances, the nearest first."""
        if not len(self._index):
            return []
        is_exact = len(self._index) <= self._exact_below
        with self._lock:
            found = self._index.search(vector, min(count, len(self._index)), exact=is_exact, threads=1)
        return [(int(key), float(far)) for key, far in zip(found.keys, found.distances, strict=True)]

    def nearest_among(
        self,
        vector: Any,  # noqa: ANN401 - as above
        keys: Sequence[int],
        count: int,
    ) -> list[tuple[int, float]]:
        """Return the nearest of some keys, compared one by one."""
        there = sorted(set(keys) - set(self.missing(keys)))
        if not there:
            return []
        with self._lock:
            rows = np.asarray(self._index.get(np.asarray(there, dtype=np.uint64), dtype="f32"))
        far = 1.0 - (rows @ vector) / np.maximum(np.linalg.norm(rows, axis=1), 1e-9)
        order = np.argsort(far, kind="stable")[:count]
        return [(there[place], float(far[place])) for place in order]

    def save(self, folder: Path, name: str, last: int) -> None:
        """Write the index under a name of letters, complete or not at all; the one before is removed."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        final = folder / f"{name}.{last}.usearch"
        fresh = folder / f"{name}.{last}.{os.getpid()}.new"
        with self._lock:
            self._index.save(str(fresh))
        fresh.chmod(0o600)
        fresh.replace(final)
        for path in folder.glob(f"{name}.*.usearch"):
            if _last(path) < last:  # another process may have come further
                path.unlink(missing_ok=True)

    def load(self, folder: Path, name: str) -> bool:
        """Read the newest index of that name; return whether there was one that can be read.

        One that cannot be read is removed: all that is in it can be made anew.
        """
        files = sorted(folder.glob(f"{name}.*.usearch"), key=_last, reverse=True)
        for path in files:
            if self._read(path):
                return True
            path.unlink(missing_ok=True)
        return False

    def _read(self, path: Path) -> bool:
        wanted = self._index.ndim
        try:
            self._index.load(str(path))
        except (OSError, RuntimeError, ValueError):
            self._index.reset()  # type: ignore[no-untyped-call] # the library's
            return False
        return bool(self._index.ndim == wanted)


def _last(path: Path) -> int:
    named = _NAME.match(path.name)
    return int(named[1]) if named else -1
