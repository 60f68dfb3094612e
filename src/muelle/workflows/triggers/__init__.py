"""Triggers: events and inbound webhooks that start saved workflows; `opening` puts them together."""

from muelle.workflows.triggers.settings import TriggersSettings

__all__ = ["TriggersSettings"]
