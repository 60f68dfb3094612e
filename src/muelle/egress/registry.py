"""What the verbs on Apis and on credentials share: permission first, then change and act together; pages."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NoReturn, TypeVar

from muelle.core import Clock, Forbidden, Ids
from muelle.egress.errors import InvalidLimit
from muelle.egress.model import Api, Credential
from muelle.egress.store import Register
from muelle.identity import Acts, AuditTrail, Page, Principal, Refused

Kept = TypeVar("Kept", Api, Credential)

MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class Request:
    """An act about to be decided: who, what (`apis.register`), on which id."""

    actor: Principal
    action: str
    resource: str


class Registry(Generic[Kept]):
    """Changes one register for principals who may, and records what they did or tried."""

    def __init__(self, register: Register[Kept], trail: AuditTrail, clock: Clock) -> None:
        self.register: Register[Kept] = register
        self._trail = trail
        self._acts = Acts(clock, Ids(clock))
        self._clock = clock

    def now(self) -> datetime:
        """Return the present time."""
        return self._clock.now()

    async def permit(self, request: Request, scope: str, resource: str | None = None) -> None:
        """Raise Refused, and record it, unless the actor may do `scope` on the resource, else on the request's own."""
        on = request.resource if resource is None else resource
        if not request.actor.may(scope, on):
            await self.refuse(request, Refused(scope=scope, resource=on[:200]))

    async def refuse(self, request: Request, error: Forbidden) -> NoReturn:
        """Record that the actor was refused, then raise the error."""
        facts = " ".join(f"{name}={value}" for name, value in error.facts.items())
        act = self._acts.refused(request.actor, request.action, request.resource, detail=f"{error.code} {facts}")
        await self._trail.record([act])
        raise error

    async def add(self, request: Request, item: Kept) -> None:
        """Keep a new item and record the act; both are queued at once and so share a commit."""
        await asyncio.gather(self.register.add(item), self._recorded(request))

    async def replace(self, request: Request, item: Kept) -> None:
        """Keep an item in place of another and record the act."""
        await asyncio.gather(self.register.replace(item), self._recorded(request))

    async def remove(self, request: Request) -> None:
        """Remove an item and record the act."""
        await asyncio.gather(self.register.remove(request.actor.tenant, request.resource), self._recorded(request))

    async def record(self, request: Request) -> None:
        """Record an act that changed nothing that is kept here."""
        await self._recorded(request)

    async def _recorded(self, request: Request) -> None:
        await self._trail.record([self._acts.allowed(request.actor, request.action, request.resource)])


def page_of(items: Iterable[Kept], limit: int, cursor: str | None) -> Page[Kept]:
    """Return up to `limit` of items that are in the order of ids, after the id `cursor`; raise InvalidLimit."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidLimit(field="limit", value=limit, largest=MAX_PAGE)
    rest = [item for item in items if cursor is None or item.id > cursor]
    return Page(tuple(rest[:limit]), rest[limit - 1].id if len(rest) > limit else None)
