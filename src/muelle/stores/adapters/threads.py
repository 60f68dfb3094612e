"""Threads that each own a resource, and run what the loop hands them."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar


class Closable(Protocol):
    """What a thread owns."""

    def close(self) -> None:
        """Let go of it."""
        ...


C = TypeVar("C", bound=Closable)
T = TypeVar("T")
_Work = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]"]


class Threads(Generic[C]):
    """`count` threads that share one queue; functions get the thread's resource as their first argument."""

    def __init__(self, name: str, count: int, resource: Callable[[], C]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._resource = resource
        self._ended: list[asyncio.Future[None]] = []
        self._threads: list[threading.Thread] = []
        for number in range(count):
            ended: asyncio.Future[None] = self._loop.create_future()
            thread = threading.Thread(target=self._serve, args=(ended,), name=f"{name}-{number}", daemon=True)
            thread.start()
            self._ended.append(ended)
            self._threads.append(thread)

    def submit(self, function: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":  # noqa: ANN401 - passed on
        """Queue `function(resource, *arguments)`; the future has what it returns or raises."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((function, arguments, done))
        return done

    async def close(self) -> None:
        """Finish what is queued and end the threads."""
        for _ in self._threads:
            self._queue.put(None)
        await asyncio.gather(*self._ended)
        for thread in self._threads:
            thread.join()

    def _serve(self, ended: "asyncio.Future[None]") -> None:
        resource: C | None = None
        while (work := self._queue.get()) is not None:
            function, arguments, done = work
            try:
                resource = resource or self._resource()
                outcome = function(resource, *arguments)
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                self._loop.call_soon_threadsafe(_fail, done, error)
            else:
                self._loop.call_soon_threadsafe(_settle, done, outcome)
            del work, function, arguments, done  # while it waits, a thread keeps nothing of the last work alive
        if resource is not None:
            resource.close()
        self._loop.call_soon_threadsafe(_settle, ended, None)


def _settle(done: "asyncio.Future[T]", outcome: T) -> None:
    if not done.done():
        done.set_result(outcome)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
