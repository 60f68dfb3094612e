"""Identities and the audit record on a Database."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from muelle.core import AuditId, GrantId, KeyId, PrincipalId, TenantId
from muelle.identity.audit import AuditFilter, cleaned_texts, cursor_after, page_size, read_cursor
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
from muelle.identity.checks import is_clean
from muelle.identity.domains import store as domain_rows
from muelle.identity.domains.model import Domain, DomainAdded, DomainRemoved, DomainVerified
from muelle.identity.errors import AgentExists, GrantExists, TenantExists
from muelle.identity.limiting import store as limit_rows
from muelle.identity.limiting.model import LimitReset, LimitRule, LimitSet
from muelle.identity.model import Act, Agent, Grant, Key, Page, Rule, Tenant
from muelle.identity.roles import store as role_rows
from muelle.identity.roles.model import (
    Membership,
    Role,
    RoleAdded,
    RoleChanged,
    RoleGiven,
    RoleRemoved,
    RoleTaken,
    Within,
)
from muelle.identity.times import micros, moment
from muelle.stores import Database, Row, SqlValue, Statement, Transaction

_ADD_ACT = (
    "INSERT INTO identity_acts (id, tenant, principal, action, resource, decision, at, request, detail)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_ADD_TENANT = (
    "INSERT INTO identity_tenants (id, name, created, limits, addresses) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_ADD_AGENT = (
    "INSERT INTO identity_agents (id, tenant, name, kind, description, created, disabled, limits)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING"
)
_ADD_KEY = (
    "INSERT INTO identity_keys (id, tenant, principal, hint, created, expires, revoked, rules, digest)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_GRANT = (
    "INSERT INTO identity_grants (id, tenant, principal, scope, pattern, created)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (principal, scope, pattern) DO NOTHING"
)
_CHANGE_TENANT = (
    "UPDATE identity_tenants SET name = COALESCE(?, name), limits = COALESCE(?, limits),"
    " addresses = COALESCE(?, addresses) WHERE id = ?"
)
_CHANGE_AGENT = (
    "UPDATE identity_agents SET description = COALESCE(?, description), limits = COALESCE(?, limits),"
    " disabled = COALESCE(?, disabled) WHERE tenant = ? AND id = ?"
)
_REVOKE_KEYS = "UPDATE identity_keys SET revoked = ? WHERE tenant = ? AND principal = ? AND revoked IS NULL"
_REVOKE_GRANT = "DELETE FROM identity_grants WHERE tenant = ? AND id = ?"
_MOVE_EPOCH = "UPDATE identity_epoch SET epoch = epoch + 1"

_TENANT = ("id", "name", "created", "limits", "addresses")
_AGENT = ("id", "tenant", "name", "kind", "description", "created", "disabled", "limits")
_KEY = ("id", "tenant", "principal", "hint", "created", "expires", "revoked", "rules")
_GRANT = ("id", "tenant", "principal", "scope", "pattern", "created")
_ACT = ("id", "tenant", "principal", "action", "resource", "decision", "at", "request", "detail")

_LOOKUP = (
    "SELECT k.digest, "  # noqa: S608 - joined from the names of columns above, no values
    + ", ".join([f"k.{name}" for name in _KEY] + [f"a.{name}" for name in _AGENT] + [f"t.{name}" for name in _TENANT])
    + " FROM identity_keys k JOIN identity_agents a ON a.id = k.principal JOIN identity_tenants t ON t.id = k.tenant"
    " WHERE k.id = ?"
)


class SqlIdentityStore:
    """Tenants, agents, keys and grants in a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lookup(self, key: KeyId) -> KeyOnFile | None:
        """Return a key with its agent and tenant, or None; one query."""
        rows = await self._database.fetch(_LOOKUP, key)
        if not rows:
            return None
        row = rows[0]
        agents, tenants = 1 + len(_KEY), 1 + len(_KEY) + len(_AGENT)
        return KeyOnFile(
            _key(row[1:agents]), bytes.fromhex(row[0]), _agent(row[agents:tenants]), _tenant(row[tenants:])
        )

    async def find(self, kind: type[Stored], where: Where) -> list[Stored]:
        """Return what is stored of one kind, in the order of ids."""
        table = _TABLES[kind]
        given: list[tuple[str, SqlValue]] = [  # pairs: where the tenant is the id, one comparison comes twice
            (f"{table.tenant} =", where.tenant),
            ("id =", where.id),
            ("name =", where.name),
            ("principal =", where.principal),
            ("id >", where.after),
        ]
        conditions, parameters = _conditions(given)
        if not _storable(parameters):
            return []
        sql = f"SELECT {', '.join(table.columns)} FROM {table.name}{conditions} ORDER BY id LIMIT ?"  # noqa: S608 - constants of this file
        rows = await self._database.fetch(sql, *parameters, where.limit)
        return cast("list[Stored]", [table.read(row) for row in rows])

    async def write(self, changes: Sequence[Change], act: Act) -> None:
        """Make all changes or none."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_MOVE_EPOCH)  # first: its row is the lock that makes writers take turns
            for change in changes:
                await _make(transaction, change)
            await transaction.execute(_ADD_ACT, *_act_row(act))

    async def epoch(self) -> int:
        """Return a number that every write has moved."""
        rows = await self._database.fetch("SELECT epoch FROM identity_epoch")
        return int(rows[0][0])


class SqlAuditTrail:
    """The audit record in a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, acts: Sequence[Act], *, flush: bool = True) -> Awaitable[None]:
        """Queue acts for the next group commit."""
        return self._database.commit([Statement(_ADD_ACT, [_act_row(act) for act in acts])], flush=flush)

    async def page(self, tenant: TenantId, where: AuditFilter, limit: int = 50, cursor: str | None = None) -> Page[Act]:
        """Return acts of a tenant, newest first."""
        page_size(limit)
        given: list[tuple[str, SqlValue]] = [
            ("tenant =", tenant),
            ("principal =", where.principal),
            ("action =", where.action),
            (f"substr(resource, 1, {len(where.resource or '')}) =", where.resource),
            ("request =", where.request),
            ("decision =", where.decision),
            ("at >=", None if where.since is None else micros(where.since)),
            ("at <", None if where.until is None else micros(where.until)),
        ]
        conditions, parameters = _conditions(given)
        if not _storable(parameters):
            return Page(())
        if cursor is not None:
            conditions += " AND (at, id) < (?, ?)"
            parameters.extend(read_cursor(cursor))
        sql = f"SELECT {', '.join(_ACT)} FROM identity_acts{conditions} ORDER BY at DESC, id DESC LIMIT ?"  # noqa: S608 - constants of this file
        acts = [_act(row) for row in await self._database.fetch(sql, *parameters, limit + 1)]
        return Page(tuple(acts[:limit]), cursor_after(acts[limit - 1]) if len(acts) > limit else None)


def _conditions(given: Sequence[tuple[str, SqlValue]]) -> tuple[str, list[SqlValue]]:
    present = [(comparison, value) for comparison, value in given if value is not None]
    sql = " AND ".join(f"{comparison} ?" for comparison, _ in present)
    return (f" WHERE {sql}" if sql else ""), [value for _, value in present]


def _storable(values: Sequence[SqlValue]) -> bool:
    """Tell whether a row may have these values: no database keeps every character, and some fail when asked for one."""
    return all(is_clean(value) for value in values if isinstance(value, str))


async def _make(transaction: Transaction, change: Change) -> None:
    match change:
        case TenantAdded() | AgentAdded() | GrantAdded() | KeyAdded():
            await _add(transaction, change)
        case TenantChanged(tenant=tenant, name=name, limits=limits, addresses=addresses):
            await transaction.execute(_CHANGE_TENANT, name, _json(limits), _json(addresses), tenant)
        case AgentChanged(tenant=tenant, agent=agent):
            disabled = None if change.disabled is None else int(change.disabled)
            values = (change.description, _json(change.limits), disabled)
            await transaction.execute(_CHANGE_AGENT, *values, tenant, agent)
        case KeysRevoked(tenant, principal, None, at):
            await transaction.execute(_REVOKE_KEYS, micros(at), tenant, principal)
        case KeysRevoked(tenant, principal, key, at):
            await transaction.execute(f"{_REVOKE_KEYS} AND id = ?", micros(at), tenant, principal, key)
        case GrantRevoked(tenant, grant):
            await transaction.execute(_REVOKE_GRANT, tenant, grant)
        case RoleAdded() | RoleChanged() | RoleRemoved() | RoleGiven() | RoleTaken() | Within():
            await role_rows.make(transaction, change)
        case DomainAdded() | DomainVerified() | DomainRemoved():
            await domain_rows.make(transaction, change)
        case LimitSet() | LimitReset():
            await limit_rows.make(transaction, change)


