"""The memory twin of the register."""

from collections.abc import Awaitable
from typing import Generic, TypeVar

from muelle.core import TenantId
from muelle.egress.model import Api, Credential
from muelle.stores import ConstraintViolated

Kept = TypeVar("Kept", Api, Credential)


class MemoryRegister(Generic[Kept]):
    """A register that ends with its process."""

    def __init__(self) -> None:
        self._items: dict[tuple[TenantId, str], Kept] = {}

    def add(self, item: Kept) -> Awaitable[None]:
        """Keep a new item."""
        return self._add(item)

    async def _add(self, item: Kept) -> None:
        if (item.tenant, item.id) in self._items:
            raise ConstraintViolated
        self._items[item.tenant, item.id] = item

    def replace(self, item: Kept) -> Awaitable[None]:
        """Keep an item in place of the one of that id."""
        return self._replace(item)

    async def _replace(self, item: Kept) -> None:
        if (item.tenant, item.id) in self._items:
            self._items[item.tenant, item.id] = item

    def remove(self, tenant: TenantId, item: str) -> Awaitable[None]:
        """Remove an item."""
        return self._remove(tenant, item)

    async def _remove(self, tenant: TenantId, item: str) -> None:
        self._items.pop((tenant, item), None)

    async def find(self, tenant: TenantId, item: str) -> Kept | None:
        """Return an item, or None."""
        return self._items.get((tenant, item))

    async def all(self, tenant: TenantId) -> list[Kept]:
        """Return the tenant's items in the order of their ids."""
        return sorted((item for (owner, _), item in self._items.items() if owner == tenant), key=lambda item: item.id)

    async def everyones(self, after: tuple[str, str], limit: int) -> list[Kept]:
        """Return a page of all tenants' items."""
        return [self._items[key] for key in sorted(key for key in self._items if key > after)[:limit]]
