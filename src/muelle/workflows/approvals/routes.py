"""The HTTP routes of approvals."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, answers
from muelle.identity import Principal
from muelle.workflows.approvals import shapes
from muelle.workflows.approvals.service import MAX_PAGE, Approvals, Verdict

Caller = Callable[[Request], Awaitable[Principal]]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="The next_cursor of the page before.")]
Run = Annotated[str, Path(pattern=shapes.RUN, description="The run that asks.")]
Place = Annotated[
    str, Path(pattern=shapes.PLACE, description="The operation that asks; in a loop with its turn: ask:3.")
]
_ENCODE = msgspec.json.Encoder().encode
_COMMENT = Body(shapes.Comment)
_OPTIONAL = {"requestBody": {**_COMMENT.description["requestBody"], "required": False}}
_SHOWN = answers(200, "The approval as it is now.", shapes.ApprovalShape)


def routes(approvals: Approvals, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["approvals"])
    who = Depends(caller)

    @router.get(
        "/approvals",
        responses=answers(200, "Open approvals that the caller may answer.", shapes.ApprovalPage),
        summary="List what waits for an answer",
    )
    async def list_approvals(
        principal: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await approvals.list(principal, limit, cursor)
        items = tuple(map(shapes.approval_shape, page.items))
        return _json(shapes.ApprovalPage(approvals=items, count=len(items), next_cursor=page.next))

    @router.get("/approvals/{execution_id}/{operation}", responses=_SHOWN, summary="Show an approval")
    async def show_approval(principal: Annotated[Principal, who], execution_id: Run, operation: Place) -> Response:
        return _json(shapes.approval_shape(await approvals.show(principal, execution_id, operation)))

    _answers(router, approvals, who)
    return router


def _answers(router: APIRouter, approvals: Approvals, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    async def answered(request: Request, principal: Principal, approval: tuple[str, str], verdict: Verdict) -> Response:
        comment = await _comment(request)
        identity: str = request.scope.get("muelle.request", "")
        found = await approvals.answer(principal, approval, verdict, comment, request=identity)
        return _json(shapes.approval_shape(found))

    @router.post(
        "/approvals/{execution_id}/{operation}/approve",
        responses=_SHOWN,
        openapi_extra=_OPTIONAL,
        summary="Say yes, and let the run go on",
    )
    async def approve(
        request: Request, principal: Annotated[Principal, who], execution_id: Run, operation: Place
    ) -> Response:
        return await answered(request, principal, (execution_id, operation), "approve")

    @router.post(
        "/approvals/{execution_id}/{operation}/reject",
        responses=_SHOWN,
        openapi_extra=_OPTIONAL,
        summary="Say no",
    )
    async def reject(
        request: Request, principal: Annotated[Principal, who], execution_id: Run, operation: Place
    ) -> Response:
        return await answered(request, principal, (execution_id, operation), "reject")


async def _comment(request: Request) -> str:
    """Return the comment of a body, which may be left out."""
    body = await request.body()
    if not body:
        return ""
    comment: shapes.Comment = _COMMENT.read(body, request.headers.get("content-type", ""))
    return comment.comment


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type="application/json")
