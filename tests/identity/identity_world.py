"""An installation for tests: a store, a clock that stands still, an owner, and a second tenant with its own owner."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from muelle.core import ManualClock
from muelle.identity import (
    Act,
    AgentDraft,
    AuditFilter,
    AuditTrail,
    Identity,
    IdentitySettings,
    IdentityStore,
    MemoryAuditTrail,
    MemoryIdentityStore,
    Principal,
)

LIMITS = frozenset({"operations", "runs"})
DEFAULTS = IdentitySettings()
ANY = AuditFilter()
Verb = Callable[["World", Principal], Awaitable[Any]]


@dataclass
class World:
    clock: ManualClock
    store: IdentityStore
    trail: AuditTrail
    identity: Identity
    owner: Principal
    owner_key: str

    def another_process(self, settings: IdentitySettings = DEFAULTS) -> Identity:
        return Identity(self.store, self.trail, self.clock, LIMITS, settings)

    async def agent(self, name: str, preset: str | None = None) -> tuple[Principal, str]:
        """Add an agent with a key; return how it acts, and the key."""
        await self.identity.agents.add(self.owner, AgentDraft(name, preset=preset))
        return await self.with_key(name)

    async def with_key(self, name: str) -> tuple[Principal, str]:
        issued = await self.identity.keys.issue(self.owner, name)
        key = issued.text.reveal()
        return await self.identity.authenticate(key), key

    async def other_owner(self) -> Principal:
        """Add the tenant `other`; return its owner."""
        added = await self.identity.tenants.add(self.owner, "other")
        return await self.identity.authenticate(added.key.text.reveal())

    async def acts(self, where: AuditFilter = ANY) -> tuple[Act, ...]:
        """Return all acts of the default tenant, newest first."""
        return (await self.trail.page(self.owner.tenant, where, 500)).items


async def open_world(store: IdentityStore, trail: AuditTrail, settings: IdentitySettings = DEFAULTS) -> World:
    clock = ManualClock()
    identity = Identity(store, trail, clock, LIMITS, settings)
    key = await identity.ensure_owner()
    assert key is not None
    return World(clock, store, trail, identity, await identity.authenticate(key), key)


async def memory_world(settings: IdentitySettings = DEFAULTS) -> World:
    trail = MemoryAuditTrail()
    return await open_world(MemoryIdentityStore(trail), trail, settings)
