"""The HTTP application: the routes of all rooms, their errors as problems, their description as OpenAPI."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from muelle import __version__
from muelle.app import App, open_app, read_configuration
from muelle.core import MuelleError, Unavailable
from muelle.core.prometheus import CONTENT_TYPE, PrometheusMetrics
from muelle.doors.http import limit_routes
from muelle.doors.http.door import CALLER, METHODS, Door, Hot, authenticated, note_fault, verified
from muelle.doors.http.hot import hot_routes
from muelle.doors.http.keyless import Api
from muelle.doors.http.limits import Gate
from muelle.doors.http.problems import (
    EndpointNotFound,
    HttpFault,
    MethodNotAllowed,
    Reply,
    invalid_parameter,
    to_problem,
)
from muelle.doors.http.schema import COMMON, describe
from muelle.doors.http.versions import versions_body
from muelle.egress import routes as egress_routes
from muelle.egress.definitions import routes as definition_routes
from muelle.egress.queries import routes as query_routes
from muelle.engine.job_doors import routes as job_routes
from muelle.engine.schedules import routes as schedule_routes
from muelle.identity import DEFAULT_TENANT, Limits, Principal, Refused
from muelle.identity import routes as identity_routes
from muelle.identity.federation import routes as federation_routes
from muelle.identity.tokens import routes as token_routes
from muelle.identity.users import routes as user_routes
from muelle.memory.discovery import routes as discovery_routes
from muelle.memory.knowledge import routes as knowledge_routes
from muelle.rooms import approvals_of, discovery_of, jobs_of, saved_of, schedules_of, triggers_of
from muelle.workflows import routes as workflow_routes
from muelle.workflows.approvals import routes as approval_routes
from muelle.workflows.submissions.preferences import Headers, Preference, idempotency_key, preference
from muelle.workflows.triggers import routes as trigger_routes
from muelle.workflows.versions import routes as version_routes


def build_door(app: App) -> Door:
    """Return the ASGI application that serves an App."""
    return around(app, build_api(app), hot_routes(app.submissions))


def around(app: App, api: Api, hot: Mapping[tuple[str, str], Hot]) -> Door:
    """Return the door around the routes of an App, some of which are hot."""
    door = Door(api, hot, app.identity, app.ids, app.metrics, app.settings.http)
    door.gate = Gate(app.budgets, app.clock, api.is_keyless)
    return door


def build_api(app: App) -> Api:
    """Return the framework's application: every route there is, hot ones too."""
    api = Api(
        title="Muelle",
        version=__version__,
        summary="The place where AI agents do their work.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=COMMON,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )

    async def caller(request: Request) -> Principal:
        if CALLER in request.scope:
            return verified(request.scope)
        return await authenticated(app.identity, dict(request.scope["headers"]), _request_of(request))

    api.include_router(workflow_routes.routes(_verbs(app), caller))
    api.include_router(egress_routes.routes(app.egress.apis, app.egress.credentials, app.egress.policies, caller))
    api.include_router(definition_routes.routes(lambda: app.egress.definitions, caller))
    api.include_router(query_routes.routes(lambda: app.egress.queries, caller))
    api.include_router(identity_routes.routes(app.identity, caller))
    api.include_router(limit_routes.routes(Limits(app.identity.registry, app.budgets), caller))
    _include_rooms(api, app, caller)
    _include_users(api, app, caller)
    api.include_router(_platform(app, caller))
    api.add_exception_handler(MuelleError, _on_error)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(HTTPException, _on_http)
    api.add_exception_handler(Exception, _on_crash)
    describe(api)
    return api


def _include_rooms(api: FastAPI, app: App, caller: Any) -> None:  # noqa: ANN401 - a FastAPI dependency
    saved, triggers = saved_of(app), triggers_of(app)
    schedules, _ = schedules_of(app)
    longest_wait = app.settings.workflows.submissions.wait_seconds
    api.include_router(job_routes.routes(jobs_of(app), app.clock, caller, _preferences, longest_wait))
    api.include_router(approval_routes.routes(approvals_of(app), caller))
    api.include_router(schedule_routes.routes(schedules, caller))
    api.include_router(trigger_routes.routes(triggers.triggers, caller))
    api.include_router(trigger_routes.hook_routes(triggers.hooks))
    api.include_router(knowledge_routes.routes(app.memory.knowledge, caller))
    api.include_router(discovery_routes.routes(discovery_of(app), caller))
    api.include_router(version_routes.routes(saved.workflows, saved.runs, app.submissions, app.clock, caller))


def _include_users(api: FastAPI, app: App, caller: Any) -> None:  # noqa: ANN401 - a FastAPI dependency
    tokens = app.people.tokens
    federation = app.people.federation
    app.identity.accept(federation.bearers)
    api.include_router(federation_routes.routes(federation.federation))
    api.include_router(token_routes.routes(tokens, app.settings.identity.tokens, caller))
    api.include_router(user_routes.routes(app.people.users, partial(token_routes.sessioned, tokens), caller))


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document, which is the same for every installation."""

    async def document() -> dict[str, Any]:
        async with open_app(read_configuration(None, {}), None) as app:
            return build_api(app).openapi()

    return asyncio.run(document())


def _verbs(app: App) -> workflow_routes.Verbs:
    return workflow_routes.Verbs(
        workflows=app.workflows,
        runs=app.runs,
        submissions=app.submissions,
        streams=app.streams,
        executions=app.executions,
        capabilities=app.capabilities,
    )


def _preferences(headers: Headers) -> tuple[Preference | None, str]:
    return preference(headers), idempotency_key(headers)


def _platform(app: App, caller: Any) -> APIRouter:  # noqa: ANN401 - a FastAPI dependency
    router = APIRouter(tags=["platform"])

    @router.get("/health", summary="Whether it answers", openapi_extra={"security": []})
    async def health() -> dict[str, str]:
        return {"status": "healthy", "service": "muelle", "version": __version__}

    @router.get("/ready", summary="Whether it can do its work", openapi_extra={"security": []})
    async def ready() -> dict[str, str]:
        if app.stores.database is not None:
            await app.stores.database.fetch("SELECT 1")
        return {"status": "ready"}

    @router.get("/api/versions", summary="Versions of this API", openapi_extra={"security": []})
    async def versions() -> dict[str, Any]:
        return versions_body()

    @router.get("/metrics", summary="Measurements, for Prometheus", response_class=Response)
    async def metrics(principal: Principal = Depends(caller)) -> Response:  # noqa: B008, FAST002 - FastAPI's way
        principal.require("metrics:read", "*")
        if principal.tenant != DEFAULT_TENANT:  # they tell of every tenant's calls, and what their Apis are called
            raise Refused(scope="metrics:read", resource="*")
        if not isinstance(app.metrics, PrometheusMetrics):
            raise Unavailable(reason="this process keeps no metrics")
        return Response(app.metrics.render(), media_type=CONTENT_TYPE)

    return router


def _request_of(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity


def _response(reply: Reply) -> Response:
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, reply.status, headers, media_type=reply.content_type.decode())


def _on_error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, MuelleError) else MuelleError()
    note_fault(error, request.url.path)
    return _response(to_problem(known, _request_of(request)))


def _on_crash(request: Request, _: Exception) -> Response:
    """Answer for a bug; the framework raises it again, and the door logs it."""
    return _response(to_problem(MuelleError(), _request_of(request)))


def _on_invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    issues = [(".".join(str(part) for part in fault["loc"]), str(fault["msg"])) for fault in faults]
    first, *more = issues or [("", "cannot be read")]
    return _response(to_problem(invalid_parameter(*first, *more), _request_of(request)))


def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else MuelleError.status
    known: dict[int, MuelleError] = {
        404: EndpointNotFound(path=request.url.path[:200]),
        405: MethodNotAllowed(method=request.method),
    }
    fault = known.get(status) or HttpFault(detail=str(getattr(error, "detail", "")))
    response = _response(to_problem(fault, _request_of(request)))
    if status == MethodNotAllowed.status:
        response.headers["allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """Return what a path takes; several routes share a path, and the framework tells only of the first.

    Where a route has this very path, those do not count to which a part of it would be an id.
    """
    taken = request.app.literal.get(request.scope["path"]) or {
        method for method in METHODS if any(_takes(route, request, method) for route in request.app.routes)
    }
    return sorted(taken | {"HEAD"} if "GET" in taken else taken)


def _takes(route: BaseRoute, request: Request, method: str) -> bool:
    match, _ = route.matches({**request.scope, "method": method})
    return match is Match.FULL
