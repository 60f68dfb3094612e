"""What the HTTP routes of identity take and give. The OpenAPI document is made from these types."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.identity.checks import MAX_ADDRESSES, MAX_PATTERN, MAX_TEXT
from muelle.identity.keys import IssuedKey
from muelle.identity.model import SCOPES, Act, Agent, Decision, Explanation, Grant, Key, Kind, Principal, Rule, Tenant
from muelle.identity.presets import PRESETS

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
_TIME = {"format": "date-time"}

Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema=_TIME)]
Limits = Annotated[
    dict[str, Annotated[float, Meta(gt=0)]],
    Meta(description="Bounds of a run by name, such as run_seconds; they replace all that were there."),
]
Pattern = Annotated[str, Meta(min_length=1, max_length=MAX_PATTERN, description="Literals, and * for anything.")]
Scope = Annotated[
    str,
    Meta(description="What is allowed, or * for everything.", extra_json_schema={"enum": [*SCOPES, "*"]}),
]
Preset = Annotated[str, Meta(description="A bundle of grants.", extra_json_schema={"enum": sorted(PRESETS)})]
Networks = Annotated[
    list[Annotated[str, Meta(max_length=100)]],
    Meta(max_length=MAX_ADDRESSES, description="Networks that calls may reach though they are not public."),
]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: what nobody declared is an error."""


class NewAgent(_Strict, frozen=True, kw_only=True):
    """An agent to add."""

    name: Name
    description: Text = ""
    kind: Kind = "agent"
    limits: Limits = {}
    preset: Preset | None = None


class AgentUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there."""

    description: Text | UnsetType = UNSET
    limits: Limits | UnsetType = UNSET


class NewRule(_Strict, frozen=True, kw_only=True):
    """Something that a key is confined to."""

    scope: Scope
    pattern: Pattern


class NewKey(_Strict, frozen=True, kw_only=True):
    """A key to issue; without `expires` it opens until it is revoked, without `rules` all that its agent may do."""

    expires: Moment | None = None
    rules: Annotated[list[NewRule], Meta(max_length=1000)] | None = None


class NewGrant(_Strict, frozen=True, kw_only=True):
    """Something that an agent shall be allowed."""

    scope: Scope
    pattern: Pattern


class NewTenantBody(_Strict, frozen=True, kw_only=True):
    """A tenant to add."""

    id: Name
    name: Text = ""
    limits: Limits = {}
    addresses: Networks = []


class TenantUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there."""

    name: Text | UnsetType = UNSET
    limits: Limits | UnsetType = UNSET
    addresses: Networks | UnsetType = UNSET


class AgentShape(msgspec.Struct, frozen=True, kw_only=True):
    """An agent."""

    id: str
    name: str
    kind: Kind
    description: str
    created_at: Moment
    disabled: bool
    limits: Mapping[str, float]


class KeyShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key as it is listed; `hint` is how it ends. `key`, the key itself, is there once, when it is issued."""

    id: str
    hint: str
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    rules: "tuple[RuleShape, ...] | UnsetType" = UNSET
    key: str | UnsetType = UNSET


class GrantShape(msgspec.Struct, frozen=True, kw_only=True):
    """A grant."""

    id: str
    scope: str
    pattern: str
    created_at: Moment


class RuleShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a grant allows."""

    scope: str
    pattern: str


