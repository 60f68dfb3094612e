"""The HTTP routes of workflows."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BeforeValidator

from muelle.core import PrincipalId, dated
from muelle.engine import RunFilter
from muelle.identity import Principal
from muelle.workflows.answer import Format, encode_answer
from muelle.workflows.capabilities import Capabilities
from muelle.workflows.history import Executions
from muelle.workflows.requests import read_request
from muelle.workflows.service import Workflows
from muelle.workflows.shapes import ANSWER, CAPABILITIES, EXECUTION, EXECUTIONS, REPORT, REQUEST

Caller = Callable[[Request], Awaitable[Principal]]
Moment = Annotated[datetime | None, BeforeValidator(dated)]
_JSON = "application/json"
_ID = r"^[A-Za-z0-9_-]{1,100}$"
_ENCODE = msgspec.json.Encoder().encode


def routes(workflows: Workflows, executions: Executions, capabilities: Capabilities, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["workflows"])
    who = Depends(caller)

    @router.get("/capabilities", responses=CAPABILITIES, summary="What the caller may use")
    async def show_capabilities(principal: Annotated[Principal, who]) -> Response:
        return _json(await capabilities.of(principal))

    @router.post("/workflows/validate", responses=REPORT, openapi_extra=REQUEST, summary="Check a document")
    async def validate(request: Request, principal: Annotated[Principal, who]) -> Response:
        asked = read_request(await request.body(), request.headers.get("content-type", ""))
        report = await workflows.validate(principal, asked.document, request=request.scope.get("muelle.request", ""))
        return _json(report.body())

    @router.post("/workflows/execute", responses=ANSWER, openapi_extra=REQUEST, summary="Run a document")
    async def execute(
        request: Request,
        principal: Annotated[Principal, who],
        form: Annotated[Format, Query(alias="format", description="How much the answer tells.")] = "full",
    ) -> Response:
        asked = read_request(await request.body(), request.headers.get("content-type", ""))
        identity = request.scope.get("muelle.request", "")
        outcome = await workflows.run(principal, asked.document, asked.inputs, request=identity)
        return Response(encode_answer(outcome, form), media_type=_JSON)

    _history(router, executions, who)
    return router


def _history(router: APIRouter, executions: Executions, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/executions", responses=EXECUTIONS, summary="List runs, newest first")
    async def list_executions(  # noqa: PLR0913, PLR0917 - each is a query parameter
        principal: Annotated[Principal, who],
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
        status: Annotated[Literal["running", "success", "partial_success", "error"] | None, Query()] = None,
        agent_id: Annotated[str | None, Query(pattern=_ID)] = None,
        workflow_id: Annotated[str | None, Query(pattern=_ID)] = None,
        since: Annotated[Moment, Query(description="From this time on.")] = None,
        until: Annotated[Moment, Query(description="Before this time.")] = None,
    ) -> Response:
        where = RunFilter(
            status=status,
            principal=PrincipalId(agent_id) if agent_id else None,
            workflow=workflow_id,
            since=_aware(since),
            until=_aware(until),
        )
        return _json(await executions.page(principal, where, limit, cursor))

    @router.get("/executions/{execution_id}", responses=EXECUTION, summary="One run with its timeline")
    async def show_execution(
        principal: Annotated[Principal, who], execution_id: Annotated[str, Path(pattern=_ID)]
    ) -> Response:
        return _json(await executions.show(principal, execution_id))


def _aware(at: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _json(body: dict[str, Any]) -> Response:
    return Response(_ENCODE(body), media_type=_JSON)
