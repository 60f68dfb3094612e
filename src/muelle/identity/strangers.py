"""A bound on what strangers can write into the audit record, which they would fill otherwise."""

from muelle.core import Clock

_MINUTE = 60.0


class Strangers:
    """Admits so many acts a minute for each cause; those left out are counted."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._most = per_minute
        self._windows: dict[str, tuple[float, int]] = {}  # as many as there are causes
        self._left_out: dict[str, int] = {}

    def admit(self, cause: str) -> int | None:
        """Return how many were left out since the last act that was admitted, or None to leave this one out."""
        now = self._clock.monotonic()
        begun, number = self._windows.get(cause, (now, 0))
        if now - begun >= _MINUTE:
            begun, number = now, 0
        if number >= self._most:
            self._left_out[cause] = self._left_out.get(cause, 0) + 1
            return None
        self._windows[cause] = (begun, number + 1)
        return self._left_out.pop(cause, 0)
