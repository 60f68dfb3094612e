"""Users put together: what doors and commands call, and what runs beside the server."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from muelle.core import Clock, MuelleError
from muelle.identity.audit import AuditTrail
from muelle.identity.service import Identity
from muelle.identity.tokens.opening import TokenDoors
from muelle.identity.users.accounts import AccountParts, Accounts
from muelle.identity.users.administration import UserParts, Users
from muelle.identity.users.attempts import Attempts
from muelle.identity.users.factors import SecondFactors
from muelle.identity.users.mail import Mail, Post, PostParts
from muelle.identity.users.passkeys import PasskeyParts, Passkeys
from muelle.identity.users.passwords import Passwords
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.signing_in import SigningIn, SignInParts
from muelle.identity.users.store import AttemptStore, LetterStore, Sweeper, TicketStore, UserStore
from muelle.identity.users.stores.passkeys import PasskeyStore
from muelle.identity.users.tickets import Tickets
from muelle.stores import Database, Vault

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_SWEEP_SECONDS = 3600.0
_KEPT = timedelta(days=1)  # how long a ticket that ended can still be looked into


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersParts:
    """What users stand on."""

    database: Database
    vault: Vault
    identity: Identity
    tokens: TokenDoors
    trail: AuditTrail
    mail: Mail
    clock: Clock
    settings: UserSettings
    issuer: str


@dataclass(frozen=True, slots=True)
class UserDoors:
    """What doors and commands call."""

    users: Users
    accounts: Accounts
    signing_in: SigningIn
    passkeys: Passkeys
    post: Post
    upkeep: "Upkeep"


class Upkeep:
    """What runs beside the server: delivering mails, and removing what has had its time."""

    def __init__(self, parts: UsersParts, post: Post) -> None:
        self._parts = parts
        self._post = post
        self._sweeper = Sweeper(parts.database)
        self._swept = parts.clock.monotonic()

    async def run(self) -> None:
        """Do it for ever; the caller's TaskGroup ends it. What cannot be done now is tried again."""
        while True:
            try:
                await self.turn()
            except MuelleError as error:
                _LOG.warning("Mails were not delivered; they are tried again: %r", error)
            await self._parts.clock.sleep(_LOOK_SECONDS)

    async def turn(self) -> None:
        """Deliver what is due, and now and then sweep."""
        await self._post.deliver()
        if self._parts.clock.monotonic() - self._swept >= _SWEEP_SECONDS:
            self._swept = self._parts.clock.monotonic()
            await self.sweep()

    async def sweep(self) -> None:
        """Forget tickets, failures and sessions that ended long ago."""
        now = self._parts.clock.now()
        forget = timedelta(seconds=self._parts.settings.forget_seconds)
        await self._sweeper.sweep(now - _KEPT, now - forget)
        await self._parts.tokens.sessions.sweep()


def open_users(parts: UsersParts) -> UserDoors:
    """Return users on a database; nothing is started, and nothing needs to be closed."""
    settings, clock, identity, trail = parts.settings, parts.clock, parts.identity, parts.trail
    users, passwords, sessions = UserStore(parts.database), Passwords(settings), parts.tokens.sessions
    attempts = Attempts(AttemptStore(parts.database), clock, settings)
    factors = SecondFactors(users, parts.vault, clock, parts.issuer)
    post = Post(
        PostParts(
            letters=LetterStore(parts.database),
            vault=parts.vault,
            mail=parts.mail,
            clock=clock,
            attempts=settings.mail.attempts,
        )
    )
    tickets = Tickets(TicketStore(parts.database), post, clock, settings)
    signing_in = SigningIn(
        SignInParts(
            users=users, passwords=passwords, attempts=attempts, factors=factors, tickets=tickets, sessions=sessions,
            identity=identity, trail=trail, clock=clock, settings=settings,
        )
    )  # fmt: skip
    accounts = Accounts(
        AccountParts(
            users=users, tickets=tickets, passwords=passwords, attempts=attempts, factors=factors, post=post,
            sessions=sessions, signing_in=signing_in, identity=identity, trail=trail, clock=clock, settings=settings,
        )
    )  # fmt: skip
    verbs = Users(
        UserParts(
            users=users, tickets=tickets, passwords=passwords, factors=factors, sessions=sessions, identity=identity,
            clock=clock, settings=settings,
        )
    )  # fmt: skip
    passkeys = Passkeys(
        PasskeyParts(
            passkeys=PasskeyStore(parts.database), users=users, tickets=TicketStore(parts.database),
            signing_in=signing_in, sessions=sessions, identity=identity, trail=trail, clock=clock, settings=settings,
        )
    )  # fmt: skip
    return UserDoors(verbs, accounts, signing_in, passkeys, post, Upkeep(parts, post))
