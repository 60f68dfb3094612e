"""Types of operations whose use is charged: those that wait or have effects; pure ones are bounded by a run's steps."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from muelle.identity import Budgets, Principal
from muelle.packs import OperationType


class Charged(Protocol):
    """What a step tells of who is charged for it."""

    @property
    def charged(self) -> Principal | None:
        """Who runs it, or None for one that is only remembered."""
        ...


def limited(types: Mapping[str, OperationType[Any]], budgets: Budgets) -> dict[str, OperationType[Any]]:
    """Return the types, by name, with `operation:NAME` charged to whoever runs one.

    What is refused fails with LimitReached, or waits for its turn where the rate allows that.
    """
    return {
        name: replace(kind, perform=_limited(kind.perform, budgets, f"operation:{name}")) if kind.is_async else kind
        for name, kind in types.items()
    }


def _limited(
    perform: Callable[[Any, Any], Any], budgets: Budgets, target: str
) -> Callable[[Any, Charged], Awaitable[Any]]:
    async def charged(config: Any, step: Charged) -> Any:  # noqa: ANN401 - as the type's own
        principal = step.charged
        if principal is None or not budgets.bounds(principal, target):
            return await perform(config, step)
        async with budgets.within(principal, target):
            return await perform(config, step)

    return charged
