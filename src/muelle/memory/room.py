"""The room put together on an opened Muelle: what few commands need is made when it is first asked for."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from muelle.core import Clock
from muelle.identity import AuditTrail
from muelle.memory.search import Kind, MemorySettings, Search, Source, open_search
from muelle.stores import Database

if TYPE_CHECKING:
    from muelle.memory.discovery import Discovery
    from muelle.memory.knowledge.service import Knowledge


class Memory:
    """Search, knowledge bases and discovery. Close it, and what was indexed is kept; without a home it never is."""

    def __init__(
        self, database: Database, trail: AuditTrail, clock: Clock, settings: MemorySettings, home: Path | None
    ) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._settings = settings
        self._home = home

    @cached_property
    def search(self) -> Search:
        """Search over all entries."""
        return open_search(self._database, self._settings, self._home)

    @cached_property
    def knowledge(self) -> "Knowledge":
        """The verbs on knowledge bases."""
        from muelle.memory.knowledge.service import Knowledge  # noqa: PLC0415 - most commands do without
        from muelle.memory.knowledge.store import DocumentStore  # noqa: PLC0415 - as above

        store = DocumentStore(self._database)
        return Knowledge(store, self.search, self._trail, self._clock, self._settings)

    def discovery(self, sources: Mapping[Kind, Source]) -> "Discovery":
        """Return discovery over what sources of other rooms tell of, and over knowledge."""
        from muelle.memory.discovery import Discovery  # noqa: PLC0415 - most commands do without

        return Discovery(self.search, {**sources, "knowledge": self.knowledge})

    async def __aenter__(self) -> Self:
        """Return it; nothing is opened before it is needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Save what was indexed, if anything was asked for at all."""
        if "search" in self.__dict__:
            await self.search.close()
