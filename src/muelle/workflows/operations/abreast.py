"""Work side by side, in a task group whose failures stay what they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager


@asynccontextmanager
async def abreast() -> AsyncIterator[asyncio.TaskGroup]:
    """Open a task group; the first failure inside comes out as itself, not in an ExceptionGroup."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        raise _first(group) from None


async def overlapped(works: Sequence[Callable[[], Awaitable[bool]]], waits: Sequence[Sequence[int]]) -> list[bool]:
    """Do works side by side, each once those have ended that it waits for, by their numbers; return what they gave."""
    finished = [asyncio.Event() for _ in works]

    async def do(number: int) -> bool:
        for earlier in waits[number]:
            await finished[earlier].wait()
        is_good = await works[number]()
        finished[number].set()
        return is_good

    async with abreast() as group:
        tasks = [group.create_task(do(number)) for number in range(len(works))]
    return [task.result() for task in tasks]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    fault = group.exceptions[0]
    return _first(fault) if isinstance(fault, BaseExceptionGroup) else fault
