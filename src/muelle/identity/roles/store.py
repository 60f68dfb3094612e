"""The SQL of roles and memberships, and what both kinds of store do with their changes."""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import assert_never

import msgspec

from muelle.core import PrincipalId, TenantId
from muelle.identity.errors import QuotaExceeded, RoleExists, RoleNotFound
from muelle.identity.model import Rule
from muelle.identity.roles.model import (
    BUILT_IN,
    Membership,
    Quota,
    Role,
    RoleAdded,
    RoleChange,
    RoleChanged,
    RoleGiven,
    RoleRemoved,
    RoleTaken,
    Within,
)
from muelle.identity.times import micros, moment
from muelle.stores import Row, Transaction

ROLES, MEMBERS = "identity_roles", "identity_members"
ROLE_COLUMNS = ("id", "tenant", "description", "rules", "created")
MEMBER_COLUMNS = ("tenant", "principal", "role")
_ADD = (
    "INSERT INTO identity_roles (id, tenant, description, rules, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_CHANGE = (
    "UPDATE identity_roles SET description = COALESCE(?, description), rules = COALESCE(?, rules)"
    " WHERE tenant = ? AND id = ?"
)
_THERE = "SELECT 1 FROM identity_roles WHERE tenant = ? AND id = ?"
_REMOVE = "DELETE FROM identity_roles WHERE tenant = ? AND id = ?"
_LEAVE = "DELETE FROM identity_members WHERE tenant = ? AND role = ?"
_GIVE = "INSERT INTO identity_members (id, tenant, principal, role) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_TAKE = "DELETE FROM identity_members WHERE tenant = ? AND principal = ? AND role = ?"
_COUNTS: dict[Quota, str] = {
    "max_agents": "SELECT count(*) FROM identity_agents WHERE tenant = ?",
    "max_keys": "SELECT count(*) FROM identity_keys WHERE tenant = ? AND revoked IS NULL",
    "max_roles": "SELECT count(*) FROM identity_roles WHERE tenant = ?",
}


async def make(transaction: Transaction, change: RoleChange) -> None:
    """Make a change; raise RoleExists or QuotaExceeded."""
    match change:
        case RoleAdded(role):
            values = (role.id, role.tenant, role.description, _json(role.rules), micros(role.created))
            if not await transaction.execute(_ADD, *values):
                raise RoleExists(role=role.id)
        case RoleChanged(tenant=tenant, role=name):
            rules = None if change.rules is None else _json(change.rules)
            await transaction.execute(_CHANGE, change.description, rules, tenant, name)
        case RoleRemoved(tenant, name):
            await transaction.execute(_LEAVE, tenant, name)
            await transaction.execute(_REMOVE, tenant, name)
        case RoleGiven(given):
            if given.role not in BUILT_IN and not await transaction.fetch(_THERE, given.tenant, given.role):
                raise RoleNotFound(role=given.role)  # it was removed since it was looked up
            await transaction.execute(_GIVE, given.id, given.tenant, given.principal, given.role)
        case RoleTaken(tenant, principal, name):
            await transaction.execute(_TAKE, tenant, principal, name)
        case Within(tenant, quota, most):
            within(quota, most, int((await transaction.fetch(_COUNTS[quota], tenant))[0][0]))
        case _:
            assert_never(change)


Roles = MutableMapping[tuple[str, str], Role]
Memberships = MutableMapping[tuple[str, str], Membership]


def keep(roles: Roles, members: Memberships, change: RoleChange) -> None:
    """Make a change in memory, as `make` does; what a Within counts, its caller counts."""
    match change:
        case RoleAdded(role):
            if (role.tenant, role.id) in roles:
                raise RoleExists(role=role.id)
            roles[role.tenant, role.id] = role
        case RoleChanged(tenant=tenant, role=name) if present := roles.get((tenant, name)):
            given = {"description": change.description, "rules": change.rules}
            roles[tenant, name] = replace(present, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type] # each by its name
        case RoleRemoved(tenant, name):
            roles.pop((tenant, name), None)
            for place in [place for place, one in members.items() if (one.tenant, one.role) == (tenant, name)]:
                del members[place]
        case RoleGiven(given):
            if given.role not in BUILT_IN and (given.tenant, given.role) not in roles:
                raise RoleNotFound(role=given.role)
            members[given.tenant, given.id] = given
        case RoleTaken(tenant, principal, name):
            members.pop((tenant, f"{principal}/{name}"), None)


def within(quota: Quota, most: float, present: int) -> None:
    """Raise QuotaExceeded if there are more than may be."""
    if present > most:
        raise QuotaExceeded(quota=quota, most=most)


def read_role(row: Row) -> Role:
    """Return a role as it is stored."""
    rules = tuple(Rule(scope, pattern) for scope, pattern in msgspec.json.decode(row[3]))
    return Role(id=row[0], tenant=TenantId(row[1]), description=row[2], rules=rules, created=moment(row[4]))


def read_member(row: Row) -> Membership:
    """Return a membership as it is stored."""
    return Membership(tenant=TenantId(row[0]), principal=PrincipalId(row[1]), role=row[2])


def _json(rules: tuple[Rule, ...]) -> str:
    return msgspec.json.encode([(rule.scope, rule.pattern) for rule in rules]).decode()
