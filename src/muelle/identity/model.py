"""Who acts, and what they may do. Pure: no clock, no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from muelle.core import AuditId, Forbidden, GrantId, Invalid, KeyId, PrincipalId, TenantId

Kind = Literal["user", "agent", "service"]
Decision = Literal["allowed", "refused"]

SCOPES: Mapping[str, str] = {
    "workflows:run": "Run documents. Resource: the workflow's id.",
    "workflows:validate": "Check documents without running them. Resource: the workflow's id.",
    "runs:read": "Read runs of others in the same tenant (one's own need no grant). Resource: the principal's name.",
    "operations:use": "Use a type of operation. Resource: its name, such as ApiCall.",
    "apis:call": "Call a registered Api. Resource: 'API METHOD /path', such as 'crm GET /contacts/*'.",
    "hosts:call": "Call a host that no registered Api describes. Resource: 'host' or 'host:port'.",
    "credentials:use": "Have a credential put into a call. Resource: its id.",
    "storage:read": "Read what StoreData kept. Resource: 'space/key'.",
    "storage:write": "Keep things by StoreData. Resource: 'space/key'.",
    "tools:call": "Call a tool. Resource: its name.",
    "identity:manage": "Manage agents, keys and grants. Resource: the agent's name.",
    "apis:manage": "Register, change and remove Apis. Resource: the Api's id.",
    "credentials:manage": "Keep, replace and remove credentials. Resource: its id.",
    "tenants:manage": "Change the tenant's limits and allowed addresses. Resource: the tenant's id.",
    "audit:read": "Read the audit record. Resource: '*'.",
    "metrics:read": "Read metrics. Resource: '*'.",
}


class UnknownScope(Invalid):
    """There is no such scope."""

    code = "unknown_scope"


class Refused(Forbidden):
    """No grant of this principal allows that."""

    code = "refused"


@dataclass(frozen=True, slots=True)
class Rule:
    """A scope and a resource pattern, in which `*` stands for any run of characters."""

    scope: str
    pattern: str


def matches(pattern: str, resource: str) -> bool:
    """Tell whether a pattern of literals and `*` covers all of `resource`, in linear time and without regex."""
    if "*" not in pattern:
        return pattern == resource
    first, *middle, last = pattern.split("*")
    if not resource.startswith(first) or len(resource) < len(first) + len(last) or not resource.endswith(last):
        return False
    position, end = len(first), len(resource) - len(last)
    for part in middle:
        found = resource.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


class Rules:
    """A principal's grants, indexed by scope. Empty means: nothing is allowed."""

    __slots__ = ("_patterns",)

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        patterns: dict[str, list[str]] = {}
        for rule in rules:
            patterns.setdefault(rule.scope, []).append(rule.pattern)
        self._patterns = patterns

    def allow(self, scope: str, resource: str) -> bool:
        """Tell whether a grant covers `resource` for `scope`; the scope `*` covers every scope."""
        for key in (scope, "*"):
            for pattern in self._patterns.get(key, ()):
                if pattern == "*" or matches(pattern, resource):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts, as verified by a credential; `limits` override the tenant's bounds, which are merged in already."""

    id: PrincipalId
    kind: Kind
    name: str
    tenant: TenantId
    rules: Rules
    limits: Mapping[str, float] = field(default_factory=dict)
    key: KeyId | None = None

    def may(self, scope: str, resource: str) -> bool:
        """Tell whether this principal may do `scope` on `resource`."""
        return self.rules.allow(scope, resource)

    def require(self, scope: str, resource: str) -> None:
        """Raise Refused unless this principal may do `scope` on `resource`."""
        if not self.rules.allow(scope, resource):
            raise Refused(scope=scope, resource=resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The boundary of data, limits and money; `addresses` are networks that its calls may reach though private."""

    id: TenantId
    name: str
    created: datetime
    limits: Mapping[str, float] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A stored principal."""

    id: PrincipalId
    tenant: TenantId
    name: str
    kind: Kind
    description: str
    created: datetime
    disabled: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key as it is listed; `hint` is its last four characters, the key itself is stored only as a hash."""

    id: KeyId
    tenant: TenantId
    principal: PrincipalId
    hint: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A stored rule."""

    id: GrantId
    tenant: TenantId
    principal: PrincipalId
    rule: Rule
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did or tried to do: a row of the audit record. `detail` never holds a secret."""

    id: AuditId
    tenant: TenantId
    principal: PrincipalId | None
    action: str
    resource: str
    decision: Decision
    at: datetime
    request: str = ""
    detail: str = ""
