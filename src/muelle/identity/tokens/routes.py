"""The HTTP routes of tokens and sessions."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response

from muelle.core import Body, answers
from muelle.identity.bearing import BEGINNING
from muelle.identity.model import Principal
from muelle.identity.tokens import shapes
from muelle.identity.tokens.errors import NotSignedIn
from muelle.identity.tokens.model import Origin
from muelle.identity.tokens.opening import TokenDoors
from muelle.identity.tokens.settings import TokenSettings

Caller = Callable[[Request], Awaitable[Principal]]
Sessioned = Callable[[Request], Awaitable[str | None]]
SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="The session's id.")]

OPEN: dict[str, Any] = {"security": []}
_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_REFRESH = Body(shapes.RefreshBody)
_SESSIONS = "The open sessions, newest first."


def routes(tokens: TokenDoors, settings: TokenSettings, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(tags=["users"])
    _published(router, tokens, settings)
    _refreshing(router, tokens)
    _sessions(router, tokens, Depends(caller))
    _ending(router, tokens, Depends(caller))
    return router


def _published(router: APIRouter, tokens: TokenDoors, settings: TokenSettings) -> None:
    headers = {"cache-control": f"public, max-age={settings.published_seconds}"}

    @router.get(
        "/.well-known/jwks.json",
        summary="The public keys of access tokens",
        description="Everybody may verify our tokens with them; a new key is here before it signs.",
        openapi_extra=OPEN,
        response_class=Response,
    )
    async def show_keys() -> Response:
        return Response(await tokens.ring.published(), headers=headers, media_type="application/json")


def _refreshing(router: APIRouter, tokens: TokenDoors) -> None:
    @router.post(
        "/api/v1/auth/refresh",
        responses=answers(200, "New tokens; the refresh token that was sent is used up.", shapes.TokensShape),
        openapi_extra={**_REFRESH.description, **OPEN},
        summary="Refresh a session",
    )
    async def refresh_session(request: Request) -> Response:
        body = _REFRESH.read(await request.body(), request.headers.get("content-type", ""))
        return told(shapes.tokens_shape(await tokens.sessions.refresh(body.refresh_token, origin_of(request, ""))))


def _sessions(router: APIRouter, tokens: TokenDoors, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/api/v1/auth/sessions", responses=answers(200, _SESSIONS, shapes.SessionList), summary="List my sessions"
    )
    async def list_sessions(request: Request, actor: Annotated[Principal, who]) -> Response:
        current = await sessioned(tokens, request) or ""
        found = await tokens.sessions.open_of(actor.tenant, actor.id)
        items = tuple(shapes.session_shape(session, current) for session in found)
        return told(shapes.SessionList(sessions=items, count=len(items)))

    @router.delete(
        "/api/v1/auth/sessions/{session}", status_code=204, responses=_GONE, summary="End one of my sessions"
    )
    async def end_session(request: Request, actor: Annotated[Principal, who], session: SessionId) -> Response:
        await tokens.sessions.end(actor, session, request=request_id(request))
        return Response(status_code=204)


def _ending(router: APIRouter, tokens: TokenDoors, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.post("/api/v1/auth/sign-out", status_code=204, responses=_GONE, summary="End the session that I ask in")
    async def sign_out(request: Request, actor: Annotated[Principal, who]) -> Response:
        session = await sessioned(tokens, request)
        if session is None:
            raise NotSignedIn
        await tokens.sessions.end(actor, session, request=request_id(request))
        return Response(status_code=204)

    @router.post(
        "/api/v1/auth/sign-out-everywhere",
        responses=answers(200, "How many sessions ended, this one included.", shapes.EndedShape),
        summary="End all my sessions",
    )
    async def sign_out_everywhere(request: Request, actor: Annotated[Principal, who]) -> Response:
        number = await tokens.sessions.end_all(actor, "signed out everywhere", request=request_id(request))
        return told(shapes.EndedShape(ended=number))


async def sessioned(tokens: TokenDoors, request: Request) -> str | None:
    """Return the session of the token that opened this request, or None where a key did."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if "x-api-key" in request.headers or scheme.lower() != "bearer" or not token.strip().startswith(BEGINNING):
        return None
    return await tokens.bearers.session_of(token.strip())


def origin_of(request: Request, method: str) -> Origin:
    """Return where somebody signs in from."""
    address = request.client.host if request.client else ""
    return Origin(method=method, address=address, client=request.headers.get("user-agent", ""))


def request_id(request: Request) -> str:
    """Return the id of the request, for the audit record."""
    identity: str = request.scope.get("muelle.request", "")
    return identity


def told(shape: msgspec.Struct, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(_ENCODE(shape), status, media_type="application/json")
