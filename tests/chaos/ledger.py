"""What the outside world remembers of what was done to it, and of how often."""

from zlib import crc32

import msgspec

LAST = "last"  # the effect that ends every document of ours


class Sighting(msgspec.Struct, kw_only=True):
    """One effect under one key. Times are seconds on the one clock of the server that saw it.

    `after` is the receipt of the effect before it, as the run remembered it; `is_changed` says that a repetition had
    another body.
    """

    ticket: str
    effect: str
    key: str
    receipt: int
    after: int | None
    body: int
    first_at: float
    last_at: float
    times: int = 1
    is_changed: bool = False


class Posted(msgspec.Struct):
    """The body of an effect: when the run saw that it was, and the receipt of the effect before this one."""

    at: str
    after: int | None = None


class Ledger:
    """Counts effects by run and name, each by its idempotency key."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], Sighting] = {}
        self.requests = 0
        self.finished = 0
        self._ended: set[str] = set()

    def note(self, at: float, where: tuple[str, str], key: str, body: bytes) -> Sighting:
        """Count an effect; `where` is its ticket and name. One that was seen under this key keeps its receipt."""
        self.requests += 1
        ticket, effect = where
        digest = crc32(body)
        seen = self._seen.get((ticket, effect, key))
        if seen is not None:
            seen.times += 1
            seen.last_at = at
            seen.is_changed |= seen.body != digest
            return seen
        posted = msgspec.json.decode(body, type=Posted)
        seen = Sighting(
            ticket=ticket,
            effect=effect,
            key=key,
            receipt=len(self._seen) + 1,
            after=posted.after,
            body=digest,
            first_at=at,
            last_at=at,
        )
        self._seen[ticket, effect, key] = seen
        if effect == LAST:
            self._ended.add(ticket)
            self.finished = len(self._ended)
        return seen

    def sightings(self) -> list[Sighting]:
        """Return everything, in the order in which it was first seen."""
        return list(self._seen.values())


class Tallied(msgspec.Struct):
    """How far it has come: requests that counted, effects under their keys, and tickets whose last effect was seen."""

    requests: int
    effects: int
    finished: int


def tallied(ledger: Ledger) -> Tallied:
    """Return the numbers of a ledger."""
    return Tallied(ledger.requests, len(ledger.sightings()), ledger.finished)
