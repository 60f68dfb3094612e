"""The memory twins of the stores: the same behaviour, gone with the process."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from muelle.core import KeyId, TenantId
from muelle.identity.audit import AuditFilter, cleaned, cursor_after, page_size, read_cursor
from muelle.identity.changes import (
    AgentAdded,
    AgentChanged,
    Change,
    GrantAdded,
    GrantRevoked,
    KeyAdded,
    KeyOnFile,
    KeysRevoked,
    Stored,
    TenantAdded,
    TenantChanged,
    Where,
)
from muelle.identity.domains.model import Domain, DomainAdded, DomainRemoved, DomainVerified
from muelle.identity.domains.store import keep as keep_domain
from muelle.identity.errors import AgentExists, GrantExists, TenantExists
from muelle.identity.limiting.model import LimitReset, LimitRule, LimitSet
from muelle.identity.limiting.store import kept
from muelle.identity.model import Act, Agent, Grant, Key, Page, Tenant
from muelle.identity.roles.model import (
    Membership,
    Quota,
    Role,
    RoleAdded,
    RoleChanged,
    RoleGiven,
    RoleRemoved,
    RoleTaken,
    Within,
)
from muelle.identity.roles.store import keep, within
from muelle.identity.times import micros


class MemoryAuditTrail:
    """The newest acts, in memory; what is older than `most` others is forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._acts: OrderedDict[str, Act] = OrderedDict()  # it forgets the oldest at once, which a dict does not
        self._most = most

    def record(self, acts: Sequence[Act], *, flush: bool = True) -> "asyncio.Future[None]":
        """Keep the acts."""
        del flush
        for act in acts:
            self._acts.setdefault(act.id, cleaned(act))
        while len(self._acts) > self._most:
            self._acts.popitem(last=False)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def page(self, tenant: TenantId, where: AuditFilter, limit: int = 50, cursor: str | None = None) -> Page[Act]:
        """Return acts of a tenant, newest first."""
        before = read_cursor(cursor) if cursor is not None else None
        page_size(limit)
        acts = sorted(
            (act for act in self._acts.values() if act.tenant == tenant and _fits(act, where)), key=_place, reverse=True
        )
        rest = [act for act in acts if before is None or _place(act) < before]
        return Page(tuple(rest[:limit]), cursor_after(rest[limit - 1]) if len(rest) > limit else None)


def _place(act: Act) -> tuple[int, str]:
    return micros(act.at), act.id


def _fits(act: Act, where: AuditFilter) -> bool:
    return (
        where.principal in {None, act.principal}
        and where.action in {None, act.action}
        and (where.resource is None or act.resource.startswith(where.resource))
        and where.request in {None, act.request}
        and where.decision in {None, act.decision}
        and (where.since is None or act.at >= where.since)
        and (where.until is None or act.at < where.until)
    )


