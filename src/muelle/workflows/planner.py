"""Planning with a memory: the same text under the same limits is planned once."""

import asyncio
from collections import OrderedDict

from muelle.packs import Limits
from muelle.workflows.issues import InvalidDocument
from muelle.workflows.plan import Catalogue, Plan, Planned
from muelle.workflows.planning import make_plan
from muelle.workflows.settings import WorkflowsSettings

_Key = tuple[bytes, Limits | None]
_LONG = 64 << 10  # bytes; a hostile document of a megabyte takes more than a second


class Planner:
    """Plans documents and keeps plans, least recently used first out, within bounds of number and size."""

    def __init__(self, catalogue: Catalogue, settings: WorkflowsSettings) -> None:
        self.catalogue = catalogue
        self._settings = settings
        self._kept: OrderedDict[_Key, Planned] = OrderedDict()
        self._bytes = 0

    @property
    def capacity(self) -> int:
        """How many plans are kept at most."""
        return self._settings.plan_cache_entries

    def look(self, document: bytes, limits: Limits) -> Planned:
        """Return the outcome of planning, issues and all; raise DocumentTooLarge."""
        key = self._key(document, limits)
        planned = self._kept.get(key)
        if planned is not None:
            self._kept.move_to_end(key)
            return planned
        planned = make_plan(document, self.catalogue, limits)
        self._keep(key, planned)
        return planned

    async def seek(self, document: bytes, limits: Limits) -> Planned:
        """Return what `look` does; a long document that is new is planned in a thread, for others must not wait."""
        if len(document) <= _LONG or self._key(document, limits) in self._kept:
            return self.look(document, limits)
        planned = await asyncio.to_thread(make_plan, document, self.catalogue, limits)
        self._keep(self._key(document, limits), planned)
        return planned

    async def plan(self, document: bytes, limits: Limits) -> Plan:
        """Return the plan; raise InvalidDocument with every issue, or DocumentTooLarge."""
        planned = await self.seek(document, limits)
        if planned.plan is None:
            raise InvalidDocument(planned.issues)
        return planned.plan

    def _key(self, document: bytes, limits: Limits) -> _Key:
        """Name the usual limits by None, for to hash them takes longer than all else here."""
        return document, None if limits is self._settings.limits else limits

    def _keep(self, key: _Key, planned: Planned) -> None:
        if key not in self._kept:  # it may be, if two threads planned it at once
            self._bytes += len(key[0])
        self._kept[key] = planned
        while len(self._kept) > self._settings.plan_cache_entries or self._bytes > self._settings.plan_cache_bytes:
            (document, _), _ = self._kept.popitem(last=False)
            self._bytes -= len(document)
