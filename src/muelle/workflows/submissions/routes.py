"""The HTTP routes of runs that go on by themselves: their answers, their events, and what may be done to them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from muelle.core import Body, MuelleError
from muelle.identity import Principal
from muelle.workflows.answer import Format
from muelle.workflows.history import entry_of
from muelle.workflows.requests import PriorityChange, RerunRequest
from muelle.workflows.runs import Runs, Verb
from muelle.workflows.shapes import ACCEPTED, CHANGED, ENTRY, EVENTS, LAST_EVENT, RESULT, SUBMISSION_KEY
from muelle.workflows.submissions.event_text import OPENING, event_text
from muelle.workflows.submissions.preferences import last_event
from muelle.workflows.submissions.service import Header, Submissions, Told
from muelle.workflows.submissions.streams import RunEvent, Streams

Caller = Callable[[Request], Awaitable[Principal]]
ExecutionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Events = AsyncGenerator[RunEvent | None, None]
_JSON = "application/json"
_ENCODE = msgspec.json.Encoder().encode
_RERUN = Body(RerunRequest)
_PRIORITY = Body(PriorityChange)
_VERBS: Mapping[Verb, str] = {
    "cancel": "End a run; what it names for compensation is done",
    "pause": "Let a run come to a step's end, and stop there",
    "resume": "Have a paused run go on",
    "replay": "Have a run go on that was given up",
}


def routes(runs: Runs, submissions: Submissions, streams: Streams, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/executions")
    who = Depends(caller)
    _looks(router, submissions, streams, caller)
    for verb, summary in _VERBS.items():
        _change(router, runs, verb, summary, who)
    _again(router, runs, submissions, who)
    return router


def _looks(router: APIRouter, submissions: Submissions, streams: Streams, caller: Caller) -> None:
    who = Depends(caller)

    @router.get("/{execution_id}/result", responses=RESULT, summary="A run's answer, once it has ended")
    async def show_result(
        principal: Annotated[Principal, who],
        execution_id: ExecutionId,
        form: Annotated[Format, Query(alias="format", description="How much the answer tells.")] = "full",
        wait: Annotated[float, Query(ge=0, le=86_400, description="Wait so many seconds for it to end.")] = 0,
    ) -> Response:
        return response_of(await submissions.result(principal, execution_id, form, wait))

    @router.get("/{execution_id}/events", responses=EVENTS, openapi_extra=LAST_EVENT, summary="What happens in a run")
    async def follow_execution(
        request: Request,
        principal: Annotated[Principal, who],
        execution_id: ExecutionId,
        after: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="As Last-Event-ID.")] = None,
    ) -> Response:
        seen = last_event(dict(request.scope["headers"]), after)
        events = streams.follow(principal, execution_id, seen, lambda: caller(request))
        return await stream_of(events, request)


def _change(router: APIRouter, runs: Runs, verb: Verb, summary: str, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        f"/{{execution_id}}/{verb}", name=f"{verb}_execution", status_code=202, responses=CHANGED, summary=summary
    )
    async def change(request: Request, principal: Annotated[Principal, who], execution_id: ExecutionId) -> Response:
        record = await runs.change(principal, execution_id, verb, request=_id(request))
        return Response(_ENCODE(entry_of(record)), 202, media_type=_JSON)


def _again(router: APIRouter, runs: Runs, submissions: Submissions, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        "/{execution_id}/rerun",
        status_code=202,
        responses=ACCEPTED,
        openapi_extra={**_optional(_RERUN.description), **SUBMISSION_KEY},
        summary="Run a document again, from an operation on",
    )
    async def rerun_execution(
        request: Request, principal: Annotated[Principal, who], execution_id: ExecutionId
    ) -> Response:
        body = await request.body() or b"{}"
        asked = _RERUN.read(body, request.headers.get("content-type", ""))
        headers = dict(request.scope["headers"])
        return response_of(await submissions.rerun(principal, execution_id, asked, headers, _id(request)))

    @router.patch(
        "/{execution_id}", responses=ENTRY, openapi_extra=_PRIORITY.description, summary="Give a run another priority"
    )
    async def prioritise_execution(
        request: Request, principal: Annotated[Principal, who], execution_id: ExecutionId
    ) -> Response:
        asked = _PRIORITY.read(await request.body(), request.headers.get("content-type", ""))
        record = await runs.prioritise(principal, execution_id, asked.priority, request=_id(request))
        return Response(_ENCODE(entry_of(record)), media_type=_JSON)


def response_of(told: Told) -> Response:
    """Return an answer as the framework has it."""
    return Response(told.body, told.status, _text_headers(told.headers), media_type=_JSON)


async def stream_of(events: Events, request: Request, headers: Sequence[Header] = ()) -> Response:
    """Return a stream of events; what is wrong is raised before it begins, and one without events is 204.

    That tells a browser not to ask again.
    """
    try:
        first = await anext(events)
    except StopAsyncIteration:
        return Response(status_code=204)
    if request.scope.get("muelle.head"):
        await events.aclose()
        return Response(media_type=_EventStream.media_type)
    return _EventStream(_text(first, events), {**_text_headers(headers), "x-accel-buffering": "no"})


class _EventStream(StreamingResponse):
    """A stream that ends, and frees what it holds, as soon as the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, text: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(text, headers=headers)
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the protocol's
        """Send until there is no more, or nobody to send it to."""
        tasks = [asyncio.ensure_future(self.stream_response(send)), asyncio.ensure_future(_left(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            sent, _ = await asyncio.gather(*tasks, return_exceptions=True)
            await self._text.aclose()
        if isinstance(sent, Exception):
            raise sent


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _text(first: RunEvent | None, events: Events) -> AsyncGenerator[bytes, None]:
    """Yield events as text; what goes wrong on the way is told as `stream.closed`, for the answer has begun."""
    async with aclosing(events):
        yield OPENING + event_text(first)
        try:
            async for event in events:
                yield event_text(event)
        except MuelleError as error:
            yield event_text(RunEvent("stream.closed", None, _ENCODE(error.problem())))


def _text_headers(headers: Sequence[Header]) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in headers}


def _optional(description: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {**description["requestBody"], "required": False}}


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity
