"""Tickets: what mails carry. They work once, for one purpose, for a while; only their SHA-256 is kept."""

import re
import secrets
from datetime import timedelta

from muelle.core import Clock, TenantId
from muelle.identity.tokens.sessions import digest_of
from muelle.identity.users.errors import InvalidTicket
from muelle.identity.users.letters import subject_of, text_of
from muelle.identity.users.mail import Post
from muelle.identity.users.model import Ticket, TicketKind
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.store import TicketStore

_TOKEN = re.compile(r"mt_[A-Za-z0-9_-]{43}")
_SECRET_BYTES = 32


class Tickets:
    """Issues tickets, and takes them."""

    def __init__(self, store: TicketStore, post: Post, clock: Clock, settings: UserSettings) -> None:
        self._store = store
        self._post = post
        self._clock = clock
        self._settings = settings

    async def issue(self, draft: Ticket) -> str:
        """Keep a ticket and return its token; earlier ones for the same purpose are void."""
        token = f"mt_{secrets.token_urlsafe(_SECRET_BYTES)}"
        await self._store.add(digest_of(token), draft, self._clock.now())
        return token

    async def mail(self, ticket: Ticket, *, is_decoy: bool = False) -> None:
        """Issue a ticket and mail it; a decoy does the same work, and reaches nobody."""
        token = await self.issue(ticket)
        text = text_of(ticket.kind, token, self._settings.links)
        await self._post.take("" if is_decoy else ticket.email, subject_of(ticket.kind), text)

    def draft(self, kind: TicketKind, email: str, tenant: str, *, principal: str = "", content: str = "") -> Ticket:
        """Return a ticket that is not kept yet; it ends as the settings have it for its kind."""
        seconds = {
            "invitation": self._settings.invitation_seconds,
            "sign_up": self._settings.verification_seconds,
            "reset": self._settings.reset_seconds,
            "verification": self._settings.verification_seconds,
        }[kind]
        expires = self._clock.now() + timedelta(seconds=seconds)
        return Ticket(
            kind=kind, tenant=TenantId(tenant), email=email, expires=expires, principal=principal, content=content
        )

    async def read(self, token: str, *kinds: TicketKind) -> Ticket:
        """Return what a token is for, which can still be used after; raise InvalidTicket."""
        found = await self._store.find(digest_of(token), self._clock.now()) if _TOKEN.fullmatch(token) else None
        if found is None or found.kind not in kinds:
            raise InvalidTicket
        return found

    async def use(self, token: str, ticket: Ticket) -> None:
        """Use a token up; raise InvalidTicket if somebody else did meanwhile."""
        if not await self._store.use(digest_of(token), ticket.kind, self._clock.now()):
            raise InvalidTicket
