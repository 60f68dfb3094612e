"""Triggers put together: the verbs, the consumer of events, and the door of webhooks."""

from dataclasses import dataclass

from muelle.workflows.triggers.book import Book
from muelle.workflows.triggers.clerk import Clerk
from muelle.workflows.triggers.consumer import EventTriggers
from muelle.workflows.triggers.depths import Depths
from muelle.workflows.triggers.diary import Diary
from muelle.workflows.triggers.firing import Firing
from muelle.workflows.triggers.hooks import HookParts, Hooks
from muelle.workflows.triggers.secrets import HookSecrets
from muelle.workflows.triggers.service import TriggerParts, Triggers
from muelle.workflows.triggers.store import DeliveryStore, TriggerStore


@dataclass(frozen=True, slots=True)
class TriggerDoors:
    """The verbs; what the outbox is to call with events; what the hooks' route calls."""

    triggers: Triggers
    consumer: EventTriggers
    hooks: Hooks


def open_triggers(parts: TriggerParts) -> TriggerDoors:
    """Return triggers on a database; nothing is started, and nothing needs to be closed."""
    deliveries = DeliveryStore(parts.database)
    store = TriggerStore(parts.database)
    firing = Firing(deliveries, parts.submit, parts.clock, parts.ids, parts.settings)
    diary = Diary(deliveries, parts.clock, parts.settings)
    hooks = HookParts(
        triggers=store,
        deliveries=deliveries,
        secrets=HookSecrets(parts.vault),
        clerk=Clerk(parts.identity, parts.trail, parts.clock, parts.ids),
        firing=firing,
        diary=diary,
        clock=parts.clock,
        ids=parts.ids,
    )
    return TriggerDoors(
        triggers=Triggers(parts, firing),
        consumer=EventTriggers(
            Book(store, parts.settings), firing, diary, Depths(deliveries, parts.runs, parts.clock), parts.clock
        ),
        hooks=Hooks(hooks),
    )
