"""Bounds on how often something happens in a minute, in this process."""

from collections import OrderedDict

from muelle.core import Clock

_MINUTE = 60.0  # seconds
_MOST = 10_000  # names that are remembered


class PerMinute:
    """Admits so many for each name a minute."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admit(self, name: str) -> float:
        """Count one more and return 0.0, or return in how many seconds there is room again."""
        now = self._clock.monotonic()
        begun, number = self._windows.get(name, (now, 0))
        if now - begun >= _MINUTE:
            begun, number = now, 0
        if number >= self._most:
            return begun + _MINUTE - now
        self._windows[name] = (begun, number + 1)
        while len(self._windows) > _MOST:
            self._windows.popitem(last=False)
        return 0.0
