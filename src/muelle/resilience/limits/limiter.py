"""The one door to limits: decides, waits where a rate allows it, and says so when nobody can count."""

import logging
from collections.abc import Sequence

from muelle.core import Clock, Metric, Metrics
from muelle.resilience.limits.errors import LimitReached, LimitsUnreachable
from muelle.resilience.limits.memory import STRANGER, MemoryCounts
from muelle.resilience.limits.model import SECOND, Charge, Decision
from muelle.resilience.limits.port import Counts
from muelle.resilience.limits.settings import LimitsSettings
from muelle.resilience.limits.throttle import Throttle

_LOG = logging.getLogger(__name__)
REFUSED = Metric(
    "muelle_limits_refused_total", "What came too often, by policy and kind of target.", "counter", ("policy", "target")
)
WAITED = Metric("muelle_limits_waited_seconds", "How long what came too often waited for its turn.", "histogram")
UNREACHABLE = Metric("muelle_limits_unreachable_total", "Decisions that Redis gave no answer to.", "counter")
REACHABLE = Metric("muelle_limits_reachable", "Whether what counts answered last: 1 or 0.", "gauge")
_PAUSE = 1.0  # seconds in which Redis is not asked again after it gave no answer


class Limiter:
    """Decides whether acts may go on. `local` counts in this process, and stands in for Redis where that is allowed."""

    def __init__(self, counts: Counts | None, clock: Clock, metrics: Metrics, settings: LimitsSettings) -> None:
        self.local = MemoryCounts(clock, settings.most_addresses)
        self._counts: Counts = counts or self.local
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._throttle = self._throttled(self._counts)
        self._local_throttle = self._throttled(self.local)
        self._away_until = 0.0
        self._is_away = False

    @property
    def backend(self) -> str:
        """What counts at present: `memory`, `redis`, `local` (in place of Redis) or `unreachable`."""
        if self._counts is self.local:
            return "memory"
        if not self._is_away:
            return "redis"
        return "local" if self._settings.unreachable == "local" else "unreachable"

    async def take(self, charges: Sequence[Charge]) -> Decision:
        """Decide, and count what is admitted; raise LimitsUnreachable.

        Strangers are counted by this process where Redis is away, so that whether Muelle lives can always be asked.
        """
        began = self._clock.monotonic()
        decision = await self._decided(charges)
        if decision.charge is not None:
            assert decision.refused is not None  # noqa: S101 - they come together
            self._metrics.count(REFUSED, decision.refused.policy, decision.charge.target.partition(":")[0])
        elif any(charge.rate.wait_seconds for charge in charges):
            self._metrics.observe(WAITED, self._clock.monotonic() - began)
        return decision

    async def admit(self, charges: Sequence[Charge]) -> Decision:
        """Decide, and raise LimitReached for what is refused."""
        decision = await self.take(charges)
        if not decision.is_admitted:
            raise refusal(decision)
        return decision

    async def look(self, charges: Sequence[Charge]) -> Decision:
        """Return how things stand, counting nothing; raise LimitsUnreachable."""
        if self._may_ask():
            try:
                return self._answered(await self._counts.look(charges))
            except LimitsUnreachable as error:
                self._lost(error)
        self._require_stand_in(charges)
        return self.local.decide(charges, is_counted=False)

    async def give_back(self, decision: Decision) -> None:
        """Give back the places that an admitted act held."""
        if not decision.held:
            return
        if not decision.holder:  # counted by this process
            self.local.release(decision)
            return
        try:
            await self._counts.give_back(decision)
        except LimitsUnreachable as error:
            self._lost(error)

    async def close(self) -> None:
        """Close connections."""
        await self._counts.close()

    async def _decided(self, charges: Sequence[Charge]) -> Decision:
        if self._counts is self.local:
            return await self._throttle.take(charges)
        if self._may_ask():
            try:
                return self._answered(await self._throttle.take(charges))
            except LimitsUnreachable as error:
                self._lost(error)
        self._require_stand_in(charges)
        return await self._local_throttle.take(charges)

    def _throttled(self, counts: Counts) -> Throttle:
        return Throttle(counts, self._clock, self._settings.waiting, self._settings.waiting_each)

    def _may_ask(self) -> bool:
        return not self._is_away or self._clock.monotonic() >= self._away_until

    def _require_stand_in(self, charges: Sequence[Charge]) -> None:
        if self._settings.unreachable != "local" and any(charge.name != STRANGER for charge in charges):
            raise LimitsUnreachable(retry_after=1)

    def _lost(self, error: LimitsUnreachable) -> None:
        if not self._is_away:
            _LOG.error(
                "The limits' counts in Redis cannot be reached; limits.unreachable is '%s'",
                self._settings.unreachable,
                extra={"reason": error.facts.get("reason")},
            )
        self._is_away = True
        self._away_until = self._clock.monotonic() + _PAUSE
        self._metrics.count(UNREACHABLE)
        self._metrics.gauge(REACHABLE, 0)

    def _answered(self, decision: Decision) -> Decision:
        if self._is_away:
            self._is_away = False
            _LOG.warning("The limits' counts in Redis are reached again")
            self._metrics.gauge(REACHABLE, 1)
        return decision


def refusal(decision: Decision) -> LimitReached:
    """Return the error for what was refused: which policy, of how many in how many seconds, and when to try again."""
    refused, charge = decision.refused, decision.charge
    assert refused is not None  # noqa: S101 - it is only asked for refusals
    assert charge is not None  # noqa: S101 - as above
    window = f" in {refused.window} seconds" if refused.window else " at the same time"
    facts = {"violated-policies": [refused.policy]}  # as draft-ietf-httpapi-ratelimit-headers-10 calls them
    return LimitReached(
        f"Too many {charge.target}: {refused.quota}{window} for this {charge.name}.",
        retry_after=decision.retry_after,
        target=charge.target,
        limit=refused.quota,
        window_seconds=refused.window,
        wait_ms=-(-decision.wait * 1000 // SECOND),
        **facts,
    )
