"""The verbs on the audit record."""

from muelle.identity.audit import AuditFilter
from muelle.identity.model import Act, Page, Principal
from muelle.identity.record.chain import Verified
from muelle.identity.record.verifier import Chain
from muelle.identity.registry import Registry, Request

MAX_SEALS = 1000  # that are verified by one request: some 2 s, of which nobody else waits for more than 2 ms
_SCOPE = "audit:read"


class AuditRecord:
    """Reads and verifies the record of the actor's tenant; needs audit:read on '*'."""

    def __init__(self, registry: Registry, chain: Chain) -> None:
        self._registry = registry
        self._chain = chain

    async def search(
        self, actor: Principal, where: AuditFilter, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Act]:
        """Return acts, newest first; raise Refused, InvalidPage or InvalidCursor."""
        await self._permit(actor, "audit.read", request)
        return await self._registry.trail.page(actor.tenant, where, limit, cursor)

    async def export(
        self, actor: Principal, where: AuditFilter, cursor: str | None = None, *, request: str = ""
    ) -> Page[Act]:
        """Return a long page of acts; the first one is recorded, for it takes the record out of the house."""
        await self._permit(actor, "audit.export", request)
        if cursor is None:
            act = self._registry.acts.allowed(actor, "audit.export", "*", request=request)
            await self._registry.trail.record([act])
        return await self._registry.trail.page(actor.tenant, where, 500, cursor)

    async def verify(self, actor: Principal, after: int = 0, most: int = MAX_SEALS, *, request: str = "") -> Verified:
        """Compare the chain's seals after one with the acts that are there; raise Refused or InvalidHead."""
        await self._permit(actor, "audit.verify", request)
        return await self._chain.verify(actor.tenant, after, min(most, MAX_SEALS))

    async def head(self, actor: Principal, *, request: str = "") -> str:
        """Return NUMBER:DIGEST of the chain's last seal, to be noted where nobody of this installation can write."""
        await self._permit(actor, "audit.head", request)
        return await self._chain.head(actor.tenant)

    async def _permit(self, actor: Principal, action: str, request: str) -> None:
        await self._registry.permit(Request(actor=actor, action=action, resource="*", id=request), _SCOPE)
