"""Awaiting what was appended under a lease."""

import asyncio
from collections.abc import Awaitable, Callable

from muelle.core import RunId
from muelle.engine.errors import LeaseLost
from muelle.engine.stores.rows import FENCE_NAME
from muelle.stores import ConstraintViolated

Beside = Callable[[RunId], Awaitable[None]]
"""What commits something of a new run together with its submission."""


async def durable(appended: Awaitable[None]) -> None:
    """Return once it is durable; raise LeaseLost if the database refused it because the worker is not alive."""
    try:
        await appended
    except ConstraintViolated as error:
        if error.facts.get("constraint") == FENCE_NAME:
            raise LeaseLost from None
        raise


def hush(appended: Awaitable[None]) -> None:
    """Have nobody miss its error if it fails together with something that is awaited before it."""
    if isinstance(appended, asyncio.Future):
        appended.add_done_callback(lambda done: done.cancelled() or done.exception())
