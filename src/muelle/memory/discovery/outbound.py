"""What egress offers to discovery: Apis, their endpoints, and what credentials are for."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from muelle.core import NotFound, TenantId
from muelle.egress import Api, ApiId, Credential, Egress, Register
from muelle.identity import Principal
from muelle.memory.search.model import LONGEST_BODY, LONGEST_TITLE, Entry, Found, Sight

_BRIEF = 160


class ApiSource:
    """Apis and endpoints. Who may call an endpoint, or manages its Api, sees it."""

    name = "apis"

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def mark(self, tenant: TenantId) -> str:
        """Return a hash of when each Api was changed last."""
        apis = await self._egress.listed(tenant)
        return _mark((api.id, api.updated.isoformat()) for api in apis)

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return all Apis and all their endpoints."""
        return [entry for api in await self._egress.listed(tenant) for entry in _entries(api)]

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return an Api or an endpoint in ever less detail."""
        try:
            if entry.kind == "api":
                return _api_forms(await self._egress.apis.show(principal, ApiId(entry.id)))
            api, _, endpoint = entry.id.partition(" ")
            return await self._egress.definitions.forms(principal, api, endpoint)
        except NotFound:
            return ()


def _entries(api: Api) -> list[Entry]:
    manages = Sight("apis:manage", api.id)
    found = [
        Entry(
            kind="api",
            id=api.id,
            title=api.id,
            body=api.description[:LONGEST_BODY],
            sights=(Sight("apis:call", api.id, partial=True), manages),
        )
    ]
    for endpoint in api.endpoints:
        named = " ".join(str(each.get("name", "")) for each in endpoint.parameters)
        found.append(
            Entry(
                kind="endpoint",
                id=f"{api.id} {endpoint.id or f'{endpoint.method} {endpoint.path}'}",
                title=f"{endpoint.method} {endpoint.path}"[:LONGEST_TITLE],
                body=f"{endpoint.description} {named}"[:LONGEST_BODY],
                tags=(api.id,),
                sights=(
                    Sight("apis:call", f"{api.id} {endpoint.method} {endpoint.path}"),
                    Sight("apis:call", api.id),
                    manages,
                ),
            )
        )
    return found


def _api_forms(api: Api) -> list[dict[str, Any]]:
    short = {"base_url": api.base_url, "endpoints": len(api.endpoints)}
    if not api.description:
        return [short]
    return [{**short, "description": api.description}, {**short, "description": api.description[:_BRIEF]}]


class CredentialSource:
    """What credentials are for; their secrets are elsewhere. Who may use or manages one sees it."""

    name = "credentials"

    def __init__(self, register: Register[Credential]) -> None:
        self._register = register

    async def mark(self, tenant: TenantId) -> str:
        """Return a hash of when each credential was changed last."""
        return _mark((each.id, each.updated.isoformat()) for each in await self._register.all(tenant))

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return all credentials by their descriptions."""
        return [
            Entry(
                kind="credential",
                id=each.id,
                title=each.id,
                body=each.description[:LONGEST_BODY],
                tags=(each.type, *each.apis),
                sights=(Sight("credentials:use", each.id), Sight("credentials:manage", each.id)),
            )
            for each in await self._register.all(tenant)
        ]

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return what a credential is for, and how it is used."""
        sights = ("credentials:use", "credentials:manage")
        found = await self._register.find(principal.tenant, entry.id)
        if found is None or not any(principal.may(scope, entry.id) for scope in sights):
            return ()
        short = {"type": found.type, "description": found.description[:_BRIEF]}
        return [
            {"type": found.type, "description": found.description, "usage": found.usage, "apis": list(found.apis)},
            short,
        ]


class QuerySource:
    """Registered queries. Who may run one, or manages its database, sees it; its SQL nobody does here."""

    name = "queries"

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def mark(self, tenant: TenantId) -> str:
        """Return a hash of all queries."""
        queries = await self._egress.queries.listed(tenant)
        return _mark((each.id, hashlib.sha256(msgspec.json.encode(each)).hexdigest()) for each in queries)

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return all queries by their descriptions and parameters."""
        return [
            Entry(
                kind="query",
                id=each.id,
                title=each.id,
                body=f"{each.description} {' '.join(one.name for one in each.parameters)}"[:LONGEST_BODY],
                tags=(each.database,),
                sights=(Sight("queries:run", each.id), Sight("databases:manage", each.database)),
            )
            for each in await self._egress.queries.listed(tenant)
        ]

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return a query with its parameters, with their names, or without."""
        visible = await self._egress.queries.search(principal)
        query = next((each for each in visible if each.id == entry.id), None)
        if query is None:
            return ()
        short = {"description": query.description[:_BRIEF]}
        names = {f"{each.name}*" if each.required else each.name: each.type for each in query.parameters}
        full = [msgspec.to_builtins(each) for each in query.parameters]
        return [{"description": query.description, "parameters": full}, {**short, "parameters": names}, short]


def _mark(parts: Any) -> str:  # noqa: ANN401 - pairs of texts
    joined = "\n".join(f"{name} {changed}" for name, changed in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]
