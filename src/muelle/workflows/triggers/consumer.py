"""Events from the outbox fire triggers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from muelle.core import Clock, RunId, TenantId
from muelle.engine import StoredEvent
from muelle.packs import Json
from muelle.workflows.triggers.book import Book
from muelle.workflows.triggers.depths import Depths
from muelle.workflows.triggers.diary import Diary, is_near
from muelle.workflows.triggers.errors import TriggersBehind
from muelle.workflows.triggers.firing import Firing, Loaded
from muelle.workflows.triggers.model import Delivery, TriggerId

_AT_ONCE: Final = 64  # submissions that are under way
_LONGEST_PAUSE: Final = 60.0  # seconds between two attempts
_DECODE = msgspec.json.Decoder().decode
_Key = tuple[TriggerId, str]


@dataclass(frozen=True, slots=True)
class _Pair:
    """An event and a trigger that it may fit."""

    ready: Loaded
    event: dict[str, Json]
    depth: int
    unmet: str

    @property
    def key(self) -> _Key:
        return self.ready.trigger.id, self.event["id"]


def cloud_event(stored: StoredEvent) -> dict[str, Json]:
    """Return an event in the JSON form of CloudEvents 1.0."""
    return {
        "specversion": "1.0",
        "id": stored.id,
        "type": stored.type,
        "source": stored.source,
        "time": stored.at.isoformat().replace("+00:00", "Z"),
        "tenant": stored.tenant,
        **({"subject": stored.subject} if stored.subject else {}),
        "data": _DECODE(stored.data) if stored.data else {},
    }


class EventTriggers:
    """A consumer of the outbox: at least once and in order, so that the same event at a trigger is one run.

    Runs are asked for in the order of events, under `trigger:ID:EVENT` as idempotency key. Raises TriggersBehind if one
    could not be submitted for now: the batch is to come again. What was done is then left alone, what failed is tried
    after 1, 2, 4, … seconds, and after so many attempts it is a dead letter instead.
    """

    def __init__(self, book: Book, firing: Firing, diary: Diary, depths: Depths, clock: Clock) -> None:
        self._book = book
        self._firing = firing
        self._diary = diary
        self._depths = depths
        self._clock = clock
        self._done: set[_Key] = set()  # of a batch that will come again
        self._due: dict[_Key, float] = {}

    async def __call__(self, events: Sequence[StoredEvent]) -> None:
        """Fire every trigger that an event fits; raise TriggersBehind."""
        await self._book.refresh()
        pairs = [pair for event in events for pair in await self._met(event)]
        waiting = [pair for pair in pairs if pair.key not in self._done]
        now = self._clock.monotonic()
        due = [pair for pair in waiting if self._due.get(pair.key, now) <= now]
        failed = len(waiting) - len(due)
        for begin in range(0, len(due), _AT_ONCE):
            failed += await self._fired(due[begin : begin + _AT_ONCE])
        if failed:
            raise TriggersBehind(failed=failed)
        self._done.clear()
        self._due.clear()

    async def _met(self, stored: StoredEvent) -> list[_Pair]:
        ready = await self._book.listeners(stored.tenant, stored.type)
        if not ready:
            return []
        event = cloud_event(stored)
        judged = [(each, each.pattern.unmet(event)) for each in ready]
        met = [(each, unmet) for each, unmet in judged if not unmet or is_near(unmet)]
        depth = await self._depths.of(stored, event) if met else 0
        return [_Pair(each, event, depth, unmet) for each, unmet in met]

    async def _fired(self, batch: list[_Pair]) -> int:
        """Fire a part of a batch; return how many are to be tried again."""
        fire = self._firing.fire
        deliveries = await asyncio.gather(*(fire(pair.ready, pair.event, pair.depth, pair.unmet) for pair in batch))
        await self._diary.record(deliveries)
        await self._remember(batch, deliveries)
        failed = 0
        for pair, delivery in zip(batch, deliveries, strict=True):
            if delivery.outcome == "failed":
                failed += 1
                pause = min(_LONGEST_PAUSE, 2.0 ** (delivery.attempts - 1))
                self._due[pair.key] = self._clock.monotonic() + pause
            else:
                self._done.add(pair.key)
        return failed

    async def _remember(self, batch: list[_Pair], deliveries: Sequence[Delivery]) -> None:
        begun: dict[TenantId, dict[RunId, int]] = {}
        for pair, delivery in zip(batch, deliveries, strict=True):
            if delivery.run:
                begun.setdefault(delivery.tenant, {})[delivery.run] = pair.depth + 1
        for tenant, runs in begun.items():
            await self._depths.remember(tenant, runs)
