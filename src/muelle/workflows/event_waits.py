"""Events from the outbox answer the runs that wait for them."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from muelle.core import MuelleError, TenantId
from muelle.engine import Engine, StoredEvent, UnknownWait, Wait, WaitClosed, raised_since
from muelle.workflows.triggers.consumer import cloud_event
from muelle.workflows.triggers.pattern import EventPattern, Unmet, compile_pattern

_LOG = logging.getLogger("muelle.workflows")
_AT_ONCE = 1_000  # waits that are looked at together
_PATTERNS = 10_000  # that are kept compiled
_ENCODE = msgspec.json.Encoder().encode


class _Asked(msgspec.Struct, frozen=True):
    """What an open wait holds, beside whatever else is to be shown of it."""

    pattern: EventPattern


_DECODE = msgspec.json.Decoder(_Asked).decode


class EventWaits:
    """A consumer of the outbox: at least once and in order. What was raised before a wait began does not count.

    An event that comes a second time finds its wait answered, or one that began after it. One that was raised again,
    because its run was taken over, keeps its id: no run gets the same event twice.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, events: Sequence[StoredEvent]) -> None:
        """Answer every open wait that one of the events fits."""
        of_tenants: dict[TenantId, list[StoredEvent]] = {}
        for event in events:
            of_tenants.setdefault(event.tenant, []).append(event)
        for tenant, raised in of_tenants.items():
            await self._answer_waits(tenant, raised)

    async def look_back(self, wait: Wait) -> None:
        """Answer a wait that has just been written down by what was raised since it began, and handed on already."""
        for event in await raised_since(self._engine.queue.database, wait.tenant, wait.created):
            if await self._met(wait, event, cloud_event(event)):
                return

    async def _answer_waits(self, tenant: TenantId, raised: Sequence[StoredEvent]) -> None:
        subjects = ["", *{event.type for event in raised}]
        events = [(event, cloud_event(event)) for event in raised]
        after = ("", "")
        while waits := await self._engine.waits.open(tenant, "event", _AT_ONCE, after, subjects):
            for wait in waits:
                for event, shown in events:
                    if await self._met(wait, event, shown):
                        break
            after = (waits[-1].run, waits[-1].place)

    async def _met(self, wait: Wait, event: StoredEvent, shown: dict[str, Any]) -> bool:
        """Answer a wait by an event that fits; return whether the wait is over."""
        if event.at < wait.created or (unmet := _unmet(wait.body)) is None or unmet(shown):
            return False
        if any(one.answered_by == event.id for one in await self._engine.waits.of(wait.tenant, wait.run)):
            return False
        try:
            await self._engine.answer(wait.tenant, (wait.run, wait.place), _ENCODE(shown), event.id)
        except (WaitClosed, UnknownWait):
            _LOG.debug("An event came too late for a wait", extra={"run": wait.run, "event": event.id})
        return True


@lru_cache(maxsize=_PATTERNS)
def _unmet(body: bytes) -> Unmet | None:
    """Return the compiled pattern of a wait, or None where it has none that can be read: nothing fits it then."""
    try:
        return compile_pattern(_DECODE(body).pattern).unmet
    except (MuelleError, msgspec.DecodeError) as error:
        _LOG.warning("What a run waits for is no pattern: %s", error)
        return None
