"""What every database adapter does for those who wait for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from muelle.stores.errors import TransactionTimedOut
from muelle.stores.model import Statement

Waiting = tuple[Sequence[Statement], "asyncio.Future[None]"]


def answer(batch: Sequence[Waiting], outcomes: Sequence[BaseException | None]) -> None:
    """Tell each caller of a batch how its commit went."""
    for (_, done), error in zip(batch, outcomes, strict=True):
        if done.done():  # its caller has gone away
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


@asynccontextmanager
async def limited(seconds: float) -> AsyncIterator[None]:
    """Raise TransactionTimedOut if the block takes longer."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise TransactionTimedOut(seconds=seconds) from error
        raise


def nobody_told(callers: int, seconds: float) -> None:
    """Tell nobody of a group commit: what a database does until it is observed."""
