"""The HTTP routes of triggers, and the door of webhooks, which strangers call: it asks for no key but a signature."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, Secret, answers
from muelle.identity import Principal
from muelle.workflows.triggers import shapes
from muelle.workflows.triggers.hooks import Hooks, Inbound
from muelle.workflows.triggers.model import Trial
from muelle.workflows.triggers.schemes import Signed
from muelle.workflows.triggers.service import MAX_PAGE, Triggers

Caller = Callable[[Request], Awaitable[Principal]]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="The next_cursor of the page before.")
]
Named = Annotated[str, Path(pattern=shapes.NAME, description="The trigger's name or id.")]
Stored = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]

_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_NEW = Body(shapes.NewTrigger)
_UPDATE = Body(shapes.TriggerUpdate)
_ROTATION = Body(shapes.Rotation)
_SAMPLE = Body(shapes.Sample)
_JSON = "application/json"
_ANSWER = {"type": "object", "properties": {"outcome": {"type": "string"}, "run": {"type": ["string", "null"]}}}
_TAKEN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Taken, and no new run: a repetition, an event that does not fit, or a handshake.",
        "content": {_JSON: {"schema": _ANSWER}, "text/plain": {"schema": {"type": "string"}}},
    },
    202: {"description": "Taken: the run that it started.", "content": {_JSON: {"schema": _ANSWER}}},
}
_CALL: dict[str, Any] = {
    "security": [],
    "requestBody": {"content": {"*/*": {"schema": {}}}, "description": "JSON, a form, or anything else."},
}


def routes(triggers: Triggers, caller: Caller) -> APIRouter:
    """Return the routes of administration; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["triggers"])
    who = Depends(caller)
    _all(router, triggers, who)
    _one(router, triggers, who)
    _switches(router, triggers, who)
    _deliveries(router, triggers, who)
    return router


def hook_routes(hooks: Hooks) -> APIRouter:
    """Return the route that strangers call; it has no principal, and authenticates by signature."""
    router = APIRouter(prefix="/hooks", tags=["triggers"])

    @router.post(
        "/{tenant}/{hook}", responses=_TAKEN, openapi_extra=_CALL, status_code=202, summary="Call a webhook, signed"
    )
    async def call_hook(request: Request, tenant: Stored, hook: Stored) -> Response:
        signed = Signed(dict(request.headers), await request.body())
        address = request.client.host if request.client else ""
        answer = await hooks.receive(Inbound(tenant, hook, signed, address, _id(request)))
        if answer.body is None:
            return Response(answer.text, answer.status, media_type="text/plain")
        return Response(_ENCODE(answer.body), answer.status, media_type=_JSON)

    return router


def _all(router: APIRouter, triggers: Triggers, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/triggers", responses=answers(200, "Triggers by name.", shapes.TriggerPage), summary="List triggers")
    async def list_triggers(actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None) -> Response:
        page = await triggers.list(actor, limit, cursor)
        items = tuple(map(shapes.trigger_shape, page.items))
        return _json(shapes.TriggerPage(triggers=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/triggers",
        status_code=201,
        responses=answers(201, "The trigger; a secret that was made is shown this once.", shapes.TriggerShape),
        openapi_extra=_NEW.description,
        summary="Add a trigger",
    )
    async def add_trigger(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW, request)
        secret = Secret(body.secret) if body.secret is not None else None
        trigger, made = await triggers.add(actor, shapes.draft_of(body), secret, request=_id(request))
        location = {"location": f"/api/v1/triggers/{trigger.name}"}
        return Response(_ENCODE(shapes.trigger_shape(trigger, made)), 201, location, media_type=_JSON)


def _one(router: APIRouter, triggers: Triggers, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/triggers/{trigger}", responses=answers(200, "The trigger.", shapes.TriggerShape), summary="Show a trigger"
    )
    async def show_trigger(actor: Annotated[Principal, who], trigger: Named) -> Response:
        return _json(shapes.trigger_shape(await triggers.show(actor, trigger)))

    @router.patch(
        "/triggers/{trigger}",
        responses=answers(200, "The trigger as it is now.", shapes.TriggerShape),
        openapi_extra=_UPDATE.description,
        summary="Change a trigger",
    )
    async def update_trigger(request: Request, actor: Annotated[Principal, who], trigger: Named) -> Response:
        body = await _read(_UPDATE, request)
        draft = shapes.updated(await triggers.show(actor, trigger), body)
        return _json(shapes.trigger_shape(await triggers.update(actor, trigger, draft, request=_id(request))))

    @router.delete("/triggers/{trigger}", status_code=204, responses=_GONE, summary="Remove a trigger")
    async def remove_trigger(request: Request, actor: Annotated[Principal, who], trigger: Named) -> Response:
        await triggers.remove(actor, trigger, request=_id(request))
        return Response(status_code=204)


def _switches(router: APIRouter, triggers: Triggers, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        "/triggers/{trigger}/enable",
        responses=answers(200, "The trigger, which fires again.", shapes.TriggerShape),
        summary="Enable a trigger",
    )
    async def enable_trigger(request: Request, actor: Annotated[Principal, who], trigger: Named) -> Response:
        return _json(shapes.trigger_shape(await triggers.enable(actor, trigger, request=_id(request))))

    @router.post(
        "/triggers/{trigger}/disable",
        responses=answers(200, "The trigger, which fires no more.", shapes.TriggerShape),
        summary="Disable a trigger",
    )
    async def disable_trigger(request: Request, actor: Annotated[Principal, who], trigger: Named) -> Response:
        return _json(shapes.trigger_shape(await triggers.disable(actor, trigger, request=_id(request))))

    @router.post(
        "/triggers/{trigger}/rotate-secret",
        responses=answers(200, "The trigger; a secret that was made is shown this once.", shapes.TriggerShape),
        openapi_extra=_ROTATION.description,
        summary="Give a webhook a new secret",
    )
    async def rotate_secret(request: Request, actor: Annotated[Principal, who], trigger: Named) -> Response:
        body = await _read(_ROTATION, request)
        secret = Secret(body.secret) if body.secret is not None else None
        changed, made = await triggers.rotate(actor, trigger, body.overlap_seconds, secret, request=_id(request))
        return _json(shapes.trigger_shape(changed, made))


def _deliveries(router: APIRouter, triggers: Triggers, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post(
        "/triggers/{trigger}/test",
        responses=answers(200, "What it would do with the event; nothing is run.", Trial),
        openapi_extra=_SAMPLE.description,
        summary="Try a trigger with an event",
    )
    async def test_trigger(request: Request, actor: Annotated[Principal, who], trigger: Named) -> Response:
        body = await _read(_SAMPLE, request)
        return _json(await triggers.test(actor, trigger, body.event))

    @router.get(
        "/triggers/{trigger}/deliveries",
        responses=answers(200, "What became of events, newest first.", shapes.DeliveryPage),
        summary="List a trigger's deliveries",
    )
    async def list_deliveries(
        actor: Annotated[Principal, who], trigger: Named, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await triggers.deliveries(actor, trigger, limit, cursor)
        items = tuple(map(shapes.delivery_shape, page.items))
        return _json(shapes.DeliveryPage(deliveries=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/triggers/{trigger}/deliveries/{delivery}/replay",
        responses=answers(200, "What became of it now.", shapes.DeliveryShape),
        summary="Fire a trigger with a dead letter",
    )
    async def replay_delivery(
        request: Request, actor: Annotated[Principal, who], trigger: Named, delivery: Stored
    ) -> Response:
        return _json(shapes.delivery_shape(await triggers.replay(actor, trigger, delivery, request=_id(request))))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type=_JSON)


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity
