"""What a store of identities is asked for: changes as values, and the port that writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from muelle.core import GrantId, KeyId, PrincipalId, TenantId
from muelle.identity.domains.model import Domain, DomainChange
from muelle.identity.limiting.model import LimitReset, LimitRule, LimitSet
from muelle.identity.model import Act, Agent, Grant, Key, Tenant
from muelle.identity.roles.model import Membership, Role, RoleChange

Stored = TypeVar("Stored", Tenant, Agent, Key, Grant, LimitRule, Role, Membership, Domain)


@dataclass(frozen=True, slots=True)
class TenantAdded:
    """A tenant is there; conflicts with one of the same id."""

    tenant: Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChanged:
    """What is not None replaces what was there."""

    tenant: TenantId
    name: str | None = None
    limits: Mapping[str, float] | None = None
    addresses: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AgentAdded:
    """An agent is there; conflicts with one of the same name in the tenant."""

    agent: Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChanged:
    """What is not None replaces what was there."""

    tenant: TenantId
    agent: PrincipalId
    description: str | None = None
    limits: Mapping[str, float] | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class KeyAdded:
    """A key is there; `digest` is the SHA-256 of its secret part."""

    key: Key
    digest: bytes


@dataclass(frozen=True, slots=True)
class KeysRevoked:
    """One key of a principal, or all for None, opens nothing from `at` on; one revoked before keeps its time."""

    tenant: TenantId
    principal: PrincipalId
    key: KeyId | None
    at: datetime


@dataclass(frozen=True, slots=True)
class GrantAdded:
    """A grant is there; conflicts with the same rule of the same agent."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class GrantRevoked:
    """A grant is gone."""

    tenant: TenantId
    grant: GrantId


Change = (
    TenantAdded
    | TenantChanged
    | AgentAdded
    | AgentChanged
    | KeyAdded
    | KeysRevoked
    | GrantAdded
    | GrantRevoked
    | LimitSet
    | LimitReset
    | RoleChange
    | DomainChange
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What to find, in the order of ids: all that is given must hold.

    `tenant` None spans all tenants; only the operator's verbs on tenants ask so.
    """

    tenant: TenantId | None
    id: str | None = None
    name: str | None = None
    principal: PrincipalId | None = None
    after: str | None = None
    limit: int = 1


@dataclass(frozen=True, slots=True)
class KeyOnFile:
    """What is stored about a key that somebody shows."""

    key: Key
    digest: bytes
    agent: Agent
    tenant: Tenant


class IdentityStore(Protocol):
    """Where tenants, agents, keys and grants are kept."""

    async def lookup(self, key: KeyId) -> KeyOnFile | None:
        """Return a key with its agent and tenant, or None."""
        ...

    async def find(self, kind: type[Stored], where: Where) -> list[Stored]:
        """Return what is stored of one kind."""
        ...

    async def write(self, changes: Sequence[Change], act: Act) -> None:
        """Make all changes, record the act and move the epoch on, in one transaction, or do nothing.

        Raises TenantExists, AgentExists or GrantExists.
        """
        ...

    async def epoch(self) -> int:
        """Return a number that every write has moved."""
        ...
