"""The HTTP routes of definitions: import, search, show."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, answers
from muelle.egress.definitions.errors import InvalidImport
from muelle.egress.definitions.service import MAX_BUDGET, MAX_FOUND, Definitions, ImportWish
from muelle.egress.definitions.shapes import EndpointDetail, EndpointPage, ImportBody, ImportedShape
from muelle.egress.model import ApiId, CredentialId, Placement
from muelle.egress.shapes import NAME, PlacementShape
from muelle.identity import Principal

Caller = Callable[[Request], Awaitable[Principal]]
ApiName = Annotated[str, Path(pattern=NAME, description="The Api's id.")]
Words = Annotated[str, Query(max_length=500, description="Words to look for; without any, all endpoints.")]
Only = Annotated[str | None, Query(pattern=NAME, description="Only endpoints of this Api.")]
Limit = Annotated[int, Query(ge=1, le=MAX_FOUND, description="How many endpoints at most.")]
Budget = Annotated[int, Query(ge=1, le=MAX_BUDGET, description="How many tokens the endpoints may be worth together.")]

_ENCODE = msgspec.json.Encoder().encode
_IMPORT = Body(ImportBody)


def routes(definitions: Callable[[], Definitions], caller: Caller) -> APIRouter:
    """Return the routes; `definitions` is asked at the first request, `caller` tells who asks."""
    router = APIRouter(prefix="/api/v1", tags=["egress"])
    who = Depends(caller)
    _changes(router, definitions, who)
    _views(router, definitions, who)
    return router


def _changes(router: APIRouter, definitions: Callable[[], Definitions], who: Any) -> None:  # noqa: ANN401 - Depends
    @router.put(
        "/apis/{api}/definition",
        responses=answers(200, "What was imported.", ImportedShape),
        openapi_extra=_IMPORT.description,
        summary="Import an OpenAPI document or a Postman collection as an Api",
    )
    async def import_api(request: Request, actor: Annotated[Principal, who], api: ApiName) -> Response:
        body = _IMPORT.read(await request.body(), request.headers.get("content-type", ""))
        imported = await definitions().import_(actor, _wish(ApiId(api), body))
        return _json(ImportedShape(**msgspec.structs.asdict(imported)))


def _views(router: APIRouter, definitions: Callable[[], Definitions], who: Any) -> None:  # noqa: ANN401 - Depends
    @router.get(
        "/endpoints",
        responses=answers(200, "Endpoints that you may call, best first.", EndpointPage),
        summary="Search endpoints",
    )
    async def search_endpoints(
        actor: Annotated[Principal, who],
        q: Words = "",
        api: Only = None,
        limit: Limit = 20,
        budget: Budget = 3000,
    ) -> Response:
        only = None if api is None else ApiId(api)
        found, left = await definitions().search(actor, q, api=only, limit=limit, budget=budget)
        return _json(EndpointPage(endpoints=found, count=len(found), left_out=left))

    @router.get(
        "/apis/{api}/endpoints/{endpoint:path}",
        responses=answers(200, "The endpoint in full.", EndpointDetail),
        summary="Show an endpoint",
    )
    async def show_endpoint(actor: Annotated[Principal, who], api: ApiName, endpoint: str) -> Response:
        return _json(await definitions().show(actor, ApiId(api), endpoint))


def _wish(api: ApiId, body: ImportBody) -> ImportWish:
    if (body.document is None) == (body.url is None):
        raise InvalidImport(field="document")
    content = body.document.encode() if isinstance(body.document, str) else _ENCODE(body.document)
    return ImportWish(
        api=api,
        content=None if body.document is None else content,
        url=body.url or "",
        base_url=body.base_url or "",
        prefixes=tuple(body.prefixes),
        strict=body.strict,
        credential=_placement(body.credential),
    )


def _placement(body: PlacementShape | None) -> Placement | None:
    if body is None:
        return None
    return Placement(credential=CredentialId(body.credential), place=body.place, name=body.name)


def _json(shape: Any) -> Response:  # noqa: ANN401 - a shape, or what is one
    return Response(_ENCODE(shape), media_type="application/json")
