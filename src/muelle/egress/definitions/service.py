"""The verbs on definitions: import, search, show, and what makes a call of an endpoint."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from muelle.core import EndpointRef, HttpAnswer, HttpCall
from muelle.egress.apis import Apis, is_visible
from muelle.egress.definitions.checks import is_usable, placed_call
from muelle.egress.definitions.errors import EndpointNotFound, InvalidDefinition
from muelle.egress.definitions.model import Definition, Described, Imported, Parameter
from muelle.egress.definitions.openapi import is_openapi, read_openapi
from muelle.egress.definitions.outline import LEVELS, outline, outlined, tokens
from muelle.egress.definitions.postman import is_postman, read_postman
from muelle.egress.definitions.reading import MAX_BYTES, read_tree
from muelle.egress.definitions.store import DefinitionStore
from muelle.egress.directory import Directory
from muelle.egress.errors import ApiNotFound, InvalidLimit
from muelle.egress.model import Api, ApiDraft, ApiId, Endpoint, Placement
from muelle.identity import Principal

MAX_FOUND = 100
MAX_BUDGET = 100_000
_OK = 200
_WORD = re.compile(r"[a-z0-9]+")
_IN_PATH = re.compile(r"\{([^{}]*)\}")

Call = Callable[[Principal, HttpCall, int], Awaitable[HttpAnswer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWish:
    """What is to be imported as which Api: the document itself, or the URL that it is fetched from."""

    api: ApiId
    content: bytes | None = None
    url: str = ""
    base_url: str = ""
    prefixes: Sequence[str] = ()
    strict: bool | None = None
    credential: Placement | None = None


class Definitions:
    """What Apis offer in detail. What one may not call, one does not find."""

    def __init__(self, apis: Apis, directory: Directory, store: DefinitionStore, call: Call) -> None:
        self._apis = apis
        self._directory = directory
        self._store = store
        self._call = call

    async def import_(self, actor: Principal, wish: ImportWish) -> Imported:
        """Register or update an Api as a document describes it.

        Raise Refused, InvalidDefinition, DefinitionTooLarge, what registering raises, or what a call raises.
        """
        await self._apis.permit_import(actor, wish.api)
        content = wish.content if wish.content is not None else await self._fetched(actor, wish.url)
        described = await asyncio.to_thread(read_described, content, wish.url, wish.prefixes)
        base_url = wish.base_url or described.base_url
        if not base_url:
            raise InvalidDefinition(field="base_url", reason="the document names no server; give its base URL")
        present = await self._present(actor, wish.api)
        draft = _draft(wish, replace_base(described, base_url), present)
        api = await (self._apis.update(actor, draft) if present else self._apis.register(actor, draft))
        await self._store.replace(actor.tenant, api.id, described.definitions)
        return Imported(
            api=api.id,
            base_url=api.base_url,
            endpoints=len(described.definitions),
            is_new=present is None,
            notes=described.notes,
        )

    async def _fetched(self, actor: Principal, url: str) -> bytes:
        answer = await self._call(actor, HttpCall(method="GET", url=url), MAX_BYTES)
        if answer.status != _OK:
            raise InvalidDefinition(field="url", upstream_status=answer.status, reason="there is no document there")
        return answer.body

    async def _present(self, actor: Principal, api: ApiId) -> Api | None:
        try:
            return await self._apis.show(actor, api)
        except ApiNotFound:
            return None

    async def show(self, actor: Principal, api: ApiId, endpoint: str) -> dict[str, Any]:
        """Return an endpoint in full detail; raise ApiNotFound or EndpointNotFound."""
        return outline(api, await self._found(actor, await self._api(actor, api), endpoint), 0)

    async def forms(self, actor: Principal, api: str, endpoint: str) -> list[dict[str, Any]]:
        """Return an endpoint in ever less detail; raise ApiNotFound or EndpointNotFound."""
        definition = await self._found(actor, await self._api(actor, ApiId(api)), endpoint)
        return [outline(api, definition, level) for level in range(LEVELS)]

    async def search(
        self, actor: Principal, query: str = "", *, api: ApiId | None = None, limit: int = 20, budget: int = 3000
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the endpoints that a query's words name best, in as much detail as the budget of tokens allows.

        The second value is how many of them did not fit. Raise InvalidLimit.
        """
        if not 1 <= limit <= MAX_FOUND:
            raise InvalidLimit(field="limit", value=limit, largest=MAX_FOUND)
        if not 1 <= budget <= MAX_BUDGET:
            raise InvalidLimit(field="budget", value=budget, largest=MAX_BUDGET)
        ranked = best(query, await self._callable(actor, api))[:limit]
        chosen: list[tuple[str, Definition]] = []
        spent = 0
        for each, endpoint in ranked:
            definition = await self._definition(each, endpoint)
            chosen.append((each.id, definition))
            spent += tokens(outline(each.id, definition, 4))
            if spent > budget:
                break
        told, left = outlined(chosen, budget)
        return told, left + len(ranked) - len(chosen)

    async def _callable(self, actor: Principal, only: ApiId | None) -> list[tuple[Api, Endpoint]]:
        listings = await self._directory.listings(actor.tenant)
        return [
            (listing.api, endpoint)
            for listing in listings.each()
            if only is None or listing.api.id == only
            for endpoint in listing.api.endpoints
            if may_call(actor, listing.api, endpoint)
        ]

    async def placed(self, actor: Principal, call: HttpCall, wanted: EndpointRef) -> HttpCall:
        """Return a call of an endpoint as a call of its URL, with what the call says besides.

        Raise ApiNotFound, EndpointNotFound or InvalidParameters.
        """
        api = await self._api(actor, ApiId(wanted.api))
        definition = await self._found(actor, api, wanted.id)
        made = placed_call(definition, api.base_url, wanted.parameters, call.body)
        return replace(
            call,
            endpoint=None,
            method=made.method,
            url=made.url,
            query={**made.query, **call.query},
            headers={**made.headers, **call.headers},
            body=made.body,
        )

    async def _api(self, actor: Principal, api: ApiId) -> Api:
        listing = (await self._directory.listings(actor.tenant)).get(api)
        if listing is None or not is_visible(actor, api):
            raise ApiNotFound(api=api[:100])
        return listing.api

    async def _found(self, actor: Principal, api: Api, endpoint: str) -> Definition:
        for each in api.endpoints:
            if endpoint in {each.id, f"{each.method} {each.path}"} and may_call(actor, api, each):
                return await self._definition(api, each)
        raise EndpointNotFound(api=api.id, endpoint=endpoint[:100])

    async def _definition(self, api: Api, endpoint: Endpoint) -> Definition:
        """Return an endpoint's definition; one that was described by hand is known by its path alone."""
        kept = await self._store.find(api.tenant, api.id, endpoint.id) if endpoint.id else None
        if kept is not None and (kept.method, kept.path) == (endpoint.method, endpoint.path):
            return kept
        return by_hand(endpoint)


