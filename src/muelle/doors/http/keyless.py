"""Which paths anybody may ask for: those whose routes say that they need no key."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute


class Api(FastAPI):
    """The framework's application, which remembers the paths that need no key as they are included."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - the framework's own
        self.keyless: list[re.Pattern[str]] = [re.compile(r"/openapi\.json")]
        super().__init__(**given)

    def include_router(self, router: APIRouter, *arguments: Any, **given: Any) -> None:  # noqa: ANN401 - as above
        """Include the routes."""
        self.keyless.extend(_keyless(router))
        super().include_router(router, *arguments, **given)

    def is_keyless(self, path: str) -> bool:
        """Tell whether the path needs no key."""
        return any(pattern.fullmatch(path) for pattern in self.keyless)


def _keyless(router: APIRouter) -> Iterator[re.Pattern[str]]:
    for route in router.routes:
        within = getattr(route, "original_router", None)  # a router that this one includes
        if isinstance(within, APIRouter):
            yield from _keyless(within)
        elif isinstance(route, APIRoute) and (route.openapi_extra or {}).get("security") == []:
            yield route.path_regex
