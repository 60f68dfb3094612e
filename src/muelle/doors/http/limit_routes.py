"""The HTTP routes of limits: how they stand, what is to hold from now on, what is forgotten."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, answers
from muelle.doors.http import limit_shapes as shapes
from muelle.identity import Limits, Principal
from muelle.identity.limiting.model import REQUESTS, LimitRule
from muelle.identity.shapes import NAME

Caller = Callable[[Request], Awaitable[Principal]]
AgentName = Annotated[str, Path(pattern=NAME, description="The agent's name.")]
TenantName = Annotated[str, Path(pattern=NAME, description="The tenant's id.")]
Asked = Annotated[str | None, Query(pattern=NAME, description="An agent's name; else the caller's own.")]
Target = Annotated[
    str, Query(pattern=shapes.TARGET, max_length=200, description="requests, operation:TYPE, api:ID or tool:NAME.")
]
_ENCODE = msgspec.json.Encoder().encode
_RATE = Body(shapes.RateShape)
_RESET = Body(shapes.ResetShape)
_RULE = answers(200, "The rule as it is now; it holds in every process within a second.", shapes.RuleShape)


def routes(limits: Limits, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1/rate-limit", tags=["limits"])
    who = Depends(caller)
    _status(router, limits, who)
    _agents(router, limits, who)
    _tenants(router, limits, who)
    return router


def _status(router: APIRouter, limits: Limits, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/status",
        responses=answers(200, "How the budgets stand, this request counted.", shapes.LimitStatusShape),
        summary="How often I may ask, and have asked",
    )
    async def show_limits(
        request: Request, actor: Annotated[Principal, who], agent: Asked = None, target: Target = REQUESTS
    ) -> Response:
        status = await limits.status(actor, agent, target, request=_id(request))
        return Response(_ENCODE(shapes.status_shape(status)), media_type="application/json")


def _agents(router: APIRouter, limits: Limits, who: Any) -> None:  # noqa: ANN401 - as above
    @router.put(
        "/agents/{agent}", responses=_RULE, openapi_extra=_RATE.description, summary="Set how often an agent may ask"
    )
    async def set_agent_limit(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        body = await _read(_RATE, request)
        return _rule(await limits.set_agent(actor, agent, body.rate(), target=body.target, request=_id(request)))

    @router.post(
        "/agents/{agent}/reset", responses=_RULE, openapi_extra=_RESET.description, summary="Forget what an agent used"
    )
    async def reset_agent_limit(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        body = await _read(_RESET, request)
        return _rule(await limits.reset_agent(actor, agent, target=body.target, request=_id(request)))


def _tenants(router: APIRouter, limits: Limits, who: Any) -> None:  # noqa: ANN401 - as above
    @router.put(
        "/tenants/{tenant}",
        responses=_RULE,
        openapi_extra=_RATE.description,
        summary="Set how often all of a tenant may ask together",
    )
    async def set_tenant_limit(request: Request, actor: Annotated[Principal, who], tenant: TenantName) -> Response:
        body = await _read(_RATE, request)
        return _rule(await limits.set_tenant(actor, tenant, body.rate(), target=body.target, request=_id(request)))

    @router.post(
        "/tenants/{tenant}/reset",
        responses=_RULE,
        openapi_extra=_RESET.description,
        summary="Forget what a tenant used",
    )
    async def reset_tenant_limit(request: Request, actor: Annotated[Principal, who], tenant: TenantName) -> Response:
        body = await _read(_RESET, request)
        return _rule(await limits.reset_tenant(actor, tenant, target=body.target, request=_id(request)))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _rule(rule: LimitRule) -> Response:
    return Response(_ENCODE(shapes.rule_shape(rule)), media_type="application/json")


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity
