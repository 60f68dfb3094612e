"""Triggers: events and inbound webhooks that start saved workflows."""

from muelle.workflows.triggers.consumer import EventTriggers
from muelle.workflows.triggers.hooks import Hooks, Inbound
from muelle.workflows.triggers.model import (
    DEPTH,
    Delivery,
    Submit,
    Trial,
    Trigger,
    TriggerDraft,
    TriggerId,
    Webhook,
)
from muelle.workflows.triggers.opening import TriggerDoors, open_triggers
from muelle.workflows.triggers.pattern import EventPattern
from muelle.workflows.triggers.service import TriggerParts, Triggers
from muelle.workflows.triggers.settings import TriggersSettings

__all__ = [
    "DEPTH", "Delivery", "EventPattern", "EventTriggers", "Hooks", "Inbound",
    "Submit", "Trial", "Trigger", "TriggerDoors", "TriggerDraft", "TriggerId", "TriggerParts", "Triggers",
    "TriggersSettings", "Webhook", "open_triggers",
]  # fmt: skip
