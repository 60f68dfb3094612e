"""What agents may know: one search over everything, knowledge bases, and discovery under a budget of tokens."""

from muelle.memory.room import Memory
from muelle.memory.search import (
    KINDS,
    Answers,
    Embedder,
    Entry,
    Found,
    Kind,
    MemorySettings,
    Search,
    Sight,
    Source,
    open_search,
)

__all__ = [
    "KINDS", "Answers", "Embedder", "Entry", "Found", "Kind", "Memory", "MemorySettings", "Search",
    "Sight", "Source", "open_search",
]  # fmt: skip
