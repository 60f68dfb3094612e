"""The HTTP routes of workflows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BeforeValidator

from muelle.core import PrincipalId, dated
from muelle.engine import RunFilter, RunStatus
from muelle.identity import Principal
from muelle.workflows.answer import Format
from muelle.workflows.capabilities import Capabilities
from muelle.workflows.history import Executions
from muelle.workflows.requests import read_request
from muelle.workflows.runs import Runs
from muelle.workflows.service import Workflows
from muelle.workflows.shapes import CAPABILITIES, EXECUTE, EXECUTED, EXECUTION, EXECUTIONS, REPORT, REQUEST
from muelle.workflows.submissions import routes as submission_routes
from muelle.workflows.submissions.preferences import wants_stream
from muelle.workflows.submissions.service import Submissions, location
from muelle.workflows.submissions.streams import Streams

Caller = Callable[[Request], Awaitable[Principal]]
Moment = Annotated[datetime | None, BeforeValidator(dated)]
_JSON = "application/json"
_ID = r"^[A-Za-z0-9_-]{1,100}$"
_KIND = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
_CAUSE = r"^[!-~]{1,200}$"
_ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    """What the routes of workflows call."""

    workflows: Workflows
    runs: Runs
    submissions: Submissions
    streams: Streams
    executions: Executions
    capabilities: Capabilities


def routes(verbs: Verbs, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["workflows"])
    who = Depends(caller)

    @router.get("/capabilities", responses=CAPABILITIES, summary="What the caller may use")
    async def show_capabilities(principal: Annotated[Principal, who]) -> Response:
        return _json(await verbs.capabilities.of(principal))

    @router.post("/workflows/validate", responses=REPORT, openapi_extra=REQUEST, summary="Check a document")
    async def validate(request: Request, principal: Annotated[Principal, who]) -> Response:
        asked = read_request(await request.body(), request.headers.get("content-type", ""))
        report = await verbs.workflows.validate(
            principal, asked.document, request=request.scope.get("muelle.request", "")
        )
        return _json(report.body())

    @router.post("/workflows/execute", responses=EXECUTED, openapi_extra=EXECUTE, summary="Run a document")
    async def execute(
        request: Request,
        principal: Annotated[Principal, who],
        form: Annotated[Format, Query(alias="format", description="How much the answer tells.")] = "full",
    ) -> Response:
        headers, body = dict(request.scope["headers"]), await request.body()
        kind, identity = request.headers.get("content-type", ""), request.scope.get("muelle.request", "")
        if not wants_stream(headers):
            told = await verbs.submissions.take(principal, body, kind, headers, form, identity)
            return submission_routes.response_of(told)
        accepted = await verbs.submissions.submit(principal, read_request(body, kind), headers, identity)
        events = verbs.streams.follow(principal, accepted.run, again=lambda: caller(request))
        return await submission_routes.stream_of(events, request, (location(accepted.run), *accepted.headers))

    _history(router, verbs.executions, who)
    router.include_router(submission_routes.routes(verbs.runs, verbs.submissions, verbs.streams, caller))
    return router


def _history(router: APIRouter, executions: Executions, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/executions", responses=EXECUTIONS, summary="List runs, newest first")
    async def list_executions(  # noqa: PLR0913, PLR0917 - each is a query parameter
        principal: Annotated[Principal, who],
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
        status: Annotated[RunStatus | None, Query()] = None,
        agent_id: Annotated[str | None, Query(pattern=_ID)] = None,
        workflow_id: Annotated[str | None, Query(pattern=_ID)] = None,
        kind: Annotated[str | None, Query(pattern=_KIND, description="workflow, or a job of a pack.")] = None,
        cause: Annotated[str | None, Query(pattern=_CAUSE, description="As schedule:ID or rerun:ID.")] = None,
        since: Annotated[Moment, Query(description="From this time on.")] = None,
        until: Annotated[Moment, Query(description="Before this time.")] = None,
    ) -> Response:
        where = RunFilter(
            status=status,
            principal=PrincipalId(agent_id) if agent_id else None,
            workflow=workflow_id,
            kind=kind,
            cause=cause,
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
