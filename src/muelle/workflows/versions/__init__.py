"""Saved workflows: names, semantic versions, what is compatible, runs by a name; `opening` puts them together."""

from muelle.workflows.versions.settings import SavedSettings

__all__ = ["SavedSettings"]
