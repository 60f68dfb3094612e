"""Roles, memberships and quotas: values, and the changes that write them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from muelle.core import PrincipalId, TenantId
from muelle.identity.model import SCOPES, Rule
from muelle.identity.presets import PRESETS

MAX_RULES = 200  # of one role: all of them are read to authenticate a member
ORIGIN = "role:"  # how the id of a grant begins that a role gives

Quota = Literal["max_agents", "max_keys", "max_roles"]  # those that identity counts itself
QUOTAS: Mapping[str, str] = {
    "max_agents": "agents, users and services",
    "max_keys": "keys that are not revoked",
    "max_roles": "roles of its own",
    "max_apis": "Apis",
    "max_credentials": "credentials",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A named set of rules of a tenant; `id` is its name. What it allows, its members may do from then on."""

    id: str
    tenant: TenantId
    description: str
    rules: tuple[Rule, ...]
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Somebody has a role."""

    tenant: TenantId
    principal: PrincipalId
    role: str

    @property
    def id(self) -> str:
        """Return what orders memberships."""
        return membership_id(self.principal, self.role)


@dataclass(frozen=True, slots=True)
class RoleAdded:
    """A role is there; conflicts with one of the same name in the tenant."""

    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged:
    """What is not None replaces what was there."""

    tenant: TenantId
    role: str
    description: str | None = None
    rules: tuple[Rule, ...] | None = None


@dataclass(frozen=True, slots=True)
class RoleRemoved:
    """A role is gone, and nobody has it any more."""

    tenant: TenantId
    role: str


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """Somebody has a role; who had it already has it still."""

    membership: Membership


@dataclass(frozen=True, slots=True)
class RoleTaken:
    """Somebody has a role no more."""

    tenant: TenantId
    principal: PrincipalId
    role: str


@dataclass(frozen=True, slots=True)
class Within:
    """After the changes before it a tenant has at most so many; otherwise none of them is made."""

    tenant: TenantId
    quota: Quota
    most: float


RoleChange = RoleAdded | RoleChanged | RoleRemoved | RoleGiven | RoleTaken | Within


def membership_id(principal: str, role: str) -> str:
    """Return the id of a membership."""
    return f"{principal}/{role}"


def _all_of(*names: str) -> tuple[Rule, ...]:
    return tuple(Rule(name, "*") for name in names)


_VIEWER = (*PRESETS["reader"], *_all_of("queue:read", "metrics:read"))
_RUNS = _all_of("runs:write", "schedules:write", "triggers:write", "approvals:answer", "audit:read")
_WRITES = _all_of("workflows:write", "jobs:run", "runs:write", "schedules:write", "triggers:write", "apis:manage")
BUILT_IN: Mapping[str, tuple[Rule, ...]] = {
    "owner": (Rule("*", "*"),),
    "admin": _all_of(*(scope for scope in SCOPES if scope != "tenants:manage")),
    "developer": tuple(dict.fromkeys((*_VIEWER, *PRESETS["runner"], *_WRITES))),
    "operator": (*_VIEWER, *_RUNS),
    "viewer": _VIEWER,
}
DESCRIPTIONS: Mapping[str, str] = {
    "owner": "Everything.",
    "admin": "Everything but the tenant's own limits.",
    "developer": "Write and run workflows, register Apis; calls and credentials are granted one by one.",
    "operator": "See everything, steer runs, schedules and triggers, answer approvals, read the audit record.",
    "viewer": "See everything that is no secret, and change nothing.",
}