def may_call(actor: Principal, api: Api, endpoint: Endpoint) -> bool:
    """Tell whether a principal may call an endpoint, or manages its Api."""
    resource = f"{api.id} {endpoint.method} {endpoint.path}"
    return actor.may("apis:call", resource) or actor.may("apis:call", api.id) or actor.may("apis:manage", api.id)


def by_hand(endpoint: Endpoint) -> Definition:
    """Return a definition of an endpoint that nobody described in detail: any query, any body."""
    named = [str(each.get("name", "")) for each in endpoint.parameters if each.get("in", "query") == "query"]
    return Definition(
        id=endpoint.id or f"{endpoint.method} {endpoint.path}",
        method=endpoint.method,
        path=endpoint.path,
        description=endpoint.description,
        parameters=(
            *(Parameter(name=name, place="path", required=True) for name in _IN_PATH.findall(endpoint.path)),
            *(Parameter(name=name, place="query") for name in named if name and f"{{{name}}}" not in endpoint.path),
        ),
        is_open=True,
    )


def best(query: str, offered: Iterable[tuple[Api, Endpoint]]) -> list[tuple[Api, Endpoint]]:
    """Return what a query's words stand in, best first; all, in their order, if it has no words."""
    words = set(_WORD.findall(query.lower()))
    if not words:
        return list(offered)
    scored = [(_score(words, api, endpoint), index, (api, endpoint)) for index, (api, endpoint) in enumerate(offered)]
    return [pair for score, _, pair in sorted(scored, key=lambda each: (-each[0], each[1])) if score]


def _score(words: set[str], api: Api, endpoint: Endpoint) -> float:
    texts = (
        (endpoint.id, 3.0),
        (endpoint.path, 2.0),
        (endpoint.description, 2.0),
        (api.id, 1.0),
        (api.description, 0.5),
    )
    score = 0.0
    for text, weight in texts:
        found = set(_WORD.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()))
        whole = words & found
        begun = {word for word in words - whole if len(word) > 2 and any(each.startswith(word) for each in found)}  # noqa: PLR2004 - shorter beginnings mean nothing
        score += weight * (len(whole) + len(begun) / 2)
    return score


def read_described(content: bytes, url: str, prefixes: Sequence[str]) -> Described:
    """Return what a document describes; raise InvalidDefinition or DefinitionTooLarge. It may take seconds."""
    tree = read_tree(content)
    if is_openapi(tree):
        described = read_openapi(tree, url, prefixes)
    elif is_postman(tree):
        described = read_postman(tree, prefixes)
    else:
        raise InvalidDefinition(reason="neither OpenAPI nor a Postman collection")
    if not described.definitions:
        raise InvalidDefinition(field="paths", reason="no endpoint is left to import")
    return _usable(described)


def _usable(described: Described) -> Described:
    """Leave out schemas that cannot be checked by, and say so."""
    notes: list[str] = list(described.notes)
    kept = []
    for each in described.definitions:
        definition = each
        if each.body is not None and not is_usable(each.body.schema):
            definition = msgspec.structs.replace(definition, body=msgspec.structs.replace(each.body, schema={}))
            notes.append(f"{each.method} {each.path}: the body's schema cannot be used and is not checked")
        parameters = tuple(
            parameter if is_usable(parameter.schema) else msgspec.structs.replace(parameter, schema={})
            for parameter in each.parameters
        )
        kept.append(msgspec.structs.replace(definition, parameters=parameters))
    return msgspec.structs.replace(described, definitions=tuple(kept), notes=tuple(notes[:200]))


def replace_base(described: Described, base_url: str) -> Described:
    """Return a description with another base URL, without a slash at its end."""
    return msgspec.structs.replace(described, base_url=base_url.rstrip("/"))


def _draft(wish: ImportWish, described: Described, present: Api | None) -> ApiDraft:
    """Return the Api as it will be: what operators decided stays, what the document says is new."""
    endpoints = tuple(
        Endpoint(id=each.id, method=each.method, path=each.path, description=each.description)
        for each in described.definitions
    )
    draft = ApiDraft(id=wish.api, base_url=described.base_url, description=described.description, endpoints=endpoints)
    if present is not None:
        kept = {name: getattr(present, name) for name in ("strict", "credential", "timeout", "max_answer_bytes")}
        draft = replace(draft, **kept)
    if wish.strict is not None:
        draft = replace(draft, strict=wish.strict)
    return replace(draft, credential=wish.credential) if wish.credential else draft
