"""What is kept of routes as they are included: which need no key, and what a path takes that is no pattern."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute


class Api(FastAPI):
    """The framework's application, which remembers of its routes what the door asks for at every request.

    `literal` has the methods of each path without parameters.
    """

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - the framework's own
        self.keyless: list[re.Pattern[str]] = [re.compile(r"/openapi\.json")]
        self.literal: dict[str, set[str]] = {}
        super().__init__(**given)

    def include_router(self, router: APIRouter, *arguments: Any, **given: Any) -> None:  # noqa: ANN401 - as above
        """Include the routes."""
        for route in _routes(router):
            if (route.openapi_extra or {}).get("security") == []:
                self.keyless.append(route.path_regex)
            if not route.param_convertors:
                self.literal.setdefault(route.path, set()).update(route.methods or ())
        super().include_router(router, *arguments, **given)

    def is_keyless(self, path: str) -> bool:
        """Tell whether the path needs no key."""
        return any(pattern.fullmatch(path) for pattern in self.keyless)


def _routes(router: APIRouter) -> Iterator[APIRoute]:
    for route in router.routes:
        within = getattr(route, "original_router", None)  # a router that this one includes
        if isinstance(within, APIRouter):
            yield from _routes(within)
        elif isinstance(route, APIRoute):
            yield route
