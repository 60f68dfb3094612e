"""The HTTP routes of the audit record."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator

from muelle.core import PrincipalId, answers, dated
from muelle.identity import shapes
from muelle.identity.audit import MAX_PAGE, AuditFilter
from muelle.identity.model import Decision, Principal
from muelle.identity.record import lines as act_lines
from muelle.identity.record.chain import Verified
from muelle.identity.record.service import MAX_SEALS, AuditRecord
from muelle.identity.service import Identity

Caller = Callable[[Request], Awaitable[Principal]]
Moment = Annotated[datetime | None, BeforeValidator(dated)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the page before.")]
_ENCODE = msgspec.json.Encoder().encode
_DOCUMENTED: dict[str, Any] = {"application/x-ndjson": {}, "text/csv": {}}
_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


class FaultShape(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a seal, or with what lies after it."""

    kind: str
    seal: int
    detail: str


class VerifiedShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found: send `next` as `after` to go on; it is null at the end."""

    whole: bool
    faults: tuple[FaultShape, ...]
    seals: int
    acts: int
    head: str
    unsealed: int
    unsealed_since: shapes.Moment | None
    next: int | None


class HeadShape(msgspec.Struct, frozen=True, kw_only=True):
    """The last seal of the chain, as NUMBER:DIGEST."""

    head: str


def verified_shape(told: Verified) -> VerifiedShape:
    """Return what a verification found as it is shown."""
    faults = tuple(FaultShape(kind=fault.kind, seal=fault.seal, detail=fault.detail) for fault in told.faults)
    return VerifiedShape(
        whole=not faults,
        faults=faults,
        seals=told.seals,
        acts=told.acts,
        head=told.head,
        unsealed=told.unsealed,
        unsealed_since=told.unsealed_since,
        next=told.next,
    )


def _who_and_what(
    agent_id: Annotated[str | None, Query(max_length=100, description="Who acted.")] = None,
    action: Annotated[str | None, Query(max_length=100, description="Such as agents.add.")] = None,
    resource: Annotated[str | None, Query(max_length=500, description="How the resource begins.")] = None,
    request_id: Annotated[str | None, Query(max_length=100, description="In which request.")] = None,
) -> AuditFilter:
    principal = PrincipalId(agent_id) if agent_id is not None else None
    return AuditFilter(principal=principal, action=action, resource=resource, request=request_id)


def _filtered(
    found: Annotated[AuditFilter, Depends(_who_and_what)],
    decision: Annotated[Decision | None, Query(description="What was decided.")] = None,
    since: Annotated[Moment, Query(description="From this time on.")] = None,
    until: Annotated[Moment, Query(description="Before this time.")] = None,
) -> AuditFilter:
    return replace(found, decision=decision, since=_aware(since), until=_aware(until))


Where = Annotated[AuditFilter, Depends(_filtered)]


def routes(identity: Identity, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter()
    who = Depends(caller)
    _reading(router, identity.record, who)
    _verifying(router, identity.record, who)
    return router


def _reading(router: APIRouter, record: AuditRecord, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/audit", responses=answers(200, "Acts, newest first.", shapes.ActPage), summary="Read the audit record"
    )
    async def list_acts(
        request: Request, actor: Annotated[Principal, who], where: Where, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await record.search(actor, where, limit, cursor, request=_id(request))
        items = tuple(map(shapes.act_shape, page.items))
        return _json(shapes.ActPage(acts=items, count=len(items), next_cursor=page.next))

    @router.get(
        "/audit/export",
        response_class=StreamingResponse,
        responses={200: {"description": "All acts, newest first, a line each.", "content": _DOCUMENTED}},
        summary="Export the audit record",
    )
    async def export_acts(
        request: Request,
        actor: Annotated[Principal, who],
        where: Where,
        form: Annotated[Literal["jsonl", "csv"], Query(alias="format", description="What a line is.")] = "jsonl",
    ) -> Response:
        first = await record.export(actor, where, request=_id(request))

        async def lines() -> AsyncIterator[bytes]:
            page, encoded = first, act_lines.csv_line if form == "csv" else act_lines.json_line
            yield act_lines.csv_head() if form == "csv" else b""
            while True:
                yield b"".join(encoded(shapes.act_shape(act)) for act in page.items)
                if page.next is None:
                    return
                page = await record.export(actor, where, page.next, request=_id(request))

        name = f'attachment; filename="audit.{form}"'
        return StreamingResponse(lines(), media_type=_TYPES[form], headers={"content-disposition": name})


def _verifying(router: APIRouter, record: AuditRecord, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/audit/head", responses=answers(200, "The chain's head.", HeadShape), summary="Show the head of the chain"
    )
    async def show_head(request: Request, actor: Annotated[Principal, who]) -> Response:
        return _json(HeadShape(head=await record.head(actor, request=_id(request))))

    @router.get(
        "/audit/verify",
        responses=answers(200, "What is wrong, if anything is.", VerifiedShape),
        summary="Verify the audit record",
    )
    async def verify_acts(
        request: Request,
        actor: Annotated[Principal, who],
        after: Annotated[int, Query(ge=0, le=(1 << 62), description="The seal to go on after.")] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_SEALS, description="How many seals to verify at most.")] = MAX_SEALS,
    ) -> Response:
        return _json(verified_shape(await record.verify(actor, after, limit, request=_id(request))))


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity


def _aware(at: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type="application/json")
