"""Other values put into a config: what references became, and where credentials stand."""

from collections.abc import Iterable
from typing import Any


def substituted(value: Any, items: Iterable[tuple[tuple[str | int, ...], Any]]) -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` with others at their places, none inside another; each container on the way is copied once.

    Copying for each item alone would take the square of their number: a list of 30,000 references, 5 s.
    """
    holder: list[Any] = [value]
    own = {id(holder)}
    for place, new in items:
        parent: Any = holder
        key: str | int = 0
        for segment in place:
            child = parent[key]
            if id(child) not in own:
                child = list(child) if type(child) is list else dict(child)
                own.add(id(child))
                parent[key] = child
            parent, key = child, segment
        parent[key] = new
    return holder[0]
