"""The HTTP routes of schedules: the same verbs as the command line's. The actor is whoever shows the key."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from muelle.core import Body, answers
from muelle.engine.schedules import shapes
from muelle.engine.schedules.checks import MAX_PAGE, MAX_PREVIEW
from muelle.engine.schedules.model import RESERVED, ScheduleId
from muelle.engine.schedules.service import Schedules
from muelle.identity import Principal

Caller = Callable[[Request], Awaitable[Principal]]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="The next_cursor of the page before.")]
Count = Annotated[int, Query(ge=1, le=MAX_PREVIEW, description="How many firings are wanted.")]
Named = Annotated[str, Path(pattern=shapes.NAME, description="The schedule's id.")]

_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_NEW = Body(shapes.NewSchedule)
_UPDATE = Body(shapes.ScheduleUpdate)
_PREVIEW = Body(shapes.Preview)
_NOTE = Body(shapes.Note)
_SHOWN = answers(200, "The schedule as it is now.", shapes.ScheduleShape)


class _NameConvertor(StringConvertor):
    """A segment that can be a schedule's id: `/preview` beside it is none."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED))})(?:/|$))[^/]+"


def routes(schedules: Schedules, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    register_url_convertor("schedule", _NameConvertor())
    router = APIRouter(prefix="/api/v1", tags=["schedules"])
    who = Depends(caller)
    _all(router, schedules, who)
    _one(router, schedules, who)
    _verbs(router, schedules, who)
    _looks(router, schedules, who)
    return router


def _all(router: APIRouter, schedules: Schedules, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/schedules", responses=answers(200, "Schedules by id.", shapes.SchedulePage), summary="List schedules")
    async def list_schedules(actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None) -> Response:
        page = await schedules.list(actor, limit, cursor)
        items = tuple(map(shapes.schedule_shape, page.items))
        return _json(shapes.SchedulePage(schedules=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/schedules",
        status_code=201,
        responses=answers(201, "The schedule.", shapes.ScheduleShape),
        openapi_extra=_NEW.description,
        summary="Add a schedule",
    )
    async def add_schedule(request: Request, actor: Annotated[Principal, who]) -> Response:
        draft = shapes.schedule_draft(await _read(_NEW, request), schedules.now())
        schedule = await schedules.create(actor, draft)
        location = {"location": f"/api/v1/schedules/{schedule.id}"}
        return Response(_ENCODE(shapes.schedule_shape(schedule)), 201, location, media_type="application/json")


def _one(router: APIRouter, schedules: Schedules, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/schedules/{schedule:schedule}", responses=_SHOWN, summary="Show a schedule")
    async def show_schedule(actor: Annotated[Principal, who], schedule: Named) -> Response:
        return _json(shapes.schedule_shape(await schedules.show(actor, ScheduleId(schedule))))

    @router.patch(
        "/schedules/{schedule:schedule}",
        responses=_SHOWN,
        openapi_extra=_UPDATE.description,
        summary="Change a schedule",
    )
    async def update_schedule(request: Request, actor: Annotated[Principal, who], schedule: Named) -> Response:
        body = await _read(_UPDATE, request)
        present = await schedules.show(actor, ScheduleId(schedule))
        draft = shapes.updated_schedule(present, body, schedules.now())
        return _json(shapes.schedule_shape(await schedules.update(actor, draft)))

    @router.delete("/schedules/{schedule:schedule}", status_code=204, responses=_GONE, summary="Remove a schedule")
    async def remove_schedule(actor: Annotated[Principal, who], schedule: Named) -> Response:
        await schedules.remove(actor, ScheduleId(schedule))
        return Response(status_code=204)


def _verbs(router: APIRouter, schedules: Schedules, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        "/schedules/{schedule:schedule}/pause",
        responses=_SHOWN,
        openapi_extra=_optional(_NOTE),
        summary="Pause a schedule",
    )
    async def pause_schedule(request: Request, actor: Annotated[Principal, who], schedule: Named) -> Response:
        note = await _note(request)
        return _json(shapes.schedule_shape(await schedules.pause(actor, ScheduleId(schedule), note)))

    @router.post(
        "/schedules/{schedule:schedule}/resume",
        responses=_SHOWN,
        openapi_extra=_optional(_NOTE),
        summary="Resume a schedule",
    )
    async def resume_schedule(request: Request, actor: Annotated[Principal, who], schedule: Named) -> Response:
        note = await _note(request)
        return _json(shapes.schedule_shape(await schedules.resume(actor, ScheduleId(schedule), note)))

    @router.post(
        "/schedules/{schedule:schedule}/run",
        status_code=202,
        responses=answers(202, "The run, which is queued.", shapes.Started),
        summary="Run now what a schedule runs",
    )
    async def run_schedule(actor: Annotated[Principal, who], schedule: Named) -> Response:
        run = await schedules.run(actor, ScheduleId(schedule))
        location = {"location": f"/api/v1/executions/{run}"}
        return Response(_ENCODE(shapes.Started(execution_id=run)), 202, location, media_type="application/json")


def _looks(router: APIRouter, schedules: Schedules, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    firings = answers(200, "The next firings, soonest first.", shapes.Firings)

    @router.post(
        "/schedules/preview",
        responses=firings,
        openapi_extra=_PREVIEW.description,
        summary="Try out when it would fire",
    )
    async def try_schedule(request: Request, _: Annotated[Principal, who]) -> Response:
        body = await _read(_PREVIEW, request)
        timing = shapes.timing_of(body, schedules.now())
        found = schedules.foresee(timing, shapes.rules_of(body), body.count)
        return _json(shapes.firings_shape(timing, found))

    @router.get("/schedules/{schedule:schedule}/preview", responses=firings, summary="When a schedule will fire")
    async def preview_schedule(actor: Annotated[Principal, who], schedule: Named, count: Count = 10) -> Response:
        found = await schedules.show(actor, ScheduleId(schedule))
        return _json(shapes.firings_shape(found.timing, schedules.foresee(found.timing, found.rules, count)))

    @router.get(
        "/schedules/{schedule:schedule}/executions",
        responses=answers(200, "The schedule's runs, newest first.", shapes.RunPageShape),
        summary="List the runs of a schedule",
    )
    async def list_schedule_executions(
        actor: Annotated[Principal, who], schedule: Named, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await schedules.history(actor, ScheduleId(schedule), limit, cursor)
        items = tuple(map(shapes.run_shape, page.runs))
        return _json(shapes.RunPageShape(executions=items, count=len(items), next_cursor=page.cursor))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


async def _note(request: Request) -> str:
    """Return the note of a body, which may be left out."""
    note: shapes.Note = await _read(_NOTE, request) if await request.body() else shapes.Note()
    return note.note


def _optional(body: Body[Any]) -> dict[str, Any]:
    return {"requestBody": {**body.description["requestBody"], "required": False}}


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type="application/json")