class ExplanationShape(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something is allowed: the rule that decides, or the one that comes nearest.

    `origin` says where that rule comes from: the id of a grant, or `role:NAME`.
    """

    allowed: bool
    rule: RuleShape | None
    nearest: RuleShape | None
    origin: str


class TenantShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tenant. `owner_key`, its owner's key, is there once, when the tenant is added."""

    id: str
    name: str
    created_at: Moment
    limits: Mapping[str, float]
    addresses: tuple[str, ...]
    owner_key: str | UnsetType = UNSET


class ActShape(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the audit record."""

    id: str
    at: Moment
    agent_id: str | None
    action: str
    resource: str
    decision: Decision
    request_id: str
    detail: str


class PrincipalShape(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may do."""

    id: str
    name: str
    kind: Kind
    tenant: str
    key_id: str | None
    limits: Mapping[str, float]
    grants: tuple[RuleShape, ...]


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page: send `next_cursor` as `cursor` for what follows; it is null at the end."""

    count: int
    next_cursor: str | None


class AgentPage(_Listed, frozen=True, kw_only=True):
    """A page of agents."""

    agents: tuple[AgentShape, ...]


class KeyPage(_Listed, frozen=True, kw_only=True):
    """A page of keys."""

    keys: tuple[KeyShape, ...]


class GrantPage(_Listed, frozen=True, kw_only=True):
    """A page of grants."""

    grants: tuple[GrantShape, ...]


class TenantPage(_Listed, frozen=True, kw_only=True):
    """A page of tenants."""

    tenants: tuple[TenantShape, ...]


class ActPage(_Listed, frozen=True, kw_only=True):
    """A page of the audit record."""

    acts: tuple[ActShape, ...]


def given(value: Any) -> Any:  # noqa: ANN401 - a field of a body
    """Return a field of an update, or None if it was not sent."""
    return None if value is UNSET else value


def agent_shape(agent: Agent) -> AgentShape:
    """Return an agent as it is shown."""
    return AgentShape(
        id=agent.id,
        name=agent.name,
        kind=agent.kind,
        description=agent.description,
        created_at=agent.created,
        disabled=agent.disabled,
        limits=agent.limits,
    )


def key_shape(key: Key) -> KeyShape:
    """Return a key as it is listed."""
    return KeyShape(
        id=key.id,
        hint=key.hint,
        created_at=key.created,
        expires_at=key.expires,
        revoked_at=key.revoked,
        rules=UNSET if key.rules is None else tuple(map(rule_shape, key.rules)),
    )


def issued_shape(issued: IssuedKey) -> KeyShape:
    """Return a new key with its text, which is shown this once."""
    return msgspec.structs.replace(key_shape(issued.key), key=issued.text.reveal())


def grant_shape(grant: Grant) -> GrantShape:
    """Return a grant as it is shown."""
    return GrantShape(id=grant.id, scope=grant.rule.scope, pattern=grant.rule.pattern, created_at=grant.created)


def rule_shape(rule: Rule) -> RuleShape:
    """Return a rule as it is shown."""
    return RuleShape(scope=rule.scope, pattern=rule.pattern)


def explanation_shape(explanation: Explanation) -> ExplanationShape:
    """Return an explanation as it is shown."""
    return ExplanationShape(
        allowed=explanation.allowed,
        rule=rule_shape(explanation.rule) if explanation.rule else None,
        nearest=rule_shape(explanation.nearest) if explanation.nearest else None,
        origin=explanation.origin,
    )


def tenant_shape(tenant: Tenant, owner_key: str | UnsetType = UNSET) -> TenantShape:
    """Return a tenant as it is shown."""
    return TenantShape(
        id=tenant.id,
        name=tenant.name,
        created_at=tenant.created,
        limits=tenant.limits,
        addresses=tenant.addresses,
        owner_key=owner_key,
    )


def act_shape(act: Act) -> ActShape:
    """Return an act as it is shown."""
    return ActShape(
        id=act.id,
        at=act.at,
        agent_id=act.principal,
        action=act.action,
        resource=act.resource,
        decision=act.decision,
        request_id=act.request,
        detail=act.detail,
    )


def principal_shape(principal: Principal) -> PrincipalShape:
    """Return a principal as it is shown to itself."""
    return PrincipalShape(
        id=principal.id,
        name=principal.name,
        kind=principal.kind,
        tenant=principal.tenant,
        key_id=principal.key,
        limits=principal.limits,
        grants=tuple(map(rule_shape, principal.rules)),
    )
