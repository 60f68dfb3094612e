"""The HTTP application: the routes of all rooms, their errors as problems, their description as OpenAPI."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from muelle import __version__
from muelle.app import App
from muelle.core import MuelleError, Unavailable
from muelle.core.prometheus import CONTENT_TYPE, PrometheusMetrics
from muelle.doors.http.door import Door, authenticated
from muelle.doors.http.hot import hot_routes
from muelle.doors.http.problems import (
    EndpointNotFound,
    HttpFault,
    InvalidParameter,
    MethodNotAllowed,
    Reply,
    to_problem,
)
from muelle.doors.http.schema import COMMON, describe
from muelle.identity import Principal
from muelle.workflows import routes as workflow_routes


def build_door(app: App) -> Door:
    """Return the ASGI application that serves an App."""
    api = FastAPI(
        title="Muelle",
        version=__version__,
        summary="The place where AI agents do their work.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=COMMON,
        redirect_slashes=False,
    )

    async def caller(request: Request) -> Principal:
        return await authenticated(app.identity, dict(request.scope["headers"]), _request_of(request))

    api.include_router(workflow_routes.routes(app.workflows, app.executions, app.capabilities, caller))
    api.include_router(_platform(app, caller))
    api.add_exception_handler(MuelleError, _on_error)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(HTTPException, _on_http)
    describe(api)
    return Door(api, hot_routes(app.workflows), app.identity, app.ids, app.metrics, app.settings.http)


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

    @router.get("/metrics", summary="Measurements, for Prometheus", response_class=Response)
    async def metrics(principal: Principal = Depends(caller)) -> Response:  # noqa: B008, FAST002 - FastAPI's way
        principal.require("metrics:read", "*")
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
    return _response(to_problem(known, _request_of(request)))


def _on_invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    issues = [
        {"code": "invalid_parameter", "message": fault["msg"], "field": ".".join(str(part) for part in fault["loc"])}
        for fault in faults
    ]
    field = issues[0]["field"] if issues else ""
    return _response(to_problem(InvalidParameter(field=field, issues=issues), _request_of(request)))


def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    known = {404: EndpointNotFound(path=request.url.path[:200]), 405: MethodNotAllowed(method=request.method)}
    reply = to_problem(known.get(status) or HttpFault(detail=str(getattr(error, "detail", ""))), _request_of(request))
    response = _response(reply)
    for name, value in (getattr(error, "headers", None) or {}).items():
        response.headers[name] = value
    return response
