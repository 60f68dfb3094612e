"""Signing in by password, and proving once more who one is before what matters."""

from dataclasses import dataclass
from typing import NoReturn

from msgspec import structs

from muelle.core import Clock, Ids, MuelleError
from muelle.identity.audit import Acts, AuditTrail
from muelle.identity.errors import AgentNotFound, DisabledAgent
from muelle.identity.model import Principal
from muelle.identity.service import Identity
from muelle.identity.strangers import Strangers
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.sessions import Sessions
from muelle.identity.users.attempts import Attempt, Attempts
from muelle.identity.users.errors import AddressUnverified, CodeRequired, InvalidEmail, NotAUser, WrongPassword
from muelle.identity.users.factors import SecondFactors
from muelle.identity.users.model import User, checked_email
from muelle.identity.users.passwords import Passwords
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.store import UserStore
from muelle.identity.users.tickets import Tickets

_ACTION = "users.sign_in"
_RECORDED_PER_MINUTE = 60  # wrong passwords, one by one; the others are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who somebody says to be, and how they prove it; `code` only where there is a second factor."""

    tenant: str
    email: str
    password: str
    code: str = ""

    def __repr__(self) -> str:
        """Hide the proofs."""
        return "Claim(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInParts:
    """What signing in works with."""

    users: UserStore
    passwords: Passwords
    attempts: Attempts
    factors: SecondFactors
    tickets: Tickets
    sessions: Sessions
    identity: Identity
    trail: AuditTrail
    clock: Clock
    settings: UserSettings


class SigningIn:
    """Lets people in who can prove who they are."""

    def __init__(self, parts: SignInParts) -> None:
        self._parts = parts
        self._acts = Acts(parts.clock, Ids(parts.clock))
        self._strangers = Strangers(parts.clock, _RECORDED_PER_MINUTE)

    async def sign_in(self, claim: Claim, origin: Origin, *, request: str = "") -> Tokens:
        """Begin a session; raise WrongPassword, CodeRequired, WrongCode, AddressUnverified, TooManyAttempts.

        An account that there is not is answered as one with another password: after the same look-up, the same
        hashing and the same record.
        """
        parts = self._parts
        user, attempt = await self._proved(claim, origin.address, request)
        principal = await self._principal(user, request)
        if user.verified is None and parts.settings.require_verified:
            await parts.attempts.take_back(attempt)
            draft = parts.tickets.draft("verification", user.email, user.tenant, principal=user.principal)
            await parts.tickets.mail(draft, is_decoy=not await parts.attempts.may_mail(user.email))
            raise AddressUnverified
        await self._second(user, claim.code, attempt, request)
        await parts.attempts.succeed(attempt)
        await self._rehash(user, claim.password)
        return await parts.sessions.begin(principal, origin, request=request)

    async def user_of(self, actor: Principal) -> User:
        """Return the user who acts; raise NotAUser for what has no account."""
        user = await self._parts.users.by_principal(actor.id)
        if user is None or user.tenant != actor.tenant:
            raise NotAUser(name=actor.name)
        return user

    async def confirmed(self, actor: Principal, password: str, address: str, *, code: str | None = None) -> User:
        """Return the user who acts if the password is theirs, and the code too where one is asked for.

        Whoever has only found a device that is signed in changes nothing by it. Raises as `sign_in`, and NotAUser.
        """
        user = await self.user_of(actor)
        claim = Claim(tenant=user.tenant, email=user.email, password=password, code=code or "")
        proved, attempt = await self._proved(claim, address, "")
        if code is not None:
            await self._second(proved, code, attempt, "")
        is_whole = code is not None or proved.second_factor is None
        await (self._parts.attempts.succeed if is_whole else self._parts.attempts.take_back)(attempt)
        return proved

    async def _proved(self, claim: Claim, address: str, request: str) -> tuple[User, Attempt]:
        parts = self._parts
        email = _email(claim.email)
        attempt = await parts.attempts.begin(claim.tenant, email, address)
        user = await parts.users.by_email(claim.tenant, email)
        is_right = await parts.passwords.matches(user.password if user else None, claim.password)
        if user is None or not is_right:
            await self._refused(user, WrongPassword(), request)
        return user, attempt

    async def _principal(self, user: User, request: str) -> Principal:
        try:
            return await self._parts.identity.principal(user.tenant, user.principal)
        except (AgentNotFound, DisabledAgent):
            await self._refused(user, WrongPassword(), request, "disabled")

    async def _second(self, user: User, code: str, attempt: Attempt, request: str) -> None:
        try:
            await self._parts.factors.check(user, code)
        except CodeRequired:
            await self._parts.attempts.take_back(attempt)
            raise
        except MuelleError as error:
            await self._refused(user, error, request)

    async def _rehash(self, user: User, password: str) -> None:
        if user.password is not None and self._parts.passwords.is_outdated(user.password):
            await self._parts.users.set_password(user.principal, await self._parts.passwords.hash(password))

    async def _refused(self, user: User | None, error: MuelleError, request: str, cause: str = "") -> NoReturn:
        left_out = self._strangers.admit(error.code)
        if left_out is not None:
            detail = cause or error.code
            detail = f"{detail}; {left_out} more before it were not recorded" if left_out else detail
            act = self._acts.refused(None, _ACTION, user.name if user else "", request=request, detail=detail)
            if user is not None:
                act = structs.replace(act, tenant=user.tenant, principal=user.principal)
            await self._parts.trail.record([act])
        raise error


def _email(text: str) -> str:
    """Return the address as it would be kept; what is none has no account, which is found out later like any other."""
    try:
        return checked_email(text)
    except InvalidEmail:
        return ""
