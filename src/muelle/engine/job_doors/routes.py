"""The HTTP routes of jobs: what packs do in the background, handed in and looked at; the queue; the dead."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BeforeValidator

from muelle.core import Body, Clock, PrincipalId, answers, dated
from muelle.engine.job_doors import shapes
from muelle.engine.job_doors.service import OVER, JobDesk, Verb
from muelle.engine.model import RunFilter, RunRecord, RunStatus
from muelle.identity import Principal

Caller = Callable[[Request], Awaitable[Principal]]
MAX_PAGE = 500
Moment = Annotated[datetime | None, BeforeValidator(dated)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="The next_cursor of the page before.")]
Run = Annotated[str, Path(pattern=shapes.RUN, description="The job's id, as handing it in returned it.")]
_ENCODE = msgspec.json.Encoder().encode
_NEW = Body(shapes.NewJob)
_PAUSE = Body(shapes.KeyPause)
_JSON = "application/json"
_CHANGES: Mapping[Verb, str] = {
    "cancel": "End a job, or put a dead one away",
    "pause": "Let a job stop before its next effect",
    "resume": "Have a paused job go on",
    "replay": "Try a dead job again; what it remembers it keeps",
}


class Preferred(Protocol):
    """What a request prefers: RFC 7240."""

    @property
    def wait(self) -> int | None:
        """For how many seconds the answer may be waited for."""
        ...

    def applied(self, seconds: float) -> bytes:
        """Return the header that says what was heeded."""
        ...


Preferences = Callable[[Mapping[bytes, bytes]], tuple[Preferred | None, str]]
"""Reads headers: what is preferred, and the idempotency key or ""."""


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _given(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_TAKEN = answers(202, "The job goes on by itself.", shapes.JobDetail)
_HEADERS = {
    "Location": _header("Where the job is shown."),
    "Preference-Applied": _header("Which preferences were heeded."),
    "Idempotent-Replayed": _header("'true' where an earlier request with this key handed the job in."),
}
_SUBMITTED: dict[int | str, dict[str, Any]] = {
    200: {**answers(200, "The job has ended.", shapes.JobDetail)[200], "headers": _HEADERS},
    202: {**_TAKEN[202], "headers": _HEADERS},
}
_PARAMETERS = [
    _given(
        "Prefer", "'wait=N': answer once the job has ended, or after N seconds.", "^(wait=[0-9]{1,4}|respond-async)$"
    ),
    _given("Idempotency-Key", "A repetition with the same key and body gets the first one's job.", "^[!-~]{1,255}$"),
]


def routes(desk: JobDesk, clock: Clock, caller: Caller, preferences: Preferences, longest_wait: float) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated; waits last `longest_wait` at most."""
    router = APIRouter(prefix="/api/v1", tags=["jobs"])
    who = Depends(caller)
    _kinds(router, desk, who)
    _submitting(router, desk, clock, who, (preferences, longest_wait))
    _looks(router, desk, who)
    for verb, summary in _CHANGES.items():
        _change(router, desk, verb, summary, who)
    _operating(router, desk, who)
    return router


def _kinds(router: APIRouter, desk: JobDesk, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/jobs/kinds",
        responses=answers(200, "The jobs that the caller may hand in.", shapes.Kinds),
        summary="List which jobs there are",
    )
    async def list_job_kinds(principal: Annotated[Principal, who]) -> Response:
        kinds = tuple(map(shapes.kind_shape, desk.kinds(principal)))
        return _json(shapes.Kinds(kinds=kinds, count=len(kinds)))


def _submitting(
    router: APIRouter,
    desk: JobDesk,
    clock: Clock,
    who: Any,  # noqa: ANN401 - as above
    waiting: tuple[Preferences, float],
) -> None:
    preferences, longest = waiting

    @router.post(
        "/jobs",
        status_code=202,
        responses=_SUBMITTED,
        openapi_extra={**_NEW.description, "parameters": _PARAMETERS},
        summary="Hand a job in",
    )
    async def submit_job(request: Request, principal: Annotated[Principal, who]) -> Response:
        new = _NEW.read(await request.body(), request.headers.get("content-type", ""))
        preferred, key = preferences(dict(request.scope["headers"]))
        order = shapes.order_of(new, key, clock.now())
        submitted = await desk.submit(principal, new.kind, new.payload, order, request=_id(request))
        headers = {"location": f"/api/v1/jobs/{submitted.run}"}
        if not submitted.is_new:
            headers["idempotent-replayed"] = "true"
        if preferred is not None:
            seconds = min(preferred.wait or 0, longest)
            headers["preference-applied"] = preferred.applied(seconds).decode()
            if seconds:
                await desk.wait(principal, submitted.run, seconds)
        shown = await desk.show(principal, submitted.run)
        status = 200 if shown[0].status in OVER else 202
        return Response(_ENCODE(shapes.job_detail(*shown)), status, headers, media_type=_JSON)


