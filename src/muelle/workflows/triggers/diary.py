"""The diary of deliveries: records what is worth it, and keeps it short."""

from collections.abc import Sequence

from muelle.core import Clock
from muelle.workflows.triggers.bounds import PerMinute
from muelle.workflows.triggers.model import Delivery, TriggerId
from muelle.workflows.triggers.settings import TriggersSettings
from muelle.workflows.triggers.store import DeliveryStore

_OFTEN = 20  # deliveries of a trigger between two trims
_NEAR = ("/data", "/expression")  # what came so far was of the right type, source and subject
_MOST = 10_000  # triggers whose number of deliveries is remembered


def is_near(unmet: str) -> bool:
    """Tell whether what an event does not meet is its data alone."""
    return unmet.startswith(_NEAR)


class Diary:
    """Records deliveries. Events that did not fit are noted only if they came near, and so many a minute."""

    def __init__(self, store: DeliveryStore, clock: Clock, settings: TriggersSettings) -> None:
        self._store = store
        self._settings = settings
        self._unmatched = PerMinute(clock, settings.unmatched_per_minute)
        self._written: dict[TriggerId, int] = {}

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """Record what is worth it; once this returns it is durable."""
        worth = [each for each in deliveries if each.outcome != "unmatched" or self._is_noted(each)]
        if not worth:
            return
        await self._store.record(worth)
        for each in {each.trigger: each for each in worth}.values():
            await self._trim(each, sum(other.trigger == each.trigger for other in worth))

    def _is_noted(self, delivery: Delivery) -> bool:
        return is_near(delivery.reason) and not self._unmatched.admit(delivery.trigger)

    async def _trim(self, delivery: Delivery, written: int) -> None:
        """Trim at the first delivery in this process, and then every so often."""
        before = self._written.get(delivery.trigger, _OFTEN)
        if before + written < _OFTEN:
            self._written[delivery.trigger] = before + written
            return
        if len(self._written) >= _MOST:
            self._written.clear()
        self._written[delivery.trigger] = 0
        settings = self._settings
        await self._store.trim(delivery.tenant, delivery.trigger, settings.kept, settings.kept_dead)
