"""Saved workflows: names, semantic versions, what is compatible, and what is run by a name."""

from muelle.workflows.versions.by_name import NamedOutcome, NamedRuns, RunDocument
from muelle.workflows.versions.keeping import SavedParts
from muelle.workflows.versions.memory import MemorySavedStore
from muelle.workflows.versions.model import Content, Draft, Publication, Release, Resolved, Workflow
from muelle.workflows.versions.service import SavedWorkflows
from muelle.workflows.versions.settings import SavedSettings
from muelle.workflows.versions.store import SavedStore, SqlSavedStore

__all__ = [
    "Content",
    "Draft",
    "MemorySavedStore",
    "NamedOutcome",
    "NamedRuns",
    "Publication",
    "Release",
    "Resolved",
    "RunDocument",
    "SavedParts",
    "SavedSettings",
    "SavedStore",
    "SavedWorkflows",
    "SqlSavedStore",
    "Workflow",
]
