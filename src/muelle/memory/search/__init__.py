"""One search over all that an agent may use or know: by words and by meaning."""

from muelle.memory.search.model import KINDS, Answers, Embedder, Entry, Found, Kind, Sight, Source
from muelle.memory.search.opening import open_search
from muelle.memory.search.service import Search
from muelle.memory.search.settings import MemorySettings

__all__ = [
    "KINDS",
    "Answers",
    "Embedder",
    "Entry",
    "Found",
    "Kind",
    "MemorySettings",
    "Search",
    "Sight",
    "Source",
    "open_search",
]
