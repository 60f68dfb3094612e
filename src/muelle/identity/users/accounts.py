"""What people do about their own accounts: sign up, accept, replace a password, confirm an address, second factors."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from muelle.core import Clock, Ids, Secret
from muelle.core import name as checked_name
from muelle.identity.audit import Acts, AuditTrail
from muelle.identity.model import DEFAULT_TENANT, Principal
from muelle.identity.presets import preset_rules
from muelle.identity.registry import Request
from muelle.identity.service import Identity
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.sessions import Sessions
from muelle.identity.users.attempts import Attempts
from muelle.identity.users.errors import InvalidTicket, SignUpClosed, UserExists
from muelle.identity.users.factors import Enrolment, SecondFactors
from muelle.identity.users.letters import KNOWN_SUBJECT, KNOWN_TEXT
from muelle.identity.users.mail import Post
from muelle.identity.users.model import Ticket, User, checked_email, checked_password, suggested_name
from muelle.identity.users.passwords import Passwords
from muelle.identity.users.people import People, as_actor, keep_person, new_person, require_free
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.signing_in import SigningIn
from muelle.identity.users.store import UserStore
from muelle.identity.users.tickets import Tickets

_CHANCE_BYTES = 4


class Promise(msgspec.Struct, frozen=True):
    """What a ticket gives to who accepts it: a name, empty for any, and a preset of grants, or none."""

    name: str = ""
    preset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountParts:
    """What accounts work with."""

    users: UserStore
    tickets: Tickets
    passwords: Passwords
    attempts: Attempts
    factors: SecondFactors
    post: Post
    sessions: Sessions
    signing_in: SigningIn
    identity: Identity
    trail: AuditTrail
    clock: Clock
    settings: UserSettings


class Accounts:
    """Makes accounts from tickets, and lets their users change them."""

    def __init__(self, parts: AccountParts) -> None:
        self._parts = parts
        self._acts = Acts(parts.clock, Ids(parts.clock))

    async def sign_up(self, email: str) -> None:
        """Mail who wants an account how to go on; who has one is mailed just that. Raises SignUpClosed, InvalidEmail.

        Nothing is kept about who does not read that mail, least of all a password that somebody else has chosen.
        """
        parts = self._parts
        if parts.settings.sign_up != "open":
            raise SignUpClosed
        email = checked_email(email)
        known = await parts.users.by_email(DEFAULT_TENANT, email)
        preset = parts.settings.sign_up_preset or None
        promise = msgspec.json.encode(Promise(preset=preset)).decode()
        draft = parts.tickets.draft("sign_up", email, DEFAULT_TENANT, content=promise)
        is_decoy = not await parts.attempts.may_mail(email)
        if known is None:
            await parts.tickets.mail(draft, is_decoy=is_decoy)
            return
        await parts.tickets.issue(draft)  # which nobody gets: the work is the same
        await parts.post.take("" if is_decoy else email, KNOWN_SUBJECT, KNOWN_TEXT)

    async def accept(self, token: str, password: str, origin: Origin, *, name: str = "") -> Tokens:
        """Make the account that a ticket promises and sign its user in.

        Raises InvalidTicket, WeakPassword, UserExists, AgentExists, InvalidName, SignUpClosed; the ticket can be used
        again after all but the first.
        """
        parts = self._parts
        ticket = await parts.tickets.read(token, "invitation", "sign_up")
        if parts.settings.sign_up == "off" and ticket.kind != "invitation":
            raise SignUpClosed
        checked_password(password, ticket.email, parts.settings.password_least)
        promise = msgspec.json.decode(ticket.content, type=Promise)
        chosen = promise.name or name or suggested_name(ticket.email, secrets.token_hex(_CHANCE_BYTES))
        checked_name(chosen)
        hashed = await parts.passwords.hash(password)
        await require_free(People(parts.identity.registry, parts.users), ticket.tenant, chosen, ticket.email)
        await parts.tickets.use(token, ticket)
        user = await self._made(ticket, chosen, promise.preset, hashed)
        principal = await parts.identity.principal(user.tenant, user.principal)
        return await parts.sessions.begin(principal, origin)

    async def forgot(self, tenant: str, email: str) -> None:
        """Mail who has that address how to replace the password; nobody learns whether anybody has. InvalidEmail."""
        parts = self._parts
        email = checked_email(email)
        user = await parts.users.by_email(tenant, email)
        whose = user.principal if user else ""
        draft = parts.tickets.draft("reset", email, user.tenant if user else tenant, principal=whose)
        is_flood = not await parts.attempts.may_mail(email)
        await parts.tickets.mail(draft, is_decoy=user is None or is_flood)

    async def reset(self, token: str, password: str) -> None:
        """Replace a password by a ticket, and end all sessions; raise InvalidTicket, WeakPassword."""
        parts = self._parts
        ticket = await parts.tickets.read(token, "reset")
        user = await parts.users.by_principal(ticket.principal)
        if user is None or user.email != ticket.email:
            raise InvalidTicket
        checked_password(password, user.email, parts.settings.password_least)
        hashed = await parts.passwords.hash(password)
        await parts.tickets.use(token, ticket)
        await parts.users.set_verified(user.principal, user.email, parts.clock.now())
        await parts.attempts.forgive(user.tenant, user.email)
        await self._replaced(user, hashed, "users.reset_password", spare="")

    async def verify(self, token: str) -> None:
        """Confirm the address that a ticket was mailed to; raise InvalidTicket, UserExists."""
        parts = self._parts
        ticket = await parts.tickets.read(token, "verification")
        await parts.tickets.use(token, ticket)
        if not await parts.users.set_verified(ticket.principal, ticket.email, parts.clock.now()):
            raise UserExists(email=ticket.email)

    async def change_password(self, actor: Principal, present: str, new: str, address: str, *, spare: str) -> None:
        """Replace one's password and end all other sessions; raise what signing in raises, and WeakPassword."""
        user = await self._parts.signing_in.confirmed(actor, present, address)
        checked_password(new, user.email, self._parts.settings.password_least, "new_password")
        await self._replaced(user, await self._parts.passwords.hash(new), "users.change_password", spare=spare)

    async def change_email(self, actor: Principal, password: str, email: str, address: str) -> None:
        """Mail a new address that it be confirmed; until then the old one holds. Raises as `change_password`."""
        parts = self._parts
        new = checked_email(email)
        user = await parts.signing_in.confirmed(actor, password, address)
        taken = await parts.users.by_email(user.tenant, new)
        draft = parts.tickets.draft("verification", new, user.tenant, principal=user.principal)
        is_decoy = taken is not None and taken.principal != user.principal
        is_flood = not await parts.attempts.may_mail(new)
        await parts.tickets.mail(draft, is_decoy=is_decoy or is_flood)

    async def begin_factor(self, actor: Principal, password: str, address: str) -> Enrolment:
        """Return what an authenticator is to be given; raise what signing in raises, and SecondFactorThere."""
        return await self._parts.factors.begin(await self._parts.signing_in.confirmed(actor, password, address))

    async def confirm_factor(self, actor: Principal, code: str) -> Sequence[Secret]:
        """Ask for codes from now on; return the recovery codes, shown this once."""
        user = await self._parts.signing_in.user_of(actor)
        codes = await self._parts.factors.confirm(user, code)
        await self._record(user, "users.add_second_factor")
        return codes

    async def remove_factor(self, actor: Principal, password: str, code: str, address: str) -> None:
        """Ask for no codes any more; raise what signing in raises."""
        user = await self._parts.signing_in.confirmed(actor, password, address, code=code)
        await self._parts.factors.remove(user)
        await self._record(user, "users.remove_second_factor")

    async def _made(self, ticket: Ticket, name: str, preset: str | None, hashed: str) -> User:
        registry = self._parts.identity.registry
        agent = new_person(registry, ticket.tenant, name)
        user = User(
            principal=agent.id,
            tenant=agent.tenant,
            name=name,
            email=ticket.email,
            created=agent.created,
            verified=agent.created,
            password=hashed,
        )
        asked = Request(actor=as_actor(agent), action="users.accept", resource=name)
        await keep_person(People(registry, self._parts.users), asked, agent, user, preset_rules(preset))
        return user

    async def _replaced(self, user: User, hashed: str, action: str, *, spare: str) -> None:
        await self._parts.users.set_password(user.principal, hashed)
        principal = await self._record(user, action)
        await self._parts.sessions.end_all(principal, "password replaced", spare=spare)

    async def _record(self, user: User, action: str) -> Principal:
        principal = await self._parts.identity.principal(user.tenant, user.principal)
        await self._parts.trail.record([self._acts.allowed(principal, action, user.name)])
        return principal
