"""The HTTP routes of egress: the same verbs as the command line's. The actor is whoever shows the key."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from msgspec import UNSET

from muelle.core import Body, Secret, answers
from muelle.egress import policy_shapes, shapes
from muelle.egress.apis import Apis
from muelle.egress.credentials import Credentials
from muelle.egress.model import ApiId, Credential, CredentialId
from muelle.egress.policies import Clearing, Policies
from muelle.egress.registry import MAX_PAGE
from muelle.identity import Principal

Caller = Callable[[Request], Awaitable[Principal]]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the page before.")]
ApiName = Annotated[str, Path(pattern=shapes.NAME, description="The Api's id.")]
CredentialName = Annotated[str, Path(pattern=shapes.NAME, description="The credential's id.")]

Operation = Annotated[
    str, Query(max_length=100, description="A type of operation, such as ApiCall, whose policy may be another.")
]
OneApi = Annotated[str | None, Query(pattern=shapes.NAME, description="Only answers of this Api.")]
OneTag = Annotated[str | None, Query(min_length=1, max_length=100, description="Only answers with this tag.")]
OneUrl = Annotated[str | None, Query(max_length=2000, description="Only answers of this URL, whatever its query.")]

_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_NEW_API = Body(shapes.NewApi)
_API_UPDATE = Body(shapes.ApiUpdate)
_NEW_CREDENTIAL = Body(shapes.NewCredential)
_CREDENTIAL_UPDATE = Body(shapes.CredentialUpdate)
_ROTATION = Body(shapes.Rotation)


def routes(apis: Apis, credentials: Credentials, policies: Policies, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["egress"])
    who = Depends(caller)
    _policies(router, policies, who)
    _cache(router, policies, who)
    _apis(router, apis, who)
    _credentials(router, credentials, who)
    return router


def _apis(router: APIRouter, apis: Apis, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("/apis", responses=answers(200, "Apis by id.", shapes.ApiPage), summary="List Apis")
    async def list_apis(actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None) -> Response:
        page = await apis.list(actor, limit, cursor)
        items = tuple(map(shapes.api_shape, page.items))
        return _json(shapes.ApiPage(apis=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/apis",
        status_code=201,
        responses=answers(201, "The Api.", shapes.ApiShape),
        openapi_extra=_NEW_API.description,
        summary="Register an Api",
    )
    async def add_api(request: Request, actor: Annotated[Principal, who]) -> Response:
        api = await apis.register(actor, shapes.api_draft(await _read(_NEW_API, request)))
        return _created(shapes.api_shape(api), f"/api/v1/apis/{api.id}")

    @router.get("/apis/{api}", responses=answers(200, "The Api.", shapes.ApiShape), summary="Show an Api")
    async def show_api(actor: Annotated[Principal, who], api: ApiName) -> Response:
        return _json(shapes.api_shape(await apis.show(actor, ApiId(api))))

    @router.patch(
        "/apis/{api}",
        responses=answers(200, "The Api as it is now.", shapes.ApiShape),
        openapi_extra=_API_UPDATE.description,
        summary="Change an Api",
    )
    async def update_api(request: Request, actor: Annotated[Principal, who], api: ApiName) -> Response:
        body = await _read(_API_UPDATE, request)
        present = await apis.show(actor, ApiId(api))
        return _json(shapes.api_shape(await apis.update(actor, shapes.updated_api(present, body))))

    @router.delete("/apis/{api}", status_code=204, responses=_GONE, summary="Remove an Api")
    async def remove_api(actor: Annotated[Principal, who], api: ApiName) -> Response:
        await apis.remove(actor, ApiId(api))
        return Response(status_code=204)


def _credentials(router: APIRouter, credentials: Credentials, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/credentials",
        responses=answers(200, "Credentials by id, without their secrets.", shapes.CredentialPage),
        summary="List credentials",
    )
    async def list_credentials(actor: Annotated[Principal, who], limit: Limit = 50, cursor: Cursor = None) -> Response:
        page = await credentials.list(actor, limit, cursor)
        items = tuple(map(shapes.credential_shape, await credentials.standings(page.items)))
        return _json(shapes.CredentialPage(credentials=items, count=len(items), next_cursor=page.next))

    @router.post(
        "/credentials",
        status_code=201,
        responses=answers(201, "The credential, without its secret.", shapes.CredentialShape),
        openapi_extra=_NEW_CREDENTIAL.description,
        summary="Keep a credential",
    )
    async def add_credential(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_CREDENTIAL, request)
        secret = None if body.secret is None else Secret(body.secret)
        credential = await credentials.add(actor, shapes.credential_draft(body), secret)
        return _created(await _shape(credentials, credential), f"/api/v1/credentials/{credential.id}")

    _credential(router, credentials, who)


def _credential(router: APIRouter, credentials: Credentials, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/credentials/{credential}",
        responses=answers(200, "The credential, without its secret.", shapes.CredentialShape),
        summary="Show a credential",
    )
    async def show_credential(actor: Annotated[Principal, who], credential: CredentialName) -> Response:
        return _json(await _shape(credentials, await credentials.show(actor, CredentialId(credential))))

    @router.patch(
        "/credentials/{credential}",
        responses=answers(200, "The credential as it is now, without its secret.", shapes.CredentialShape),
        openapi_extra=_CREDENTIAL_UPDATE.description,
        summary="Change a credential",
    )
    async def update_credential(
        request: Request, actor: Annotated[Principal, who], credential: CredentialName
    ) -> Response:
        body = await _read(_CREDENTIAL_UPDATE, request)
        present = await credentials.show(actor, CredentialId(credential))
        secret = None if body.secret is UNSET else Secret(body.secret)
        changed = await credentials.update(actor, shapes.updated_credential(present, body), secret)
        return _json(await _shape(credentials, changed))

    @router.post(
        "/credentials/{credential}/rotate",
        responses=answers(200, "The credential as it is now, without its secret.", shapes.CredentialShape),
        openapi_extra=_ROTATION.description,
        summary="Put a new secret in the place of the present one",
    )
    async def rotate_credential(
        request: Request, actor: Annotated[Principal, who], credential: CredentialName
    ) -> Response:
        body = await _read(_ROTATION, request)
        grace = timedelta(seconds=body.grace_seconds)
        changed = await credentials.rotate(actor, CredentialId(credential), Secret(body.secret), grace, body.expires_at)
        return _json(await _shape(credentials, changed))

    @router.delete("/credentials/{credential}", status_code=204, responses=_GONE, summary="Remove a credential")
    async def remove_credential(actor: Annotated[Principal, who], credential: CredentialName) -> Response:
        await credentials.remove(actor, CredentialId(credential))
        return Response(status_code=204)


async def _shape(credentials: Credentials, credential: Credential) -> shapes.CredentialShape:
    (standing,) = await credentials.standings([credential])
    return shapes.credential_shape(standing)


def _policies(router: APIRouter, policies: Policies, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    shape = answers(200, "The policy that holds.", policy_shapes.PolicyShape)

    @router.get("/policies", responses=shape, summary="Show the policy of hosts that no Api describes")
    async def show_default_policy(actor: Annotated[Principal, who], operation: Operation = "") -> Response:
        return _json(policy_shapes.policy_shape(await policies.show(actor, None, operation), None, operation))

    @router.get("/policies/{api}", responses=shape, summary="Show the policy of an Api")
    async def show_policy(actor: Annotated[Principal, who], api: ApiName, operation: Operation = "") -> Response:
        policy = await policies.show(actor, ApiId(api), operation)
        return _json(policy_shapes.policy_shape(policy, api, operation))

    @router.get(
        "/breakers",
        responses=answers(200, "Breakers as they stand in this process.", policy_shapes.BreakerList),
        summary="List breakers",
    )
    async def list_breakers(actor: Annotated[Principal, who]) -> Response:
        found = tuple(map(policy_shapes.breaker_shape, policies.breakers(actor)))
        return _json(policy_shapes.BreakerList(breakers=found, count=len(found)))

    @router.delete("/breakers/{api}", status_code=204, responses=_GONE, summary="Close the breaker of an Api")
    async def reset_breaker(actor: Annotated[Principal, who], api: ApiName) -> Response:
        await policies.reset(actor, ApiId(api))
        return Response(status_code=204)


def _cache(router: APIRouter, policies: Policies, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/cache", responses=answers(200, "How the cache does.", policy_shapes.CacheShape), summary="Show the cache"
    )
    async def show_cache(actor: Annotated[Principal, who]) -> Response:
        return _json(policy_shapes.cache_shape(await policies.cache(actor)))

    @router.delete(
        "/cache",
        responses=answers(200, "How many answers were thrown away.", policy_shapes.Cleared),
        summary="Throw kept answers away",
    )
    async def clear_cache(
        actor: Annotated[Principal, who], api: OneApi = None, tag: OneTag = None, url: OneUrl = None
    ) -> Response:
        clearing = Clearing(api=api, tags=() if tag is None else (tag,), url=url)
        return _json(policy_shapes.Cleared(dropped=await policies.clear(actor, clearing)))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _json(shape: msgspec.Struct) -> Response:
    return Response(_ENCODE(shape), media_type="application/json")


def _created(shape: msgspec.Struct, location: str) -> Response:
    return Response(_ENCODE(shape), 201, {"location": location}, media_type="application/json")