async def _add(transaction: Transaction, change: TenantAdded | AgentAdded | GrantAdded | KeyAdded) -> None:
    match change:
        case TenantAdded(tenant):
            if not await transaction.execute(_ADD_TENANT, *_tenant_row(tenant)):
                raise TenantExists(tenant=tenant.id)
        case AgentAdded(agent):
            if not await transaction.execute(_ADD_AGENT, *_agent_row(agent)):
                raise AgentExists(agent=agent.name)
        case GrantAdded(grant):
            if not await transaction.execute(_ADD_GRANT, *_grant_row(grant)):
                raise GrantExists(scope=grant.rule.scope, pattern=grant.rule.pattern)
        case KeyAdded(key, digest):
            await transaction.execute(_ADD_KEY, *_key_row(key), digest.hex())


def _json(value: Mapping[str, float] | tuple[str, ...] | list[tuple[str, str]] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _tenant_row(tenant: Tenant) -> tuple[SqlValue, ...]:
    return tenant.id, tenant.name, micros(tenant.created), _json(tenant.limits), _json(tenant.addresses)


def _agent_row(agent: Agent) -> tuple[SqlValue, ...]:
    begun, limits = micros(agent.created), _json(agent.limits)
    return (
        agent.id, agent.tenant, agent.name, agent.kind, agent.description, begun, int(agent.disabled), limits
    )  # fmt: skip


def _key_row(key: Key) -> tuple[SqlValue, ...]:
    expires = None if key.expires is None else micros(key.expires)
    revoked = None if key.revoked is None else micros(key.revoked)
    rules = None if key.rules is None else _json([(rule.scope, rule.pattern) for rule in key.rules])
    return key.id, key.tenant, key.principal, key.hint, micros(key.created), expires, revoked, rules


def _grant_row(grant: Grant) -> tuple[SqlValue, ...]:
    return grant.id, grant.tenant, grant.principal, grant.rule.scope, grant.rule.pattern, micros(grant.created)


def _act_row(act: Act) -> tuple[SqlValue, ...]:
    resource, request, detail = cleaned_texts(act)
    return (
        act.id, act.tenant, act.principal, act.action, resource, act.decision, micros(act.at), request, detail
    )  # fmt: skip


def _tenant(row: Row) -> Tenant:
    return Tenant(
        id=TenantId(row[0]),
        name=row[1],
        created=moment(row[2]),
        limits=msgspec.json.decode(row[3]),
        addresses=tuple(msgspec.json.decode(row[4])),
    )


def _agent(row: Row) -> Agent:
    return Agent(
        id=PrincipalId(row[0]),
        tenant=TenantId(row[1]),
        name=row[2],
        kind=row[3],
        description=row[4],
        created=moment(row[5]),
        disabled=bool(row[6]),
        limits=msgspec.json.decode(row[7]),
    )


def _key(row: Row) -> Key:
    return Key(
        id=KeyId(row[0]),
        tenant=TenantId(row[1]),
        principal=PrincipalId(row[2]),
        hint=row[3],
        created=moment(row[4]),
        expires=None if row[5] is None else moment(row[5]),
        revoked=None if row[6] is None else moment(row[6]),
        rules=None if row[7] is None else tuple(Rule(*rule) for rule in msgspec.json.decode(row[7])),
    )


def _grant(row: Row) -> Grant:
    return Grant(
        id=GrantId(row[0]),
        tenant=TenantId(row[1]),
        principal=PrincipalId(row[2]),
        rule=Rule(row[3], row[4]),
        created=moment(row[5]),
    )


def _act(row: Row) -> Act:
    return Act(
        id=AuditId(row[0]),
        tenant=TenantId(row[1]),
        principal=None if row[2] is None else PrincipalId(row[2]),
        action=row[3],
        resource=row[4],
        decision=row[5],
        at=moment(row[6]),
        request=row[7],
        detail=row[8],
    )


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    tenant: str
    read: Callable[[Row], Tenant | Agent | Key | Grant | LimitRule | Role | Membership | Domain]


_TABLES: Mapping[type[Any], _Table] = {
    Tenant: _Table("identity_tenants", _TENANT, "id", _tenant),
    Agent: _Table("identity_agents", _AGENT, "tenant", _agent),
    Key: _Table("identity_keys", _KEY, "tenant", _key),
    Grant: _Table("identity_grants", _GRANT, "tenant", _grant),
    Role: _Table(role_rows.ROLES, role_rows.ROLE_COLUMNS, "tenant", role_rows.read_role),
    Membership: _Table(role_rows.MEMBERS, role_rows.MEMBER_COLUMNS, "tenant", role_rows.read_member),
    Domain: _Table(domain_rows.TABLE, domain_rows.COLUMNS, "tenant", domain_rows.read),
    LimitRule: _Table(limit_rows.TABLE, limit_rows.COLUMNS, "tenant", limit_rows.read),
}
