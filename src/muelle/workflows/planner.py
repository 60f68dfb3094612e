"""Planning with a memory: the same text under the same limits is planned once."""

from collections import OrderedDict

from muelle.packs import Limits
from muelle.workflows.issues import InvalidDocument
from muelle.workflows.plan import Catalogue, Plan, Planned
from muelle.workflows.planning import make_plan
from muelle.workflows.settings import WorkflowsSettings

_Key = tuple[bytes, Limits]


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
        key = (document, limits)
        planned = self._kept.get(key)
        if planned is not None:
            self._kept.move_to_end(key)
            return planned
        planned = make_plan(document, self.catalogue, limits)
        self._keep(key, planned)
        return planned

    def plan(self, document: bytes, limits: Limits) -> Plan:
        """Return the plan; raise InvalidDocument with every issue, or DocumentTooLarge."""
        planned = self.look(document, limits)
        if planned.plan is None:
            raise InvalidDocument(planned.issues)
        return planned.plan

    def _keep(self, key: _Key, planned: Planned) -> None:
        self._kept[key] = planned
        self._bytes += len(key[0])
        while len(self._kept) > self._settings.plan_cache_entries or self._bytes > self._settings.plan_cache_bytes:
            (document, _), _ = self._kept.popitem(last=False)
            self._bytes -= len(document)