@dataclass(slots=True)
class _Shelf:
    """All that is stored; a write works on a copy, which takes its place if all went well."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    limits: dict[tuple[str, str], LimitRule] = field(default_factory=dict)
    roles: dict[tuple[str, str], Role] = field(default_factory=dict)
    members: dict[tuple[str, str], Membership] = field(default_factory=dict)
    domains: dict[tuple[str, str], Domain] = field(default_factory=dict)

    def copy(self) -> "_Shelf":
        return _Shelf(
            dict(self.tenants),
            dict(self.agents),
            dict(self.keys),
            dict(self.grants),
            dict(self.digests),
            dict(self.limits),
            dict(self.roles),
            dict(self.members),
            dict(self.domains),
        )


class MemoryIdentityStore:
    """Tenants, agents, keys and grants in memory; its acts go to a MemoryAuditTrail."""

    def __init__(self, trail: MemoryAuditTrail) -> None:
        self._shelf = _Shelf()
        self._trail = trail
        self._epoch = 0

    async def lookup(self, key: KeyId) -> KeyOnFile | None:
        """Return a key with its agent and tenant, or None."""
        shelf = self._shelf
        found = shelf.keys.get(key)
        if found is None:
            return None
        return KeyOnFile(found, shelf.digests[key], shelf.agents[found.principal], shelf.tenants[found.tenant])

    async def find(self, kind: type[Stored], where: Where) -> list[Stored]:
        """Return what is stored of one kind, in the order of ids."""
        shelf = self._shelf
        rows: dict[type[Any], dict[Any, Any]] = {
            Tenant: shelf.tenants,
            Agent: shelf.agents,
            Key: shelf.keys,
            Grant: shelf.grants,
            LimitRule: shelf.limits,
            Role: shelf.roles,
            Membership: shelf.members,
            Domain: shelf.domains,
        }
        found: list[Stored] = [item for item in rows[kind].values() if _wanted(item, where)]
        return sorted(found, key=lambda item: item.id)[: where.limit]

    async def write(self, changes: Sequence[Change], act: Act) -> None:
        """Make all changes or none."""
        shelf = self._shelf.copy()
        for change in changes:
            _make(shelf, change)
        self._shelf = shelf
        self._epoch += 1
        await self._trail.record([act])

    async def epoch(self) -> int:
        """Return how often there was a write."""
        return self._epoch


def _wanted(item: Tenant | Agent | Key | Grant | LimitRule | Role | Membership | Domain, where: Where) -> bool:
    tenant = item.id if isinstance(item, Tenant) else item.tenant
    return (
        where.tenant in {None, tenant}
        and where.id in {None, item.id}
        and where.name in {None, getattr(item, "name", None)}
        and where.principal in {None, getattr(item, "principal", None)}
        and (where.after is None or item.id > where.after)
    )


def _make(shelf: _Shelf, change: Change) -> None:
    match change:
        case TenantAdded() | AgentAdded() | GrantAdded() | KeyAdded():
            _add(shelf, change)
        case TenantChanged() if (tenant := shelf.tenants.get(change.tenant)) is not None:
            shelf.tenants[tenant.id] = replace(tenant, **_given(change, "name", "limits", "addresses"))
        case AgentChanged() if (agent := _owned(shelf.agents.get(change.agent), change.tenant)) is not None:
            shelf.agents[agent.id] = replace(agent, **_given(change, "description", "limits", "disabled"))
        case KeysRevoked():
            _revoke(shelf, change)
        case GrantRevoked() if _owned(shelf.grants.get(change.grant), change.tenant):
            del shelf.grants[change.grant]
        case Within(tenant_id, quota, most):
            within(quota, most, _count(shelf, tenant_id, quota))
        case RoleAdded() | RoleChanged() | RoleRemoved() | RoleGiven() | RoleTaken():
            keep(shelf.roles, shelf.members, change)
        case DomainAdded() | DomainVerified() | DomainRemoved():
            keep_domain(shelf.domains, change)
        case LimitSet(rule) | LimitReset(rule):
            place = rule.tenant, rule.id
            shelf.limits[place] = kept(shelf.limits.get(place), change)


def _count(shelf: _Shelf, tenant: TenantId, quota: Quota) -> int:
    keys = [key for key in shelf.keys.values() if key.revoked is None]
    counted: dict[Quota, Any] = {
        "max_agents": shelf.agents.values(),
        "max_keys": keys,
        "max_roles": shelf.roles.values(),
    }
    return sum(item.tenant == tenant for item in counted[quota])


def _add(shelf: _Shelf, change: TenantAdded | AgentAdded | GrantAdded | KeyAdded) -> None:
    match change:
        case TenantAdded(tenant):
            if tenant.id in shelf.tenants:
                raise TenantExists(tenant=tenant.id)
            shelf.tenants[tenant.id] = tenant
        case AgentAdded(agent):
            if any(other.tenant == agent.tenant and other.name == agent.name for other in shelf.agents.values()):
                raise AgentExists(agent=agent.name)
            shelf.agents[agent.id] = agent
        case GrantAdded(grant):
            if any(other.principal == grant.principal and other.rule == grant.rule for other in shelf.grants.values()):
                raise GrantExists(scope=grant.rule.scope, pattern=grant.rule.pattern)
            shelf.grants[grant.id] = grant
        case KeyAdded(key, digest):
            shelf.keys[key.id] = key
            shelf.digests[key.id] = digest


def _revoke(shelf: _Shelf, change: KeysRevoked) -> None:
    for key in list(shelf.keys.values()):
        ours = key.tenant == change.tenant and key.principal == change.principal and change.key in {None, key.id}
        if ours and key.revoked is None:
            shelf.keys[key.id] = replace(key, revoked=change.at)


def _owned(item: Stored | None, tenant: TenantId) -> Stored | None:
    return item if item is not None and getattr(item, "tenant", None) == tenant else None


def _given(change: TenantChanged | AgentChanged, *names: str) -> dict[str, Any]:
    """Return what a change sets, by the names of fields."""
    return {name: value for name in names if (value := getattr(change, name)) is not None}
