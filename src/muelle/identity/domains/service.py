"""The verbs on domains."""

import secrets
from collections.abc import Collection, Sequence

from msgspec import structs

from muelle.core import TenantId
from muelle.identity.changes import Where
from muelle.identity.domains.model import (
    Domain,
    DomainAdded,
    DomainRemoved,
    DomainVerified,
    TxtRecords,
    checked_domain,
)
from muelle.identity.errors import DomainNotFound, DomainTaken, DomainUnproven
from muelle.identity.model import Page, Principal
from muelle.identity.owner import LOCAL
from muelle.identity.pages import read_page
from muelle.identity.registry import ALL, Registry, Request

_SCOPE = "domains:manage"
_TOKEN_BYTES = 20


class Domains:
    """Adds, verifies, lists and removes the domains of the actor's tenant; needs domains:manage on the domain.

    A domain is of no use before it is verified, and only one tenant can have it verified at a time: the one whose
    record is there. Whoever lost the domain since loses it here when its new holder verifies it.
    """

    def __init__(self, registry: Registry, records: TxtRecords) -> None:
        self._registry = registry
        self._records = records

    async def add(self, actor: Principal, domain: str, *, request: str = "") -> Domain:
        """Return the domain with the record that shall show it.

        Raises Refused, InvalidDomain, DomainExists, TooManyDomains.
        """
        name = checked_domain(domain)
        asked = await self._permitted(actor, "domains.add", name, request)
        token = secrets.token_hex(_TOKEN_BYTES)
        added = Domain(id=name, tenant=actor.tenant, token=token, created=self._registry.now())
        await self._registry.write(asked, [DomainAdded(added)])
        return added

    async def list(
        self, actor: Principal, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Domain]:
        """Return the tenant's domains by name; needs domains:manage on '*'."""
        await self._permitted(actor, "domains.list", "*", request)
        return await read_page(self._registry.store, Domain, Where(tenant=actor.tenant), limit, cursor)

    async def verify(self, actor: Principal, domain: str, *, request: str = "") -> Domain:
        """Look for the record and return the domain, verified.

        Raises Refused, DomainNotFound, DomainUnproven, DomainTaken, RecordsUnreachable.
        """
        name = checked_domain(domain)
        asked = await self._permitted(actor, "domains.verify", name, request)
        found = await self._found(actor, name)
        said = {text.strip() for text in await self._records.texts(found.record)}
        if found.value not in said:
            raise DomainUnproven(domain=name, record=found.record, value=found.value, records=len(said))
        lost = await self._lost(found, said)
        verified = DomainVerified(actor.tenant, name, self._registry.now())
        await self._registry.write(asked, [*(DomainRemoved(one.tenant, name) for one in lost), verified])
        if lost:
            await self._tell(lost)
        return await self._found(actor, name)

    async def remove(self, actor: Principal, domain: str, *, request: str = "") -> None:
        """Let a domain be the tenant's no more; raise Refused or DomainNotFound."""
        name = checked_domain(domain)
        asked = await self._permitted(actor, "domains.remove", name, request)
        await self._found(actor, name)
        await self._registry.write(asked, [DomainRemoved(actor.tenant, name)])

    async def owner(self, domain: str) -> TenantId | None:
        """Return the tenant that has a domain verified; for rooms that go by the domain of an address, say."""
        found = await self._of_all(checked_domain(domain))
        return next((one.tenant for one in found if one.verified is not None), None)

    async def _lost(self, proven: Domain, said: Collection[str]) -> Sequence[Domain]:
        """Return whose the domain is no more, by the same records; raise DomainTaken if it still is."""
        others = [one for one in await self._of_all(proven.id) if one.tenant != proven.tenant and one.verified]
        if any(one.value in said for one in others):
            raise DomainTaken(domain=proven.id)
        return others

    async def _tell(self, lost: Sequence[Domain]) -> None:
        """Record in the tenants that lost a domain that they did."""
        acts = [self._registry.acts.allowed(LOCAL, "domains.lost", one.id) for one in lost]
        owned = zip(acts, lost, strict=True)
        await self._registry.trail.record([structs.replace(act, tenant=one.tenant) for act, one in owned])

    async def _of_all(self, name: str) -> Sequence[Domain]:
        return await self._registry.store.find(Domain, Where(tenant=None, id=name, limit=ALL))

    async def _found(self, actor: Principal, name: str) -> Domain:
        found = await self._registry.store.find(Domain, Where(tenant=actor.tenant, id=name))
        if not found:
            raise DomainNotFound(domain=name)
        return found[0]

    async def _permitted(self, actor: Principal, action: str, resource: str, request: str) -> Request:
        asked = Request(actor=actor, action=action, resource=resource, id=request)
        await self._registry.permit(asked, _SCOPE)
        return asked
