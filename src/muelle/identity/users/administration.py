"""The verbs on users: the actor needs identity:manage on the user's name, as for every other principal."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import msgspec

from muelle.core import Clock, PrincipalId
from muelle.core import name as checked_name
from muelle.identity.audit import page_size
from muelle.identity.changes import Where
from muelle.identity.checks import checked_text, is_clean
from muelle.identity.errors import AgentNotFound, InvalidCursor
from muelle.identity.model import Agent, Page, Principal
from muelle.identity.presets import preset_rules
from muelle.identity.registry import Request
from muelle.identity.service import Identity
from muelle.identity.tokens.model import Session
from muelle.identity.tokens.sessions import Sessions
from muelle.identity.users.accounts import Promise
from muelle.identity.users.errors import SignUpClosed, UserExists, UserNotFound
from muelle.identity.users.factors import SecondFactors
from muelle.identity.users.foreign import checked_hash
from muelle.identity.users.model import User, checked_email, checked_password
from muelle.identity.users.passwords import Passwords
from muelle.identity.users.people import People, keep_person, new_person
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.store import UserStore
from muelle.identity.users.tickets import Tickets

_LONGEST_CURSOR = 100


@dataclass(frozen=True, slots=True)
class UserDraft:
    """A user to add: with a password, with a hash of one that another system made, or with neither yet."""

    name: str
    email: str
    _: KW_ONLY
    description: str = ""
    preset: str | None = None
    password: str | None = None
    password_hash: str | None = None
    is_verified: bool = True

    def __repr__(self) -> str:
        """Hide the password."""
        return f"UserDraft({self.name!r})"


@dataclass(frozen=True, slots=True)
class Person:
    """A user with the principal that they are."""

    user: User
    agent: Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class UserParts:
    """What the verbs on users work with."""

    users: UserStore
    tickets: Tickets
    passwords: Passwords
    factors: SecondFactors
    sessions: Sessions
    identity: Identity
    clock: Clock
    settings: UserSettings


class Users:
    """Adds, shows, invites, disables users of the actor's tenant, and ends their sessions."""

    def __init__(self, parts: UserParts) -> None:
        self._parts = parts
        self._registry = parts.identity.registry

    async def add(self, actor: Principal, draft: UserDraft, *, request: str = "") -> Person:
        """Add a user.

        Raises Refused, NotHeld, AgentExists, UserExists, InvalidName, InvalidEmail, WeakPassword, UnknownHash,
        UnknownPreset, InvalidText.
        """
        asked = Request(actor=actor, action="users.add", resource=draft.name, id=request)
        await self._registry.permit(asked, "identity:manage")
        email = checked_email(draft.email)
        rules = preset_rules(draft.preset)
        await self._registry.require_held(asked, rules)
        await self._registry.require_within(asked, {})
        checked_name(draft.name)
        if await self._parts.users.by_email(actor.tenant, email):
            raise UserExists(email=email)
        description = checked_text(draft.description, "description", lines=True)
        agent = new_person(self._registry, actor.tenant, draft.name, description)
        user = User(
            principal=agent.id,
            tenant=agent.tenant,
            name=agent.name,
            email=email,
            created=agent.created,
            verified=agent.created if draft.is_verified else None,
            password=await self._kept_password(draft, email),
        )
        await keep_person(People(self._registry, self._parts.users), asked, agent, user, rules)
        return Person(user, agent)

    async def list(
        self, actor: Principal, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Person]:
        """Return the tenant's users, oldest first; needs identity:manage on '*'."""
        await self._registry.permit(
            Request(actor=actor, action="users.list", resource="*", id=request), "identity:manage"
        )
        page_size(limit)
        if cursor is not None and (len(cursor) > _LONGEST_CURSOR or not is_clean(cursor)):
            raise InvalidCursor(field="cursor")
        found = await self._parts.users.page(actor.tenant, cursor or "", limit + 1)
        people = [Person(user, await self._agent(user)) for user in found[:limit]]
        return Page(tuple(people), found[limit - 1].principal if len(found) > limit else None)

    async def show(self, actor: Principal, name: str, *, request: str = "") -> Person:
        """Return a user; raise Refused or UserNotFound."""
        return await self._permitted(Request(actor=actor, action="users.show", resource=name, id=request))

    async def disable(self, actor: Principal, name: str, *, request: str = "") -> Person:
        """Let a user sign in no more, and end all their sessions; raise Refused, UserNotFound, SelfDisabled."""
        person = await self._permitted(Request(actor=actor, action="users.disable", resource=name, id=request))
        agent = await self._parts.identity.agents.disable(actor, name, request=request)
        await self._end_all(actor, person, "disabled", request)
        return Person(person.user, agent)

    async def enable(self, actor: Principal, name: str, *, request: str = "") -> Person:
        """Let a user sign in again; raise Refused, NotHeld, UserNotFound."""
        person = await self._permitted(Request(actor=actor, action="users.enable", resource=name, id=request))
        return Person(person.user, await self._parts.identity.agents.enable(actor, name, request=request))

    async def invite(
        self, actor: Principal, email: str, *, name: str = "", preset: str | None = None, request: str = ""
    ) -> None:
        """Mail somebody an invitation, which makes a user of the actor's tenant.

        Raises SignUpClosed, Refused, NotHeld, UnknownPreset, InvalidEmail, InvalidName, UserExists.
        """
        if self._parts.settings.sign_up == "off":
            raise SignUpClosed
        asked = Request(actor=actor, action="users.invite", resource=name or "*", id=request)
        await self._registry.permit(asked, "identity:manage")
        email = checked_email(email)
        await self._registry.require_held(asked, preset_rules(preset))
        promise = Promise(name=checked_name(name) if name else "", preset=preset)
        if await self._parts.users.by_email(actor.tenant, email):
            raise UserExists(email=email)
        content = msgspec.json.encode(promise).decode()
        await self._parts.tickets.mail(self._parts.tickets.draft("invitation", email, actor.tenant, content=content))
        await self._registry.write(asked, [], email)

    async def reset_password(self, actor: Principal, name: str, *, request: str = "") -> None:
        """Mail a user how to replace the password; raise Refused, UserNotFound."""
        asked = Request(actor=actor, action="users.reset", resource=name, id=request)
        user = (await self._permitted(asked)).user
        await self._parts.tickets.mail(
            self._parts.tickets.draft("reset", user.email, user.tenant, principal=user.principal)
        )
        await self._registry.write(asked, [])

    async def reset_token(self, actor: Principal, name: str) -> str:
        """Return a token that replaces a user's password: for the holder of the database, who may do anything."""
        asked = Request(actor=actor, action="users.reset", resource=name)
        person = await self._permitted(asked)
        await self._registry.require_held(asked, [grant.rule for grant in await self._registry.grants(person.agent)])
        user = person.user
        token = await self._parts.tickets.issue(
            self._parts.tickets.draft("reset", user.email, user.tenant, principal=user.principal)
        )
        await self._registry.write(asked, [], "shown")
        return token

    async def remove_factor(self, actor: Principal, name: str, *, request: str = "") -> Person:
        """Ask a user for no codes any more, who has lost them; raise Refused, NotHeld, UserNotFound.

        It takes a lock off another's account, so the actor must hold all that the user holds.
        """
        asked = Request(actor=actor, action="users.remove_second_factor", resource=name, id=request)
        person = await self._permitted(asked)
        await self._registry.require_held(asked, [grant.rule for grant in await self._registry.grants(person.agent)])
        await self._parts.factors.remove(person.user)
        await self._registry.write(asked, [])
        return await self.show(actor, name, request=request)

    async def sessions(self, actor: Principal, name: str, *, request: str = "") -> Sequence[Session]:
        """Return a user's open sessions, newest first; raise Refused, UserNotFound."""
        person = await self._permitted(Request(actor=actor, action="users.sessions", resource=name, id=request))
        return await self._parts.sessions.open_of(person.user.tenant, person.user.principal)

    async def end_sessions(self, actor: Principal, name: str, *, request: str = "") -> int:
        """End all sessions of a user; return how many there were. Raises Refused, UserNotFound."""
        person = await self._permitted(Request(actor=actor, action="users.end_sessions", resource=name, id=request))
        return await self._end_all(actor, person, "ended by an operator", request)

    async def _end_all(self, actor: Principal, person: Person, reason: str, request: str) -> int:
        whose = Principal(
            id=person.agent.id, kind="user", name=person.agent.name, tenant=person.agent.tenant, rules=actor.rules
        )
        return await self._parts.sessions.end_all(whose, f"{reason}: {actor.name}", request=request)

    async def _kept_password(self, draft: UserDraft, email: str) -> str | None:
        if draft.password_hash is not None:
            return checked_hash(draft.password_hash)
        if draft.password is None:
            return None
        checked_password(draft.password, email, self._parts.settings.password_least)
        return await self._parts.passwords.hash(draft.password)

    async def _permitted(self, asked: Request) -> Person:
        await self._registry.permit(asked, "identity:manage")
        user = await self._parts.users.by_name(asked.actor.tenant, asked.resource)
        if user is None:
            raise UserNotFound(user=asked.resource[:100])
        return Person(user, await self._agent(user))

    async def _agent(self, user: User) -> Agent:
        found = await self._registry.store.find(Agent, Where(tenant=user.tenant, id=user.principal))
        if not found:
            raise AgentNotFound(agent=PrincipalId(user.name))
        return found[0]
