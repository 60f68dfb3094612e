"""Search put together: on a database, with meanings where the extra `search` is installed."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from muelle.memory.search.service import Search
from muelle.memory.search.settings import MemorySettings
from muelle.memory.search.store import SearchStore
from muelle.stores import Database

if TYPE_CHECKING:
    from muelle.memory.search.adapters.usearch import NearIndex

_MISSING = "Only words are compared: install 'muelle[search]' to compare meanings, too."
_OFF = "Only words are compared: the setting memory.meanings is off."
_NEEDED = ("numpy", "usearch", "wordllama", "requests")  # the last one wordllama cannot be loaded without


def open_search(database: Database, settings: MemorySettings, home: Path | None) -> Search:
    """Return search; nothing is read before it is asked for. Close it at the end."""
    store = SearchStore(database)
    if settings.meanings == "off":
        return Search(store, settings, home, why=_OFF)
    if any(find_spec(name) is None for name in _NEEDED):
        return Search(store, settings, home, why=_MISSING)
    from muelle.memory.search.adapters.wordllama import WordLlamaEmbedder  # noqa: PLC0415 - an extra

    embedder = WordLlamaEmbedder()

    def make_near() -> "NearIndex":
        from muelle.memory.search.adapters.usearch import NearIndex  # noqa: PLC0415 - NumPy loads in 100 ms

        return NearIndex(embedder.dimensions, settings.exact_below)

    return Search(store, settings, home, embedder, make_near)
