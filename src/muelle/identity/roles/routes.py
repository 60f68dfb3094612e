"""The HTTP routes of roles and members."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from msgspec import UNSET

from muelle.core import Body, answers
from muelle.identity.audit import MAX_PAGE
from muelle.identity.model import Principal
from muelle.identity.roles import shapes
from muelle.identity.roles.service import Roles
from muelle.identity.shapes import NAME, given

Caller = Callable[[Request], Awaitable[Principal]]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=210, description="The next_cursor of the page before.")]
AgentName = Annotated[str, Path(pattern=NAME, description="The agent's name.")]
RoleName = Annotated[str, Path(pattern=NAME, description="The role's name.")]
_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_NEW_ROLE = Body(shapes.NewRole)
_ROLE_UPDATE = Body(shapes.RoleUpdate)


def routes(roles: Roles, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter()
    who = Depends(caller)
    _roles(router, roles, who)
    _role(router, roles, who)
    _members(router, roles, who)
    return router


def _roles(router: APIRouter, roles: Roles, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/roles", responses=answers(200, "The tenant's own roles.", shapes.RolePage), summary="List roles")
    async def list_roles(
        request: Request, actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await roles.list(actor, limit, cursor, request=_id(request))
        items = tuple(map(shapes.role_shape, page.items))
        return _json(shapes.RolePage(roles=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/roles",
        status_code=201,
        responses=answers(201, "The role; nobody has it yet.", shapes.RoleShape),
        openapi_extra=_NEW_ROLE.description,
        summary="Add a role",
    )
    async def add_role(request: Request, actor: Annotated[Principal, who]) -> Response:
        body: shapes.NewRole = await _read(_NEW_ROLE, request)
        role = await roles.add(actor, body.name, shapes.pairs(body.rules), body.description, request=_id(request))
        location = {"location": f"/api/v1/roles/{role.id}"}
        return Response(_ENCODE(shapes.role_shape(role)), 201, location, media_type="application/json")


def _role(router: APIRouter, roles: Roles, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/roles/{role}", responses=answers(200, "The role.", shapes.RoleShape), summary="Show a role")
    async def show_role(request: Request, actor: Annotated[Principal, who], role: RoleName) -> Response:
        return _json(shapes.role_shape(await roles.show(actor, role, request=_id(request))))

    @router.patch(
        "/roles/{role}",
        responses=answers(200, "The role as it is now, for all who have it.", shapes.RoleShape),
        openapi_extra=_ROLE_UPDATE.description,
        summary="Change a role",
    )
    async def update_role(request: Request, actor: Annotated[Principal, who], role: RoleName) -> Response:
        body: shapes.RoleUpdate = await _read(_ROLE_UPDATE, request)
        rules = None if body.rules is UNSET else shapes.pairs(given(body.rules))
        changed = await roles.update(
            actor, role, rules=rules, description=given(body.description), request=_id(request)
        )
        return _json(shapes.role_shape(changed))

    @router.delete("/roles/{role}", status_code=204, responses=_GONE, summary="Remove a role")
    async def remove_role(request: Request, actor: Annotated[Principal, who], role: RoleName) -> Response:
        await roles.remove(actor, role, request=_id(request))
        return Response(status_code=204)


def _members(router: APIRouter, roles: Roles, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/members", responses=answers(200, "Who has which role.", shapes.MembershipPage), summary="List members"
    )
    async def list_members(
        request: Request, actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await roles.members(actor, limit, cursor, request=_id(request))
        items = tuple(map(shapes.membership_shape, page.items))
        return _json(shapes.MembershipPage(members=items, count=len(items), next_cursor=page.next))

    @router.get(
        "/agents/{agent}/roles",
        responses=answers(200, "The agent's roles.", shapes.AgentRoles),
        summary="List an agent's roles",
    )
    async def list_agent_roles(request: Request, actor: Annotated[Principal, who], agent: AgentName) -> Response:
        return _json(shapes.AgentRoles(roles=await roles.of(actor, agent, request=_id(request))))

    @router.put("/agents/{agent}/roles/{role}", status_code=204, responses=_GONE, summary="Give an agent a role")
    async def give_role(
        request: Request, actor: Annotated[Principal, who], agent: AgentName, role: RoleName
    ) -> Response:
        await roles.give(actor, agent, role, request=_id(request))
        return Response(status_code=204)

    @router.delete("/agents/{agent}/roles/{role}", status_code=204, responses=_GONE, summary="Take a role away")
    async def take_role(
        request: Request, actor: Annotated[Principal, who], agent: AgentName, role: RoleName
    ) -> Response:
        await roles.take(actor, agent, role, request=_id(request))
        return Response(status_code=204)


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type="application/json")
