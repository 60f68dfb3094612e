"""What the HTTP routes of roles take and give."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.identity.roles.model import BUILT_IN, MAX_RULES, Membership, Role
from muelle.identity.shapes import Moment, Name, Pattern, RuleShape, Scope, Text, rule_shape


class RuleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role allows."""

    scope: Scope
    pattern: Pattern


RuleBodies = Annotated[list[RuleBody], Meta(min_length=1, max_length=MAX_RULES)]


class NewRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role to add."""

    name: Name
    description: Text = ""
    rules: RuleBodies


class RoleUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given replaces what was there."""

    description: Text | UnsetType = UNSET
    rules: RuleBodies | UnsetType = UNSET


class RoleShape(msgspec.Struct, frozen=True, kw_only=True):
    """A role."""

    name: str
    description: str
    built_in: bool
    created_at: Moment
    rules: tuple[RuleShape, ...]


class MembershipShape(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has a role."""

    agent_id: str
    role: str


class RolePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the tenant's own roles; send `next_cursor` as `cursor` for what follows."""

    count: int
    next_cursor: str | None
    roles: tuple[RoleShape, ...]


class MembershipPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of memberships; send `next_cursor` as `cursor` for what follows."""

    count: int
    next_cursor: str | None
    members: tuple[MembershipShape, ...]


class AgentRoles(msgspec.Struct, frozen=True, kw_only=True):
    """The roles of an agent."""

    roles: tuple[str, ...]


def role_shape(role: Role) -> RoleShape:
    """Return a role as it is shown."""
    return RoleShape(
        name=role.id,
        description=role.description,
        built_in=role.id in BUILT_IN,
        created_at=role.created,
        rules=tuple(map(rule_shape, role.rules)),
    )


def membership_shape(member: Membership) -> MembershipShape:
    """Return a membership as it is shown."""
    return MembershipShape(agent_id=member.principal, role=member.role)


def pairs(rules: list[RuleBody]) -> list[tuple[str, str]]:
    """Return rules as pairs of scope and pattern."""
    return [(rule.scope, rule.pattern) for rule in rules]
