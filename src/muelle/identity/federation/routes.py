"""The HTTP routes of providers."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from muelle.core import Body, answers
from muelle.identity.federation import shapes
from muelle.identity.federation.service import Federation
from muelle.identity.shapes import NAME
from muelle.identity.tokens.routes import OPEN, origin_of, told
from muelle.identity.tokens.shapes import TokensShape, tokens_shape

ProviderName = Annotated[str, Path(pattern=NAME, description="The provider's name.")]
_FINISH = Body(shapes.FinishBody)


def routes(federation: Federation) -> APIRouter:
    """Return the routes, all of which strangers may call."""
    router = APIRouter(prefix="/api/v1/auth/providers", tags=["users"])

    @router.get(
        "",
        responses=answers(200, "The names of providers.", shapes.ProviderList),
        openapi_extra=OPEN,
        summary="With whom one can sign in",
    )
    async def list_providers() -> Response:
        return told(shapes.ProviderList(providers=tuple(federation.names())))

    @router.post(
        "/{provider}/begin",
        responses=answers(200, "Where to send whoever signs in.", shapes.BegunShape),
        openapi_extra=OPEN,
        summary="Begin to sign in with a provider",
    )
    async def begin_with_provider(provider: ProviderName) -> Response:
        begun = await federation.begin(provider)
        return told(shapes.BegunShape(url=begun.url, state=begun.state, secret=begun.secret.reveal()))

    @router.post(
        "/{provider}/finish",
        responses=answers(200, "The tokens of a new session.", TokensShape),
        openapi_extra={**_FINISH.description, **OPEN},
        summary="Finish signing in with a provider",
    )
    async def finish_with_provider(request: Request, provider: ProviderName) -> Response:
        body = _FINISH.read(await request.body(), request.headers.get("content-type", ""))
        origin = origin_of(request, provider)
        tokens = await federation.finish(provider, body.code, body.state, body.secret, origin)
        return told(tokens_shape(tokens))

    return router
