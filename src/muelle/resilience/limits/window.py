"""What counts: sliding windows that are never exceeded, and tokens.

A window keeps when each admission was, up to `ENTRIES` of them. Larger ones merge neighbours: an entry takes in what
follows within 1/1024 of the window and has the time of its **latest**, so that it leaves when all that it counts has
left. Hence, for every admission at `t`, all earlier ones after `t - length` are counted at `t`; and as any stretch of
that length ends, as far as admissions go, with one, none ever holds more than the quota. The price is that a part of a
large quota comes back up to 1/1024 of the window late (60 ms of a minute), never early. Measured in ADR 0011.
"""

from collections import deque

ENTRIES = 1024


class Window:
    """One sliding window; `length` in nanoseconds. Up to `entries` admissions are kept one by one, more are merged."""

    __slots__ = ("_begun", "_counts", "_entries", "_quantum", "_stamps", "length", "quota", "used")

    def __init__(self, quota: int, length: int, entries: int = ENTRIES) -> None:
        self.length = length
        self.used = 0
        self._entries = entries
        self._stamps: deque[int] = deque()
        self._counts: deque[int] = deque()
        self._begun = 0
        self.resize(quota)

    def resize(self, quota: int) -> None:
        """Take another quota from now on; what was counted stays counted."""
        self.quota = quota
        self._quantum = 0 if quota <= self._entries else -(-self.length // self._entries)

    def room(self, now: int) -> int:
        """Return how many more there may be; none or less where the quota was lowered."""
        stamps = self._stamps
        if stamps and stamps[0] + self.length <= now:
            self._leave(now - self.length)
        return self.quota - self.used

    def _leave(self, before: int) -> None:
        stamps, counts = self._stamps, self._counts
        while stamps and stamps[0] <= before:
            stamps.popleft()
            self.used -= counts.popleft()

    def add(self, now: int) -> None:
        """Count one."""
        self.used += 1
        if self._quantum and self._stamps and now - self._begun < self._quantum:
            self._stamps[-1] = now
            self._counts[-1] += 1
            return
        self._begun = now
        self._stamps.append(now)
        self._counts.append(1)

    def reset(self, now: int) -> int:
        """Return the nanoseconds until the oldest leaves, 0 if there is none."""
        return self._stamps[0] + self.length - now if self._stamps else 0

    def wait(self, now: int) -> int:
        """Return the nanoseconds until there is room for one."""
        excess = self.used + 1 - self.quota
        for stamp, count in zip(self._stamps, self._counts, strict=True) if excess > 0 else ():
            excess -= count
            if excess <= 0:
                return stamp + self.length - now
        return 0

    def __len__(self) -> int:
        """Return how many entries are kept."""
        return len(self._stamps)


class Tokens:
    """So many at the same moment, refilled evenly: the generic cell rate algorithm, which keeps one number."""

    __slots__ = ("_full_at", "_interval", "length", "quota")

    def __init__(self, quota: int, length: int) -> None:
        self._full_at = 0
        self.resize(quota, length)

    def resize(self, quota: int, length: int) -> None:
        """Take another size, and the nanoseconds in which all of it is refilled."""
        self.quota = quota
        self.length = length
        self._interval = -(-length // quota)

    def room(self, now: int) -> int:
        """Return how many tokens there are."""
        lacking = max(0, self._full_at - now)
        return self.quota + (-lacking // self._interval)

    def add(self, now: int) -> None:
        """Take one."""
        self._full_at = max(self._full_at, now) + self._interval

    def reset(self, now: int) -> int:
        """Return the nanoseconds until the next token comes back, 0 if none is missing."""
        lacking = max(0, self._full_at - now)
        return (lacking - 1) % self._interval + 1 if lacking else 0

    def wait(self, now: int) -> int:
        """Return the nanoseconds until there is a token."""
        return max(0, self._full_at - now - (self.quota - 1) * self._interval)
