"""Entries on their way to the journal when their run is given up: nothing that fails then is missed by anybody."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from muelle.core import RunId, TenantId
from muelle.engine import Journal, LeaseLost
from muelle.workflows.logbook import Logbook

Pending = list["asyncio.Future[None]"]


@pytest.fixture
async def unheard() -> AsyncIterator[list[dict[str, Any]]]:
    """Give what the loop complains of."""
    found: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(context))
    yield found
    loop.set_exception_handler(None)


@pytest.fixture
async def pending() -> Pending:
    loop = asyncio.get_running_loop()
    return [loop.create_future() for _ in range(3)]


@pytest.fixture
async def logbook(pending: Pending) -> Logbook:
    """Give the logbook of a run that waits for three things."""
    logbook = Logbook(cast("Journal", None), RunId("run_1"), TenantId("tenant_1"), "worker_1")
    for one in pending:
        logbook.watch(one)
    return logbook


async def test_a_run_that_is_cancelled_in_a_flush_leaves_no_failure_unheard(
    logbook: Logbook, pending: Pending, unheard: list[dict[str, Any]]
) -> None:
    flush = asyncio.create_task(logbook.flush())
    await asyncio.sleep(0)
    flush.cancel()
    await asyncio.wait([flush])
    for one in pending[1:]:
        one.set_exception(LeaseLost())
    assert flush.cancelled()
    pending.clear()
    await asyncio.sleep(0)
    del flush, one
    gc.collect()

    assert unheard == []


async def test_the_first_failure_of_a_flush_is_told_and_the_others_are_not_missed(
    logbook: Logbook, pending: Pending, unheard: list[dict[str, Any]]
) -> None:
    for one in pending:
        one.set_exception(LeaseLost())
    del one
    pending.clear()
    with pytest.raises(LeaseLost):
        await logbook.flush()
    await asyncio.sleep(0)
    gc.collect()

    assert unheard == []
