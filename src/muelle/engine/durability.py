"""Awaiting what was appended under a lease."""

from collections.abc import Awaitable

from muelle.engine.errors import LeaseLost
from muelle.engine.stores.rows import FENCE_NAME
from muelle.stores import ConstraintViolated


async def durable(appended: Awaitable[None]) -> None:
    """Return once it is durable; raise LeaseLost if the database refused it because the worker is not alive."""
    try:
        await appended
    except ConstraintViolated as error:
        if error.facts.get("constraint") == FENCE_NAME:
            raise LeaseLost from None
        raise
