"""Single flight: what is asked several times at once is done once, and told to all who asked."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from muelle.core import MuelleError

T = TypeVar("T")


class _Flight(Generic[T]):
    __slots__ = ("task", "waiting")

    def __init__(self, task: "asyncio.Task[T]") -> None:
        self.task = task
        self.waiting = 0


class Flights(Generic[T]):
    """What is under way, by key. It goes on while anybody waits for it, whoever came first; then it is cancelled."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    def __contains__(self, key: str) -> bool:
        """Tell whether something is under way."""
        return key in self._flights

    def __len__(self) -> int:
        """Return how much is under way."""
        return len(self._flights)

    async def board(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns, or what is under way already. All get an error of their own."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, work)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        except MuelleError as error:
            raise _own(error) from None
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._end(key, flight)
                flight.task.cancel()

    def send_off(self, key: str, work: Callable[[], Awaitable[T]]) -> "asyncio.Task[T] | None":
        """Begin something that nobody waits for, unless it is under way."""
        if key in self._flights:
            return None
        flight = self._start(key, work)
        flight.waiting = 1
        return flight.task

    def _start(self, key: str, work: Callable[[], Awaitable[T]]) -> _Flight[T]:
        async def fly() -> T:
            return await work()

        task = asyncio.get_running_loop().create_task(fly())
        flight = self._flights[key] = _Flight(task)
        task.add_done_callback(lambda done: self._landed(key, flight, done))
        return flight

    def _landed(self, key: str, flight: _Flight[T], done: "asyncio.Task[T]") -> None:
        self._end(key, flight)
        if not done.cancelled():
            done.exception()  # whoever waits gets it; if nobody does any more, it is nobody's

    def _end(self, key: str, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def close(self) -> None:
        """Cancel what is under way, and wait for its end."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _own(error: MuelleError) -> MuelleError:
    """Return an error that this waiter may add facts to: a copy."""
    mine = copy.copy(error)
    mine.facts = dict(error.facts)
    return mine
