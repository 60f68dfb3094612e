"""The HTTP route of discovery."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from muelle.core import answers
from muelle.identity import Principal
from muelle.memory.discovery.service import MOST_BUDGET, SMALLEST_BUDGET, Discovered, Discovery
from muelle.memory.search.model import Kind
from muelle.memory.search.service import LONGEST_QUERY

Caller = Callable[[Request], Awaitable[Principal]]

Text = Annotated[str, Query(max_length=LONGEST_QUERY, description="What it is to be good for, in a sentence or words.")]
Budget = Annotated[
    int, Query(ge=SMALLEST_BUDGET, le=MOST_BUDGET, description="How many tokens the items may be worth in JSON.")
]
Kinds = Annotated[list[Kind] | None, Query(description="Only of this kind; may be given again.")]

_ENCODE = msgspec.json.Encoder().encode


def routes(discovery: Discovery, caller: Caller) -> APIRouter:
    """Return the route; `caller` tells who asks, or raises Unauthenticated."""
    router = APIRouter(prefix="/api/v1", tags=["discovery"])
    who = Depends(caller)

    @router.get(
        "/discover",
        responses=answers(200, "What there is, best first, as much of it as the budget allows.", Discovered),
        summary="Find what helps with a task",
    )
    async def discover(
        actor: Annotated[Principal, who], q: Text = "", budget: Budget = 3_000, kind: Kinds = None
    ) -> Response:
        found = await discovery.discover(actor, q, budget, kind or ())
        return Response(_ENCODE(found), media_type="application/json")

    return router
