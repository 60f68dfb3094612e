"""The HTTP routes of domains."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, answers
from muelle.identity.audit import MAX_PAGE
from muelle.identity.domains.service import Domains
from muelle.identity.domains.shapes import DomainPage, DomainShape, NewDomain, domain_shape
from muelle.identity.model import Principal

Caller = Callable[[Request], Awaitable[Principal]]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=260, description="The next_cursor of the page before.")]
DomainName = Annotated[str, Path(max_length=260, description="The domain, such as example.com.")]
_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}


_NEW_DOMAIN = Body(NewDomain)


def routes(domains: Domains, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter()
    who = Depends(caller)

    @router.get("/domains", responses=answers(200, "Domains by name.", DomainPage), summary="List domains")
    async def list_domains(
        request: Request, actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await domains.list(actor, limit, cursor, request=_id(request))
        items = tuple(map(domain_shape, page.items))
        return _json(DomainPage(domains=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/domains",
        status_code=201,
        responses=answers(201, "The domain, and the record that shall show it.", DomainShape),
        openapi_extra=_NEW_DOMAIN.description,
        summary="Add a domain",
    )
    async def add_domain(request: Request, actor: Annotated[Principal, who]) -> Response:
        body: NewDomain = _NEW_DOMAIN.read(await request.body(), request.headers.get("content-type", ""))
        return _json(domain_shape(await domains.add(actor, body.domain, request=_id(request))), 201)

    @router.post(
        "/domains/{domain}/verify",
        responses=answers(200, "The domain, which counts now.", DomainShape),
        summary="Verify a domain",
    )
    async def verify_domain(request: Request, actor: Annotated[Principal, who], domain: DomainName) -> Response:
        return _json(domain_shape(await domains.verify(actor, domain, request=_id(request))))

    @router.delete("/domains/{domain}", status_code=204, responses=_GONE, summary="Remove a domain")
    async def remove_domain(request: Request, actor: Annotated[Principal, who], domain: DomainName) -> Response:
        await domains.remove(actor, domain, request=_id(request))
        return Response(status_code=204)

    return router


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity


def _json(shape: msgspec.Struct, status: int = 200) -> Response:
    return Response(_ENCODE(shape), status, media_type="application/json")
