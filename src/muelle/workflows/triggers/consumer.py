"""Events from the outbox fire triggers."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from muelle.engine import StoredEvent
from muelle.packs import Json
from muelle.workflows.triggers.book import Book
from muelle.workflows.triggers.diary import Diary
from muelle.workflows.triggers.errors import TriggersBehind
from muelle.workflows.triggers.firing import Firing, Loaded
from muelle.workflows.triggers.model import Delivery

_AT_ONCE = 64  # submissions that are under way
_DECODE = msgspec.json.Decoder().decode


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
    could not be submitted for now: the batch is to come again, and after so many attempts it is a dead letter instead.
    """

    def __init__(self, book: Book, firing: Firing, diary: Diary) -> None:
        self._book = book
        self._firing = firing
        self._diary = diary

    async def __call__(self, events: Sequence[StoredEvent]) -> None:
        """Fire every trigger that an event fits; raise TriggersBehind."""
        await self._book.refresh()
        pairs = iter([pair for event in events for pair in await self._met(event)])
        failed = 0
        while batch := [*islice(pairs, _AT_ONCE)]:
            deliveries = await self._fired(batch)
            await self._diary.record(deliveries)
            failed += sum(each.outcome == "failed" for each in deliveries)
        if failed:
            raise TriggersBehind(failed=failed)

    async def _met(self, stored: StoredEvent) -> Iterator[tuple[Loaded, dict[str, Json]]]:
        ready = await self._book.listeners(stored.tenant, stored.type)
        if not ready:
            return iter(())
        event = cloud_event(stored)
        return ((each, event) for each in ready)

    async def _fired(self, batch: list[tuple[Loaded, dict[str, Json]]]) -> list[Delivery]:
        return await asyncio.gather(*(self._firing.fire(ready, event) for ready, event in batch))
