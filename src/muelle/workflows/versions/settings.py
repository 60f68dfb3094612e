"""Bounds of saved workflows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSettings:
    """How much a tenant may save, and how much of it is kept in memory to be run again."""

    max_workflows: int = 2_000  # of one tenant
    max_versions: int = 1_000  # of one workflow
    max_aliases: int = 50  # of one workflow
    max_tags: int = 20  # of one workflow
    schema_bytes: int = 64 << 10  # of one schema
    kept_entries: int = 512  # versions whose content is kept in memory
    kept_bytes: int = 32 << 20  # of their documents
