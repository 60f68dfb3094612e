"""Who an account of a provider is here, and which roles it has by what the provider says."""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from muelle.core import PrincipalId, TenantId
from muelle.identity.changes import Change, Where
from muelle.identity.errors import RoleNotFound
from muelle.identity.federation.errors import NotAMember, ProviderSettingsInvalid
from muelle.identity.federation.reading import Claims
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.federation.store import Logins
from muelle.identity.model import Principal
from muelle.identity.registry import ALL, Registry, Request
from muelle.identity.roles.model import Membership, RoleGiven, RoleTaken
from muelle.identity.service import Identity
from muelle.identity.users.errors import InvalidEmail
from muelle.identity.users.model import User, checked_email, suggested_name
from muelle.identity.users.people import People, as_actor, keep_person, new_person
from muelle.identity.users.store import UserStore

_CHANCE_BYTES = 4
_LOG = logging.getLogger(__name__)
# Supabase lets everybody write this part of their own tokens, so what stands in it is no role that somebody was given.
_OWN_CLAIMS = frozenset({"user_metadata", "raw_user_meta_data"})


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody at a provider."""

    issuer: str
    subject: str


async def link(registry: Registry, logins: Logins, actor: Principal, user: User, account: Account) -> None:
    """Let an account of a provider sign in as a user; who may do that to a user holds all that the user holds.

    Raises Refused, NotHeld, LoginExists.
    """
    asked = Request(actor=actor, action="users.link", resource=user.name)
    await registry.permit(asked, "identity:manage")
    agent = await registry.agent(user.tenant, user.name)
    await registry.require_held(asked, [grant.rule for grant in await registry.grants(agent)])
    await logins.add(user, account.issuer, account.subject, registry.now())
    await registry.write(asked, [], f"{account.issuer} {account.subject}")


class Members:
    """Finds and makes the users that accounts of one provider are."""

    def __init__(self, settings: ProviderSettings, logins: Logins, users: UserStore, identity: Identity) -> None:
        self._settings = settings
        self._logins = logins
        self._users = users
        self._identity = identity

    async def principal(self, claims: Claims) -> Principal:
        """Return who that is here, with the roles that the provider gives now; raise NotAMember, DisabledAgent.

        An account is known by `iss` and `sub` alone. Nobody gets another's account by having the same address.
        """
        settings = self._settings
        found = await self._logins.find(settings.tenant, settings.issuer, claims["sub"])
        if found is None:
            found = await self._joined(claims)
        principal = await self._identity.principal(TenantId(settings.tenant), found)
        if await self._roles_changed(principal, claims):
            principal = await self._identity.principal(principal.tenant, principal.id)
        return principal

    async def _joined(self, claims: Claims) -> PrincipalId:
        if not self._settings.sign_up:
            raise NotAMember
        registry = self._identity.registry
        email, is_verified = self._address(claims)
        if await self._users.by_email(self._settings.tenant, email):
            raise NotAMember
        agent = new_person(registry, self._settings.tenant, suggested_name(email, secrets.token_hex(_CHANCE_BYTES)))
        user = User(
            principal=agent.id,
            tenant=agent.tenant,
            name=agent.name,
            email=email,
            created=agent.created,
            verified=agent.created if is_verified else None,
        )
        asked = Request(actor=as_actor(agent), action="users.join", resource=agent.name)
        await keep_person(People(registry, self._users), asked, agent, user, ())
        await self._logins.add(user, self._settings.issuer, claims["sub"], agent.created)
        return agent.id

    def _address(self, claims: Claims) -> tuple[str, bool]:
        """Return an address that the provider has confirmed, else one that nobody has: else its owner lost theirs."""
        try:
            if claims.get("email_verified") is True:
                return checked_email(str(claims.get("email", ""))), True
        except InvalidEmail:
            pass  # a provider may take more for an address than mails can be sent to
        digest = hashlib.sha256(f"{self._settings.issuer}\n{claims['sub']}".encode()).hexdigest()[:32]
        return f"{digest}@provider.invalid", False

    async def _roles_changed(self, principal: Principal, claims: Claims) -> bool:
        """Give and take the roles that the settings map; others, which operators have given, stay."""
        if not self._settings.roles:
            return False
        registry = self._identity.registry
        where = Where(tenant=principal.tenant, principal=principal.id, limit=ALL)
        present = {member.role for member in await registry.store.find(Membership, where)}
        roles = self._settings.roles
        said = said_roles(claims, self._settings.roles_claim)
        wanted = {role for name, role in roles.items() if name in said and await self._is_there(principal, role)}
        given = [
            RoleGiven(Membership(tenant=principal.tenant, principal=principal.id, role=role))
            for role in sorted(wanted - present)
        ]
        managed = set(roles.values())
        taken = [RoleTaken(principal.tenant, principal.id, role) for role in sorted(present & managed - wanted)]
        changes: list[Change] = [*given, *taken]
        if changes:
            asked = Request(actor=principal, action="users.sync_roles", resource=principal.name)
            await registry.write(asked, changes, " ".join(sorted(wanted)))
        return bool(changes)

    async def _is_there(self, principal: Principal, role: str) -> bool:
        try:
            await self._identity.registry.role(principal.tenant, role)
        except RoleNotFound:
            _LOG.warning("identity.providers maps to a role that the tenant does not have: %s", role)
            return False
        return True


def said_roles(claims: Claims, path: str) -> set[str]:
    """Return the texts that stand where a dotted path leads in a token: a list of them, or one."""
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return {each for each in values if isinstance(each, str)}


def checked_claim(name: str, settings: ProviderSettings) -> None:
    """Raise ProviderSettingsInvalid where roles would be taken from what everybody writes into their own token."""
    if set(settings.roles_claim.split(".")) & _OWN_CLAIMS:
        raise ProviderSettingsInvalid(setting=f"identity.providers.{name}.roles_claim", value=settings.roles_claim)
    if settings.roles and not settings.roles_claim:
        raise ProviderSettingsInvalid(setting=f"identity.providers.{name}.roles_claim", value="")
