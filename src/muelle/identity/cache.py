"""What is known about keys without asking the database: bounded, and forgotten as a whole when anything changes."""

from collections import OrderedDict

from muelle.identity.model import Principal

Entry = tuple[Principal, int]


class KeyCache:
    """Principals by the SHA-256 of their key, the least recently used leaving first.

    `generation` counts how often everything was forgotten. Whoever reads the database notes it before and hands it in
    after: what was read before a change must not be remembered after it.
    """

    __slots__ = ("_entries", "_size", "generation")

    def __init__(self, size: int) -> None:
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._size = size
        self.generation = 0

    def __len__(self) -> int:
        """Return how many keys are known."""
        return len(self._entries)

    def get(self, digest: bytes, now: int) -> Principal | None:
        """Return whose key that is, unless its time has come; `now` in nanoseconds."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if now >= entry[1]:
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return entry[0]

    def put(self, digest: bytes, principal: Principal, until: int, generation: int) -> None:
        """Remember a principal until a time in nanoseconds, unless everything was forgotten since `generation`."""
        if generation != self.generation:
            return
        self._entries[digest] = (principal, until)
        self._entries.move_to_end(digest)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.generation += 1
