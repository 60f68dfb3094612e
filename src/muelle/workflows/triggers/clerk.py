"""What all verbs on triggers share: permission first, then change and act together; nobody acts for others freely."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from muelle.core import Clock, Forbidden, Ids, PrincipalId
from muelle.identity import Acts, AuditTrail, DisabledAgent, Identity, Principal, Refused
from muelle.workflows.triggers.conditions import fault


class NotYours(Forbidden):
    """A trigger runs only as somebody for whom you may act: you must hold all that they hold."""

    code = "trigger_not_yours"
    suggestions = (
        "Let it run as yourself, or ask for the scope and resource that the error names.",
        "Somebody who may do all that its principal may can change the trigger.",
    )


@dataclass(frozen=True, slots=True)
class Request:
    """An act about to be decided: who, what (`triggers.add`), on which trigger, in which request."""

    actor: Principal
    action: str
    resource: str
    id: str = ""


class Clerk:
    """Permits, refuses and records."""

    def __init__(self, identity: Identity, trail: AuditTrail, clock: Clock, ids: Ids) -> None:
        self._identity = identity
        self._trail = trail
        self._acts = Acts(clock, ids)
        self._clock = clock

    def now(self) -> datetime:
        """Return the present time."""
        return self._clock.now()

    async def permit(self, request: Request, scope: str, resource: str | None = None) -> None:
        """Raise Refused, and record it, unless the actor may do `scope` on the resource, else on the request's own."""
        on = request.resource if resource is None else resource
        if not request.actor.may(scope, on):
            await self.refuse(request, Refused(scope=scope, resource=on[:200]))

    async def named(self, request: Request, name: str | None) -> Principal:
        """Return whom a trigger is to run as: the actor, or an agent by name for whom the actor may act.

        Raises NotYours, InvalidTrigger, or what identity raises: Refused, AgentNotFound.
        """
        actor = request.actor
        if name is None or name == actor.name:
            return actor
        agent = await self._identity.agents.show(actor, name, request=request.id)
        return await self.acting(request, agent.id)

    async def acting(self, request: Request, principal: PrincipalId) -> Principal:
        """Return a principal as it is now if the actor holds all that it holds, else raise NotYours."""
        actor = request.actor
        if principal == actor.id:
            return actor
        try:
            found = await self._identity.principal(actor.tenant, principal)
        except DisabledAgent:  # which tells whoever shows a key nothing; here it is to be known
            raise fault(("principal",), "this agent is disabled") from None
        for rule in found.rules:
            if not actor.may(rule.scope, rule.pattern):
                await self.refuse(request, NotYours(scope=rule.scope, resource=rule.pattern))
        for limit, largest in actor.limits.items():
            if found.limits.get(limit, largest + 1) > largest:
                await self.refuse(request, NotYours(field=f"limits.{limit}", largest=largest))
        if not actor.may("identity:manage", found.name):
            await self.refuse(request, NotYours(scope="identity:manage", resource=found.name))
        return found

    async def write(self, request: Request, change: Awaitable[None], detail: str = "") -> None:
        """Await a change and record the act; both are queued at once and so share a commit."""
        act = self._acts.allowed(request.actor, request.action, request.resource, request=request.id, detail=detail)
        await asyncio.gather(change, self._trail.record([act]))

    async def stranger(self, action: str, resource: str, detail: str, request: str) -> None:
        """Record that somebody unknown was refused."""
        await self._trail.record([self._acts.refused(None, action, resource, request=request, detail=detail)])

    async def refuse(self, request: Request, error: Forbidden) -> NoReturn:
        """Record that the actor was refused, then raise the error."""
        facts = " ".join(f"{name}={value}" for name, value in error.facts.items())
        detail = f"{error.code} {facts}"
        act = self._acts.refused(request.actor, request.action, request.resource, request=request.id, detail=detail)
        await self._trail.record([act])
        raise error
