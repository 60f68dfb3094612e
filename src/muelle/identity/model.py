"""Who acts, and what they may do. Pure: no clock, no database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from typing import Generic, Literal, TypeVar

import msgspec

from muelle.core import AuditId, Forbidden, GrantId, Invalid, KeyId, PrincipalId, TenantId
from muelle.identity.limiting.model import Rates

Kind = Literal["user", "agent", "service"]
Decision = Literal["allowed", "refused"]
T = TypeVar("T")

DEFAULT_TENANT = TenantId("default")  # the operator's own: it alone manages tenants, and strangers' acts are its record
OWNER = "admin"

SCOPES: Mapping[str, str] = {
    "workflows:run": "Run documents. Resource: the workflow's id.",
    "workflows:validate": "Check documents without running them. Resource: the workflow's id.",
    "workflows:read": "See saved workflows (who may run or write one needs no grant). Resource: the workflow's name.",
    "workflows:write": "Publish saved workflows, set aliases, deprecate, withdraw. Resource: the workflow's name.",
    "runs:read": "Read runs of others in the same tenant (one's own need no grant). Resource: the id of who ran them.",
    "runs:write": "Cancel, pause and re-run runs of others in the same tenant. Resource: the id of who ran them.",
    "jobs:run": "Hand in jobs of packs and applications. Resource: the job's name.",
    "queue:read": "See what waits in the queue, and the workers. Resource: '*'.",
    "approvals:answer": "Answer approvals that runs wait for. Resource: the workflow's id.",
    "operations:use": "Use a type of operation. Resource: its name, such as ApiCall.",
    "apis:call": "Call a registered Api. Resource: 'API METHOD /path', such as 'crm GET /contacts/*'.",
    "hosts:call": "Call a host that no registered Api describes. Resource: 'host' or 'host:port'.",
    "credentials:use": "Have a credential put into a call. Resource: its id.",
    "storage:read": "Read what StoreData kept. Resource: 'space/key'.",
    "storage:write": "Keep things by StoreData. Resource: 'space/key'.",
    "knowledge:read": "Find what documents of a knowledge base say, and list them. Resource: the base's name.",
    "knowledge:write": "Add and remove documents of a knowledge base. Resource: the base's name.",
    "tools:call": "Call a tool. Resource: its name.",
    "schedules:read": "See schedules of others in the same tenant (one's own need no grant). Resource: its id.",
    "schedules:write": "Add, change, pause, run and remove schedules. Resource: its id.",
    "triggers:read": "See triggers and what became of their events. Resource: its name.",
    "triggers:write": "Add, change, enable and remove triggers, and rotate their secrets. Resource: its name.",
    "queries:run": "Run a registered query. Resource: its name.",
    "identity:manage": "Manage agents, keys, grants, and who has which role. Resource: the agent's name.",
    "roles:manage": "Add, change and remove roles. Resource: the role's name.",
    "domains:manage": "Add, verify and remove the tenant's domains. Resource: the domain.",
    "apis:manage": "Register, change and remove Apis. Resource: the Api's id.",
    "credentials:manage": "Keep, replace and remove credentials. Resource: its id.",
    "databases:manage": "Register and remove databases, and queries on them. Resource: the database's id.",
    "tenants:manage": "Change the tenant's limits and allowed addresses. Resource: the tenant's id.",
    "audit:read": "Read the audit record. Resource: '*'.",
    "cache:read": "See how often kept answers were given again. Resource: '*'.",
    "cache:clear": "Throw kept answers away. Resource: the Api's id, or '*' for all others too.",
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

    __slots__ = ("_exact", "_globs", "_rules", "_whole")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._whole = frozenset(rule.scope for rule in self._rules if rule.pattern == "*")
        self._exact = frozenset((rule.scope, rule.pattern) for rule in self._rules if "*" not in rule.pattern)
        self._globs: dict[str, list[tuple[str, str]]] = {}  # with what each begins: most are ruled out by that
        for rule in self._rules:
            if "*" in rule.pattern and rule.pattern != "*":
                self._globs.setdefault(rule.scope, []).append((rule.pattern.split("*", 1)[0], rule.pattern))

    def has(self, scope: str) -> bool:
        """Tell whether any grant is of this scope, whatever it covers."""
        return any(rule.scope in (scope, "*") for rule in self._rules)

    def allow(self, scope: str, resource: str) -> bool:
        """Tell whether a grant covers `resource` for `scope`; the scope `*` covers every scope.

        Given a pattern for a resource it tells whether one grant covers all that the pattern covers: a grant's own
        text has `*` as wildcard only, so a `*` in `resource` can be covered by nothing but a wildcard.
        """
        if scope in self._whole or "*" in self._whole:
            return True
        if (scope, resource) in self._exact or ("*", resource) in self._exact:
            return True
        for key in (scope, "*"):
            for beginning, pattern in self._globs.get(key, ()):
                if resource.startswith(beginning) and matches(pattern, resource):
                    return True
        return False

    def __iter__(self) -> Iterator[Rule]:
        """Iterate in the order in which they were granted."""
        return iter(self._rules)

    def __repr__(self) -> str:
        """Return the rules as text."""
        return f"Rules({list(self._rules)!r})"


def confined(rules: Rules, to: Iterable[Rule] | None) -> Rules:
    """Return what both allow: a principal's rules, and those that its key is confined to; None confines nothing.

    Of two patterns that overlap, and of which neither covers the other, nothing is left.
    """
    if to is None:
        return rules
    bounds = Rules(to)
    inside = [rule for rule in bounds if rules.allow(rule.scope, rule.pattern)]
    return Rules(dict.fromkeys([*inside, *(rule for rule in rules if bounds.allow(rule.scope, rule.pattern))]))


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something is allowed or not: the rule that decides, or else the nearest one of that scope, if any.

    `origin` is where that rule comes from: the id of a grant, or `role:NAME`.
    """

    allowed: bool
    rule: Rule | None
    nearest: Rule | None
    origin: str = ""


def explain(principal: "Principal", scope: str, resource: str) -> Explanation:
    """Tell which grant lets `principal` do `scope` on `resource`, or which one comes nearest."""
    return explain_rules(principal.rules, scope, resource)


def explain_rules(rules: Rules, scope: str, resource: str) -> Explanation:
    """Tell which rule covers `resource` for `scope`, or which one comes nearest."""
    candidates = [rule for rule in rules if rule.scope in {scope, "*"}]
    for rule in candidates:
        if matches(rule.pattern, resource):
            return Explanation(allowed=True, rule=rule, nearest=None)
    nearest = max(candidates, key=lambda rule: _likeness(rule.pattern, resource), default=None)
    return Explanation(allowed=False, rule=None, nearest=nearest)


def _likeness(pattern: str, resource: str) -> float:
    return SequenceMatcher(a=pattern, b=resource, autojunk=False).ratio()


def bounded(tenant: Mapping[str, float], agent: Mapping[str, float]) -> dict[str, float]:
    """Return an agent's limits within its tenant's: where both name one, the smaller holds."""
    both = {name: min(agent[name], tenant[name]) for name in agent.keys() & tenant.keys()}
    return {**tenant, **agent, **both}


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
    rates: Rates = field(default_factory=Rates, compare=False, repr=False)
    quotas: Mapping[str, float] = field(default_factory=dict, compare=False)  # of its tenant

    def most(self, quota: str, otherwise: int) -> int:
        """Return how many of a kind its tenant may have: by its quota, and no more than what holds otherwise."""
        return int(min(self.quotas.get(quota, otherwise), otherwise))

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
    rules: tuple[Rule, ...] | None = None  # what it is confined to; None is all that its agent may do


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A stored rule."""

    id: GrantId
    tenant: TenantId
    principal: PrincipalId
    rule: Rule
    created: datetime


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did or tried to do: a row of the audit record. `detail` never holds a secret.

    A Struct, for each request makes one, and a data class takes five times as long.
    """

    id: AuditId
    tenant: TenantId
    principal: PrincipalId | None
    action: str
    resource: str
    decision: Decision
    at: datetime
    request: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `next` is the cursor of what follows, or None at the end."""

    items: tuple[T, ...]
    next: str | None = None
