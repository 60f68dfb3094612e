"""The HTTP routes of identity: the same verbs as the command line's. The actor is whoever shows the key."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BeforeValidator

from muelle.core import Body, answers, dated
from muelle.identity import shapes
from muelle.identity.agents import AgentDraft
from muelle.identity.audit import MAX_PAGE
from muelle.identity.domains import routes as domain_routes
from muelle.identity.model import SCOPES, Principal, Rule
from muelle.identity.record import routes as record_routes
from muelle.identity.roles import routes as role_routes
from muelle.identity.service import Identity

Caller = Callable[[Request], Awaitable[Principal]]

Moment = Annotated[datetime | None, BeforeValidator(dated)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the page before.")]
AgentName = Annotated[str, Path(pattern=shapes.NAME, description="The agent's name.")]
TenantName = Annotated[str, Path(pattern=shapes.NAME, description="The tenant's id.")]
Stored = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]

_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_SCOPE: dict[str, Any] = {"enum": [*SCOPES, "*"]}
_NEW_AGENT = Body(shapes.NewAgent)
_AGENT_UPDATE = Body(shapes.AgentUpdate)
_NEW_KEY = Body(shapes.NewKey)
_NEW_GRANT = Body(shapes.NewGrant)
_NEW_TENANT = Body(shapes.NewTenantBody)
_TENANT_UPDATE = Body(shapes.TenantUpdate)


def routes(identity: Identity, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["identity"])
    who = Depends(caller)
    _agents(router, identity, who)
    _agent(router, identity, who)
    _keys(router, identity, who)
    _grants(router, identity, who)
    _questions(router, identity, who)
    _tenants(router, identity, who)
    _tenant(router, identity, who)
    router.include_router(record_routes.routes(identity, caller))
    router.include_router(domain_routes.routes(identity.domains, caller))
    router.include_router(role_routes.routes(identity.roles, caller))
    return router


def _agents(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    agents = identity.agents

    @router.get("/agents", responses=answers(200, "Agents, oldest first.", shapes.AgentPage), summary="List agents")
    async def list_agents(
        request: Request, actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await agents.list(actor, limit, cursor, request=_id(request))
        items = tuple(map(shapes.agent_shape, page.items))
        return _json(shapes.AgentPage(agents=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/agents",
        status_code=201,
        responses=answers(201, "The agent; it has no key yet.", shapes.AgentShape),
        openapi_extra=_NEW_AGENT.description,
        summary="Add an agent",
    )
    async def add_agent(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_AGENT, request)
        draft = AgentDraft(
            body.name, description=body.description, kind=body.kind, limits=body.limits, preset=body.preset
        )
        agent = await agents.add(actor, draft, request=_id(request))
        return _created(shapes.agent_shape(agent), f"/api/v1/agents/{agent.name}")


def _agent(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    agents = identity.agents

    @router.get("/agents/{agent}", responses=answers(200, "The agent.", shapes.AgentShape), summary="Show an agent")
    async def show_agent(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        return _json(shapes.agent_shape(await agents.show(actor, agent, request=_id(request))))

    @router.patch(
        "/agents/{agent}",
        responses=answers(200, "The agent as it is now.", shapes.AgentShape),
        openapi_extra=_AGENT_UPDATE.description,
        summary="Change an agent",
    )
    async def update_agent(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        body = await _read(_AGENT_UPDATE, request)
        description, limits = shapes.given(body.description), shapes.given(body.limits)
        changed = await agents.update(actor, agent, description=description, limits=limits, request=_id(request))
        return _json(shapes.agent_shape(changed))

    @router.post(
        "/agents/{agent}/disable",
        responses=answers(200, "The agent, whose keys open nothing now.", shapes.AgentShape),
        summary="Disable an agent",
    )
    async def disable_agent(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        return _json(shapes.agent_shape(await agents.disable(actor, agent, request=_id(request))))

    @router.post(
        "/agents/{agent}/enable",
        responses=answers(200, "The agent, whose keys open again.", shapes.AgentShape),
        summary="Enable an agent",
    )
    async def enable_agent(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        return _json(shapes.agent_shape(await agents.enable(actor, agent, request=_id(request))))


def _keys(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    keys = identity.keys

    @router.get(
        "/agents/{agent}/keys",
        responses=answers(200, "Keys without their text, oldest first.", shapes.KeyPage),
        summary="List an agent's keys",
    )
    async def list_keys(
        request: Request, actor: Annotated[Principal, who], agent: AgentName, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await keys.list(actor, agent, limit, cursor, request=_id(request))
        items = tuple(map(shapes.key_shape, page.items))
        return _json(shapes.KeyPage(keys=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/agents/{agent}/keys",
        status_code=201,
        responses=answers(201, "The key; its text is shown this once.", shapes.KeyShape),
        openapi_extra=_NEW_KEY.description,
        summary="Issue a key",
    )
    async def issue_key(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        body = await _read(_NEW_KEY, request)
        rules = None if body.rules is None else [Rule(rule.scope, rule.pattern) for rule in body.rules]
        issued = await keys.issue(actor, agent, expires=body.expires, rules=rules, request=_id(request))
        return _created(shapes.issued_shape(issued), f"/api/v1/agents/{agent}/keys/{issued.key.id}")

    @router.delete("/agents/{agent}/keys/{key}", status_code=204, responses=_GONE, summary="Revoke a key")
    async def revoke_key(request: Request, actor: Annotated[Principal, who], agent: AgentName, key: Stored) -> Response:
        await keys.revoke(actor, agent, key, request=_id(request))
        return Response(status_code=204)


def _grants(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    grants = identity.grants

    @router.get(
        "/agents/{agent}/grants",
        responses=answers(200, "Grants, oldest first.", shapes.GrantPage),
        summary="List an agent's grants",
    )
    async def list_grants(
        request: Request, actor: Annotated[Principal, who], agent: AgentName, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await grants.list(actor, agent, limit, cursor, request=_id(request))
        items = tuple(map(shapes.grant_shape, page.items))
        return _json(shapes.GrantPage(grants=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/agents/{agent}/grants",
        status_code=201,
        responses=answers(201, "The grant.", shapes.GrantShape),
        openapi_extra=_NEW_GRANT.description,
        summary="Let an agent do something",
    )
    async def add_grant(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        body = await _read(_NEW_GRANT, request)
        grant = await grants.add(actor, agent, body.scope, body.pattern, request=_id(request))
        return _created(shapes.grant_shape(grant), f"/api/v1/agents/{agent}/grants/{grant.id}")

    @router.delete("/agents/{agent}/grants/{grant}", status_code=204, responses=_GONE, summary="Take a grant away")
    async def revoke_grant(
        request: Request, actor: Annotated[Principal, who], agent: AgentName, grant: Stored
    ) -> Response:
        await grants.revoke(actor, agent, grant, request=_id(request))
        return Response(status_code=204)


def _questions(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    grants = identity.grants

    @router.get(
        "/agents/{agent}/explain",
        responses=answers(200, "Whether it is allowed, and by which grant.", shapes.ExplanationShape),
        summary="Tell why an agent may do something, or may not",
    )
    async def explain(
        request: Request,
        actor: Annotated[Principal, who],
        agent: AgentName,
        scope: Annotated[str, Query(max_length=100, description="Such as workflows:run.", json_schema_extra=_SCOPE)],
        resource: Annotated[str, Query(max_length=500, description="On what.")],
    ) -> Response:
        explanation = await grants.explain(actor, agent, scope, resource, request=_id(request))
        return _json(shapes.explanation_shape(explanation))

    @router.get("/me", responses=answers(200, "Who asks.", shapes.PrincipalShape), summary="Who I am and what I may do")
    async def show_me(actor: Annotated[Principal, who]) -> Response:
        return _json(shapes.principal_shape(actor))


def _tenants(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    tenants = identity.tenants

    @router.get("/tenants", responses=answers(200, "Tenants by id.", shapes.TenantPage), summary="List tenants")
    async def list_tenants(
        request: Request, actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await tenants.list(actor, limit, cursor, request=_id(request))
        items = tuple(map(shapes.tenant_shape, page.items))
        return _json(shapes.TenantPage(tenants=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/tenants",
        status_code=201,
        responses=answers(201, "The tenant with its owner's key, which is shown this once.", shapes.TenantShape),
        openapi_extra=_NEW_TENANT.description,
        summary="Add a tenant",
    )
    async def add_tenant(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_TENANT, request)
        added = await tenants.add(
            actor, body.id, name=body.name, limits=body.limits, addresses=body.addresses, request=_id(request)
        )
        shape = shapes.tenant_shape(added.tenant, added.key.text.reveal())
        return _created(shape, f"/api/v1/tenants/{added.tenant.id}")


def _tenant(router: APIRouter, identity: Identity, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    tenants = identity.tenants

    @router.get("/tenants/{tenant}", responses=answers(200, "The tenant.", shapes.TenantShape), summary="Show a tenant")
    async def show_tenant(request: Request, actor: Annotated[Principal, who], tenant: TenantName) -> Response:
        return _json(shapes.tenant_shape(await tenants.show(actor, tenant, request=_id(request))))

    @router.patch(
        "/tenants/{tenant}",
        responses=answers(200, "The tenant as it is now.", shapes.TenantShape),
        openapi_extra=_TENANT_UPDATE.description,
        summary="Change a tenant",
    )
    async def update_tenant(request: Request, actor: Annotated[Principal, who], tenant: TenantName) -> Response:
        body = await _read(_TENANT_UPDATE, request)
        changed = await tenants.update(
            actor,
            tenant,
            name=shapes.given(body.name),
            limits=shapes.given(body.limits),
            addresses=shapes.given(body.addresses),
            request=_id(request),
        )
        return _json(shapes.tenant_shape(changed))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type="application/json")


def _created(shape: msgspec.Struct, location: str) -> Response:
    return Response(_ENCODE(shape), 201, {"location": location}, media_type="application/json")
