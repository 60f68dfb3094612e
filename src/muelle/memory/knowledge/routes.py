"""The HTTP routes of knowledge bases."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, answers
from muelle.identity import Principal
from muelle.memory.knowledge import shapes
from muelle.memory.knowledge.errors import InvalidDocumentation
from muelle.memory.knowledge.model import Draft
from muelle.memory.knowledge.service import MAX_PAGE, Knowledge

Caller = Callable[[Request], Awaitable[Principal]]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="The next_cursor of the page before.")
]
Stored = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="The document's id.")]
OfBase = Annotated[str | None, Query(pattern=shapes.NAME, description="Only documents of this knowledge base.")]

_ENCODE = msgspec.json.Encoder().encode
_JSON = "application/json"
_NEW = Body(shapes.NewDocument)
_QUESTION = Body(shapes.Question)
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}


def routes(knowledge: Knowledge, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1/knowledge", tags=["knowledge"])
    who = Depends(caller)
    _documents(router, knowledge, who)
    _one(router, knowledge, who)
    _questions(router, knowledge, who)
    return router


def _documents(router: APIRouter, knowledge: Knowledge, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/documents", responses=answers(200, "Documents by id.", shapes.DocumentPage), summary="List documents")
    async def list_documents(
        actor: Annotated[Principal, who], base: OfBase = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await knowledge.list(actor, base or "", limit, cursor)
        items = tuple(map(shapes.document_shape, page.items))
        return _json(shapes.DocumentPage(documents=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/documents",
        status_code=201,
        responses=answers(201, "The document, of which all parts can be found.", shapes.DocumentShape),
        openapi_extra=_NEW.description,
        summary="Add a document to a knowledge base",
    )
    async def add_document(request: Request, actor: Annotated[Principal, who]) -> Response:
        body: shapes.NewDocument = await _read(_NEW, request)
        document = await knowledge.add(actor, _draft(body), request=_id(request))
        location = {"location": f"/api/v1/knowledge/documents/{document.id}"}
        return Response(_ENCODE(shapes.document_shape(document)), 201, location, media_type=_JSON)


def _one(router: APIRouter, knowledge: Knowledge, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/documents/{document}",
        responses=answers(200, "The document with its parts.", shapes.WholeDocument),
        summary="Show a document",
    )
    async def show_document(actor: Annotated[Principal, who], document: Stored) -> Response:
        found, parts = await knowledge.show(actor, document)
        return _json(shapes.WholeDocument(document=shapes.document_shape(found), parts=tuple(parts)))

    @router.delete("/documents/{document}", status_code=204, responses=_GONE, summary="Remove a document")
    async def remove_document(request: Request, actor: Annotated[Principal, who], document: Stored) -> Response:
        await knowledge.remove(actor, document, request=_id(request))
        return Response(status_code=204)


def _questions(router: APIRouter, knowledge: Knowledge, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/bases", responses=answers(200, "The bases that one may see.", shapes.BaseList), summary="List knowledge bases"
    )
    async def list_bases(actor: Annotated[Principal, who]) -> Response:
        bases = await knowledge.bases(actor)
        return _json(shapes.BaseList(bases=bases, count=len(bases)))

    @router.post(
        "/search",
        responses=answers(200, "Parts of documents, best first.", shapes.HitList),
        openapi_extra=_QUESTION.description,
        summary="Ask knowledge bases",
    )
    async def search_knowledge(request: Request, actor: Annotated[Principal, who]) -> Response:
        body: shapes.Question = await _read(_QUESTION, request)
        hits, note = await knowledge.search(actor, body.query, body.base or "", body.limit)
        return _json(shapes.HitList(query=body.query, results=hits, count=len(hits), note=note))


def _draft(body: shapes.NewDocument) -> Draft:
    if (body.text is None) == (body.data is None):
        raise InvalidDocumentation(field="text", reason="give either text or data")
    content = body.data if body.text is None else body.text.encode("utf-8", "replace")
    return Draft(base=body.base, title=body.title, content=content or b"", content_type=body.content_type)


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type=_JSON)


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity
