"""What is known in this process of a tenant's entries: who may see each, and where its vectors lie."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from muelle.core import TenantId
from muelle.identity import Principal, Rule
from muelle.memory.search.model import KINDS, Kind, Sight, may_see
from muelle.memory.search.store import Listed, State

_PRINCIPALS = 256  # of whom it is remembered what they may see
Sees = Callable[[int], bool]


class Near(Protocol):
    """Vectors of one kind of entry, found by nearness. Vectors are rows of NumPy, which is an extra."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def missing(self, keys: Sequence[int]) -> list[int]:
        """Return which of the keys have no vector yet."""
        ...

    def keep_only(self, keys: set[int]) -> int:
        """Remove the vectors of all other keys; return how many those were."""
        ...

    def add(self, keys: Sequence[int], vectors: Any) -> None:  # noqa: ANN401 - a matrix
        """Put vectors in; none of the keys may have one."""
        ...

    def nearest(self, vector: Any, count: int) -> list[tuple[int, float]]:  # noqa: ANN401 - a row
        """Return up to `count` keys with their distances, the nearest first."""
        ...

    def nearest_among(
        self,
        vector: Any,  # noqa: ANN401 - a row
        keys: Sequence[int],
        count: int,
    ) -> list[tuple[int, float]]:
        """Return the nearest of some keys, compared one by one."""
        ...

    def save(self, folder: Path, name: str, last: int) -> None:
        """Write them under a name of letters, complete or not at all."""
        ...

    def load(self, folder: Path, name: str) -> bool:
        """Read the newest of that name; return whether there was one that can be read."""
        ...


class Catalogue:
    """A tenant's entries by key. What it has not heard of nobody finds."""

    def __init__(self, make_near: Callable[[], Near] | None) -> None:
        self.state = State()
        self.unsaved = 0
        self._make_near = make_near
        self._near: dict[Kind, Near] = {}
        self._kinds: dict[Kind, dict[int, None]] = {}
        self._sights: dict[tuple[Sight, ...], tuple[Sight, ...]] = {}  # each once: many entries share theirs
        self._seen: OrderedDict[frozenset[Rule], dict[tuple[Sight, ...], bool]] = OrderedDict()
        self._of_key: dict[int, tuple[Sight, ...]] = {}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which kinds of entries there are, in the order that all kinds have."""
        return tuple(kind for kind in KINDS if self._kinds.get(kind))

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._of_key)

    def take(self, listed: Iterable[Listed]) -> None:
        """Get to know entries."""
        for key, kind, sights in listed:
            self._of_key[key] = self._sights.setdefault(sights, sights)
            self._kinds.setdefault(kind, {})[key] = None

    def forget_all(self) -> None:
        """Forget the entries, before they are listed anew; vectors stay until it is known which are still wanted."""
        self._kinds.clear()
        self._of_key.clear()

    def sees(self, principal: Principal, only: Sight | None = None) -> Sees:
        """Return what tells whether a principal may see the entry of a key; `only` those that have one sight."""
        rules = frozenset(principal.rules)
        known = self._seen.setdefault(rules, {})
        self._seen.move_to_end(rules)
        while len(self._seen) > _PRINCIPALS:
            self._seen.popitem(last=False)

        def is_visible(key: int) -> bool:
            sights = self._of_key.get(key)
            if sights is None or (only is not None and only not in sights):
                return False
            seen = known.get(sights)
            if seen is None:
                seen = known[sights] = may_see(principal, sights)
            return seen

        return is_visible

    def visible(self, kinds: Iterable[Kind], sees: Sees) -> list[int]:
        """Return the keys of kinds that may be seen; of 100,000 entries that takes 30 ms."""
        return [key for kind in kinds for key in self._kinds.get(kind, ()) if sees(key)]

    def kind(self, key: int) -> Kind | None:
        """Return the kind of an entry, None if it is not known."""
        return next((kind for kind, keys in self._kinds.items() if key in keys), None)

    def near(self, kind: Kind) -> Near | None:
        """Return the vectors of a kind, or None where there are none."""
        return self._near.get(kind)

    def wanting(self) -> list[tuple[Kind, list[int]]]:
        """Return which entries of each kind have no vector yet."""
        if self._make_near is None:
            return []
        found: list[tuple[Kind, list[int]]] = []
        for kind, keys in self._kinds.items():
            near = self._near.get(kind)
            if near is None:
                near = self._near[kind] = self._make_near()
            if missing := near.missing(list(keys)):
                found.append((kind, missing))
        return found

    def drop_gone(self) -> None:
        """Remove the vectors of entries that are gone."""
        for kind, near in self._near.items():
            self.unsaved += near.keep_only(set(self._kinds.get(kind, ())))

    def load(self, folder: Path) -> None:
        """Read the vectors that were saved."""
        if self._make_near is None:
            return
        for kind in KINDS:
            near = self._make_near()
            if near.load(folder, kind):
                self._near[kind] = near

    def save(self, folder: Path) -> None:
        """Save the vectors; it may take a second."""
        for kind, near in self._near.items():
            near.save(folder, kind, self.state.last)
        self.unsaved = 0


def folder_of(home: Path, tenant: TenantId, embedder: str) -> Path:
    """Return where a tenant's vectors of an embedder are kept; what a tenant is called is no path."""
    return home / "search" / hashlib.sha256(tenant.encode()).hexdigest()[:16] / embedder


def batches(keys: list[int], size: int) -> Iterator[list[int]]:
    """Yield keys in parts."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