def _looks(router: APIRouter, desk: JobDesk, who: Any) -> None:  # noqa: ANN401 - as above
    @router.get("/jobs", responses=answers(200, "Jobs, newest first.", shapes.JobPage), summary="List jobs")
    async def list_jobs(  # noqa: PLR0913, PLR0917 - each is a parameter of the query
        principal: Annotated[Principal, who],
        kind: Annotated[str | None, Query(pattern=shapes.KIND, description="Only this kind.")] = None,
        status: Annotated[RunStatus | None, Query(description="Only those that stand or ended so.")] = None,
        agent_id: Annotated[str | None, Query(pattern=shapes.RUN, description="Only those of this agent.")] = None,
        since: Annotated[Moment, Query(description="Handed in from this time on.")] = None,
        until: Annotated[Moment, Query(description="Handed in before this time.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        owner = None if agent_id is None else PrincipalId(agent_id)
        where = RunFilter(kind=kind, status=status, principal=owner, since=_aware(since), until=_aware(until))
        page = await desk.page(principal, where, limit, cursor)
        return _page(page.runs, page.cursor)

    @router.get(
        "/jobs/{execution_id}",
        responses=answers(200, "The job, with what it returned.", shapes.JobDetail),
        summary="Show a job",
    )
    async def show_job(principal: Annotated[Principal, who], execution_id: Run) -> Response:
        return _json(shapes.job_detail(*await desk.show(principal, execution_id)))


def _change(router: APIRouter, desk: JobDesk, verb: Verb, summary: str, who: Any) -> None:  # noqa: ANN401 - as above
    @router.post(
        f"/jobs/{{execution_id}}/{verb}",
        name=f"{verb}_job",
        status_code=202,
        responses=answers(202, "Taken; whoever has the job in hand is told.", shapes.JobShape),
        summary=summary,
    )
    async def change(request: Request, principal: Annotated[Principal, who], execution_id: Run) -> Response:
        record = await desk.change(principal, execution_id, verb, request=_id(request))
        return Response(_ENCODE(shapes.job_shape(record)), 202, media_type=_JSON)


def _operating(router: APIRouter, desk: JobDesk, who: Any) -> None:  # noqa: ANN401 - as above
    @router.get(
        "/dead",
        responses=answers(200, "Runs of any kind that were given up, newest first.", shapes.JobPage),
        summary="List what was given up",
    )
    async def list_dead(principal: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None) -> Response:
        page = await desk.dead(principal, limit, cursor)
        return _page(page.runs, page.cursor)

    @router.get(
        "/queue",
        responses=answers(200, "What waits, and who is there to do it.", shapes.QueueShape),
        summary="Look at the queue",
    )
    async def show_queue(principal: Annotated[Principal, who]) -> Response:
        return _json(shapes.queue_shape(await desk.queue(principal)))

    @router.post(
        "/queue/pause-key",
        status_code=204,
        responses={204: {"description": "No job of the key begins until then."}},
        openapi_extra=_PAUSE.description,
        summary="Let no job of a rate key begin for a while",
    )
    async def pause_key(request: Request, principal: Annotated[Principal, who]) -> Response:
        asked = _PAUSE.read(await request.body(), request.headers.get("content-type", ""))
        await desk.pause_rate(principal, asked.key, asked.seconds, request=_id(request))
        return Response(status_code=204)


def _aware(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _page(records: tuple[RunRecord, ...], cursor: str | None) -> Response:
    items = tuple(map(shapes.job_shape, records))
    return _json(shapes.JobPage(jobs=items, count=len(items), next_cursor=cursor))


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type=_JSON)


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity
