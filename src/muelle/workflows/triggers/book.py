"""The enabled triggers of events, compiled and kept in memory; read anew as soon as any trigger has changed."""

import logging
from collections import OrderedDict
from collections.abc import Iterator

from muelle.core import TenantId
from muelle.workflows.triggers.errors import InvalidTrigger
from muelle.workflows.triggers.firing import Loaded, loaded
from muelle.workflows.triggers.model import Trigger
from muelle.workflows.triggers.settings import TriggersSettings
from muelle.workflows.triggers.store import TriggerStore

_LOG = logging.getLogger(__name__)
_MOST_TENANTS = 1_000


class _Listeners:
    """A tenant's triggers, by the types that can fit; those with wildcards are looked at for every event."""

    __slots__ = ("_by_type", "_open")

    def __init__(self, ready: list[Loaded]) -> None:
        self._open = [each for each in ready if each.pattern.types is None]
        self._by_type: dict[str, list[Loaded]] = {}
        for each in ready:
            for kind in each.pattern.types or ():
                self._by_type.setdefault(kind, []).append(each)

    def of(self, kind: str) -> Iterator[Loaded]:
        yield from self._by_type.get(kind, ())
        yield from self._open


class Book:
    """What listens, by tenant. `refresh` once for each batch of events: one query tells whether anything changed."""

    def __init__(self, store: TriggerStore, settings: TriggersSettings) -> None:
        self._store = store
        self._settings = settings
        self._epoch: int | None = None
        self._tenants: OrderedDict[TenantId, _Listeners] = OrderedDict()

    async def refresh(self) -> None:
        """Forget what is remembered if any trigger has changed since."""
        epoch = await self._store.epoch()
        if epoch != self._epoch:
            self._tenants.clear()
        self._epoch = epoch

    async def listeners(self, tenant: TenantId, kind: str) -> list[Loaded]:
        """Return the tenant's triggers that an event of this type may fit."""
        known = self._tenants.get(tenant)
        if known is None:
            known = _Listeners([*self._ready(await self._store.listening(tenant))])
            self._tenants[tenant] = known
            while len(self._tenants) > _MOST_TENANTS:
                self._tenants.popitem(last=False)
        self._tenants.move_to_end(tenant)
        return [*known.of(kind)]

    def _ready(self, triggers: list[Trigger]) -> Iterator[Loaded]:
        for trigger in triggers:
            try:
                yield loaded(trigger, self._settings)
            except InvalidTrigger as error:  # kept by another version of Muelle: the others are not to wait for it
                _LOG.error(
                    "A stored trigger is not valid and is left out", exc_info=error, extra={"trigger": trigger.id}
                )
