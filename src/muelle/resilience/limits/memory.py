"""Counts in this process: nothing is awaited, so no other act can come in between."""

from collections import OrderedDict
from collections.abc import Sequence

from muelle.core import Clock
from muelle.resilience.limits.model import SECOND, Charge, Decision, Rate, Standing
from muelle.resilience.limits.window import Tokens, Window

STRANGER = "address"  # the name of charges that strangers make: of those alone there may be any number
_CROWD = "a:*"
_SWEPT = 2  # idle budgets dropped by each decision at most: more than one comes with a decision


class _Budget:
    """All that is counted under one key."""

    __slots__ = ("keep", "key", "measures", "rate", "under_way", "used_at")

    def __init__(self, key: str) -> None:
        self.key = key
        self.rate: Rate | None = None
        self.measures: list[tuple[str, int, Window | Tokens]] = []
        self.under_way = 0
        self.keep = 0
        self.used_at = 0

    def fit(self, charge: Charge) -> None:
        """Take another rate; windows that it bounds too go on with what they have counted."""
        self.rate = charge.rate
        known = {policy: measure for policy, _, measure in self.measures}
        self.measures = []
        for name, seconds, quota in charge.rate.windows():
            policy = f"{charge.name}-{name}"
            window = known.get(policy) or Window(quota, seconds * SECOND)
            assert isinstance(window, Window)  # noqa: S101 - by its policy
            window.resize(quota)
            self.measures.append((policy, seconds, window))
            self.keep = max(self.keep, seconds * SECOND)
        if charge.rate.burst:
            _, seconds, quota = charge.rate.windows()[0]
            self._fit_tokens(charge, seconds * SECOND * charge.rate.burst // quota, known)

    def _fit_tokens(self, charge: Charge, length: int, known: dict[str, Window | Tokens]) -> None:
        policy = f"{charge.name}-burst"
        tokens = known.get(policy) or Tokens(charge.rate.burst, length)
        assert isinstance(tokens, Tokens)  # noqa: S101 - by its policy
        tokens.resize(charge.rate.burst, length)
        self.measures.append((policy, max(1, length // SECOND), tokens))
        self.keep = max(self.keep, length)


class MemoryCounts:
    """Counts by key. Budgets of strangers are bounded in number: beyond that, new addresses share one."""

    def __init__(self, clock: Clock, most_addresses: int = 100_000) -> None:
        self._clock = clock
        self._most = most_addresses
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._addresses: OrderedDict[str, _Budget] = OrderedDict()

    def __len__(self) -> int:
        """Return how many budgets are kept."""
        return len(self._budgets) + len(self._addresses)

    async def take(self, charges: Sequence[Charge]) -> Decision:
        """Admit and count one act, or count nothing."""
        return self.decide(charges)

    async def look(self, charges: Sequence[Charge]) -> Decision:
        """Return how things stand."""
        return self.decide(charges, is_counted=False)

    async def give_back(self, decision: Decision) -> None:
        """Give back places."""
        self.release(decision)

    async def close(self) -> None:
        """Close nothing."""

    def release(self, decision: Decision) -> None:
        """Do what `give_back` does, without awaiting."""
        for key in decision.held:
            budget = self._budgets.get(key) or self._addresses.get(key)
            if budget is not None and budget.under_way:
                budget.under_way -= 1

    def decide(self, charges: Sequence[Charge], *, is_counted: bool = True) -> Decision:
        """Do what `take` and `look` do, without awaiting."""
        now = int(self._clock.monotonic() * SECOND)
        budgets = [self._budget(charge, now) for charge in charges]
        refused = self._refusal(charges, budgets, now)
        if refused is not None:
            charge, standing, wait = refused
            standings = _standings(charges, budgets, now)
            return Decision(standings, wait, standing, charge)
        if not is_counted:
            return Decision(_standings(charges, budgets, now))
        held: tuple[str, ...] = ()
        for charge, budget in zip(charges, budgets, strict=True):
            for _, _, measure in budget.measures:
                measure.add(now)
            if charge.rate.at_once:
                budget.under_way += 1
                held = (*held, budget.key)
        return Decision(_standings(charges, budgets, now), held=held)

    @staticmethod
    def _refusal(
        charges: Sequence[Charge], budgets: Sequence[_Budget], now: int
    ) -> tuple[Charge, Standing, int] | None:
        """Return what stands in the way for the longest time, and for how long."""
        found: tuple[Charge, Standing, int] | None = None
        for charge, budget in zip(charges, budgets, strict=True):
            for policy, seconds, measure in budget.measures:
                if measure.room(now) < 1 and (found is None or measure.wait(now) > found[2]):
                    wait = measure.wait(now)
                    found = charge, Standing(policy, measure.quota, seconds, 0, wait), wait
            if charge.rate.at_once and budget.under_way >= charge.rate.at_once and found is None:
                found = charge, _under_way(charge, budget), 0
        return found

    def _budget(self, charge: Charge, now: int) -> _Budget:
        is_stranger = charge.name == STRANGER
        shelf = self._addresses if is_stranger else self._budgets
        self._sweep(shelf, now)
        key = charge.key
        budget = shelf.get(key)
        if budget is None and is_stranger and len(shelf) >= self._most:
            key = _CROWD
            budget = shelf.get(key)
        if budget is None:
            budget = shelf[key] = _Budget(key)
        else:
            shelf.move_to_end(key)
        if budget.rate is not charge.rate:
            budget.fit(charge)
        budget.used_at = now
        return budget

    @staticmethod
    def _sweep(shelf: OrderedDict[str, _Budget], now: int) -> None:
        """Forget what counts nothing any more, the longest unused first."""
        for _ in range(_SWEPT):
            if not shelf:
                return
            key, budget = next(iter(shelf.items()))
            if budget.under_way or now - budget.used_at <= budget.keep:
                return
            del shelf[key]


def _under_way(charge: Charge, budget: _Budget) -> Standing:
    at_once = charge.rate.at_once
    return Standing(f"{charge.name}-at-once", at_once, 0, max(0, at_once - budget.under_way), 0)


def _standings(charges: Sequence[Charge], budgets: Sequence[_Budget], now: int) -> tuple[Standing, ...]:
    found: list[Standing] = []
    for charge, budget in zip(charges, budgets, strict=True):
        for policy, seconds, measure in budget.measures:
            found.append(Standing(policy, measure.quota, seconds, max(0, measure.room(now)), measure.reset(now)))
        if charge.rate.at_once:
            found.append(_under_way(charge, budget))
    return tuple(found)
