"""What is remembered for a moment, so that a kept answer is found without asking the database."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from muelle.core import Clock, TenantId
from muelle.egress.model import Credential
from muelle.egress.store import Register

T = TypeVar("T")


class Known(Generic[T]):
    """Values by key, each for `seconds`; what this process changes it forgets at once."""

    def __init__(self, clock: Clock, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._known: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._changes = 0

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what is known, or what `read` finds."""
        now = self._clock.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < self._seconds:
            return known[1]
        changes = self._changes
        value = await read()
        if changes == self._changes:  # else it may have been read before the change
            self._known[key] = (now, value)
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return value

    def forget(self, key: Hashable) -> None:
        """Read it again the next time."""
        self._changes += 1
        self._known.pop(key, None)


class WatchedCredentials:
    """A register of credentials that says which one was changed."""

    def __init__(self, register: Register[Credential], changed: Callable[[TenantId, str], None]) -> None:
        self._register = register
        self._changed = changed

    def add(self, item: Credential) -> Awaitable[None]:
        """Keep a new item."""
        return self._then(self._register.add(item), item.tenant, item.id)

    def replace(self, item: Credential) -> Awaitable[None]:
        """Keep an item in place of the one of that id."""
        return self._then(self._register.replace(item), item.tenant, item.id)

    def remove(self, tenant: TenantId, item: str) -> Awaitable[None]:
        """Remove an item."""
        return self._then(self._register.remove(tenant, item), tenant, item)

    async def _then(self, write: Awaitable[None], tenant: TenantId, item: str) -> None:
        try:
            await write
        finally:
            self._changed(tenant, item)

    async def find(self, tenant: TenantId, item: str) -> Credential | None:
        """Return an item, or None."""
        return await self._register.find(tenant, item)

    async def all(self, tenant: TenantId) -> list[Credential]:
        """Return the tenant's items in the order of their ids."""
        return await self._register.all(tenant)

    async def everyones(self, after: tuple[str, str], limit: int) -> list[Credential]:
        """Return a page of all tenants' items."""
        return await self._register.everyones(after, limit)
