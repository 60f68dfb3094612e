"""Who is told when entries of a run have become durable in this process. Where nobody watches, it costs one look."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from muelle.core import RunId, TenantId
from muelle.engine.model import Entry

_Key = tuple[TenantId, RunId]


class Watchers:
    """Bells by run. What other processes write down is not heard of: whoever watches looks from time to time, too."""

    __slots__ = ("_bells",)

    def __init__(self) -> None:
        self._bells: dict[_Key, set[asyncio.Event]] = {}

    def __bool__(self) -> bool:
        """Whether anybody watches."""
        return bool(self._bells)

    @contextmanager
    def watch(self, tenant: TenantId, run: RunId) -> Iterator[asyncio.Event]:
        """Yield what is set whenever something of a run was written down here."""
        bell, key = asyncio.Event(), (tenant, run)
        bells = self._bells.setdefault(key, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells and self._bells.get(key) is bells:
                del self._bells[key]

    def told(self, entries: Sequence[Entry], appended: Awaitable[None]) -> Awaitable[None]:
        """Return an append that tells those who watch its runs once it has been carried out."""
        keys = {(entry.tenant, entry.run) for entry in entries} & self._bells.keys()
        if not keys:
            return appended
        done = asyncio.ensure_future(appended)
        done.add_done_callback(partial(self._ring, keys))
        return done

    def ring(self, tenant: TenantId, run: RunId) -> None:
        """Have those who watch a run look at it."""
        for bell in self._bells.get((tenant, run), ()):
            bell.set()

    def ring_all(self) -> None:
        """Have everybody look."""
        for key in list(self._bells):
            self.ring(*key)

    def _ring(self, keys: set[_Key], _: "asyncio.Future[None]") -> None:
        for key in keys:
            self.ring(*key)
