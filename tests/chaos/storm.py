"""What goes wrong, and when: some by the clock, and some once so much of the work is done."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from chaos.programs import Program
from chaos.proxy import Proxy

CLOCKS = ("-3600", "+3600", "+0 x1.3", "-86400", "+0 x0.7", "+60")
_TICK = 0.05
_OVERDUE = 1.6  # how many leases a freeze lasts
_DOWN = 0.5  # seconds that the database is away


class Server(Protocol):
    """A database server."""

    def start(self) -> None:
        """Start it and return once it answers."""

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it."""


@dataclass
class Scene:
    """Everything that can be harmed. `progress` tells which part of the work is done, from 0 to 1."""

    workers: Sequence[Program]
    servers: Sequence[Program]
    lease: float
    progress: Callable[[], float]
    database: Server | None = None
    proxy: Proxy | None = None

    @property
    def programs(self) -> tuple[Program, ...]:
        """All programs of ours."""
        return (*self.servers, *self.workers)


@dataclass
class Storm:
    """Harms a scene until it is cancelled. Seconds between harms of a kind; 0 for none of it."""

    scene: Scene
    chance: Random
    kill_every: float
    serve_every: float
    cut_every: float = 6.0
    clock_every: float = 2.0
    end_every: float = 5.0
    harms: Counter[str] = field(default_factory=Counter)
    _restarting: "asyncio.Future[None] | None" = None

    async def rage(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._supervise())
            tasks.create_task(self._every(self.kill_every, self._kill_worker))
            tasks.create_task(self._every(self.serve_every, self._kill_server))
            tasks.create_task(self._every(self.cut_every, self._cut))
            tasks.create_task(self._every(self.end_every, self._end_worker))
            tasks.create_task(self._every(self.clock_every, self._move_clock))
            tasks.create_task(self._one_after_the_other())

    async def settle(self) -> None:
        """Wait until a restart that had begun is over."""
        if self._restarting is not None:
            await self._restarting

    async def _supervise(self) -> None:
        while True:
            for program in self.scene.programs:
                program.start()
            await asyncio.sleep(_TICK)

    async def _every(self, seconds: float, harm: Callable[[], str | None]) -> None:
        while seconds > 0:
            await asyncio.sleep(seconds)
            if done := harm():
                self.harms[done] += 1

    async def _one_after_the_other(self) -> None:
        """Do the rare ones, spread over the work."""
        restart = self._restart
        rare: Sequence[tuple[float, Callable[[], Awaitable[str | None]]]] = (
            (0.15, self._zombie),
            (0.25, lambda: restart(signal.SIGQUIT)),
            (0.40, self._freeze_network),
            (0.50, lambda: restart(signal.SIGINT)),
            (0.60, self._zombie),
            (0.75, lambda: restart(signal.SIGQUIT)),
        )
        for part, harm in rare:
            while self.scene.progress() < part:  # noqa: ASYNC110 - it is a number in another process
                await asyncio.sleep(_TICK)
            if done := await harm():
                self.harms[done] += 1

    def _kill_worker(self) -> str | None:
        """Kill the one that has run for the longest."""
        return "workers killed" if _kill_oldest(self.scene.workers) else None

    def _end_worker(self) -> str | None:
        """Ask one to end, as a rolling restart does: it gives back what it holds."""
        at_work = [program for program in self.scene.workers if _is_at_work(program)]
        if not at_work:
            return None
        self.chance.choice(at_work).ask_to_end()
        return "workers ended"

    def _kill_server(self) -> str | None:
        return "servers killed" if _kill_oldest(self.scene.servers) else None

    def _cut(self) -> str | None:
        proxy = self.scene.proxy
        return "cuts" if proxy is not None and proxy.cut() else None

    def _move_clock(self) -> str | None:
        """Move the clock of one program; the first of them keeps the right time."""
        movable = [program for program in self.scene.programs if program.offset]
        if not movable:
            return None
        self.chance.choice(movable).move_clock(self.chance.choice(CLOCKS))
        return "clocks moved"

    async def _restart(self, how: signal.Signals) -> str | None:
        """Stop the database, as by a crash with SIGQUIT, and start it again."""
        database = self.scene.database
        if database is None:
            return None
        self._restarting = asyncio.ensure_future(asyncio.to_thread(_restarted, database, how))
        await asyncio.shield(self._restarting)
        return "restarts"

    async def _freeze_network(self) -> str | None:
        """Let nothing reach the database for longer than a lease, with every connection open."""
        proxy = self.scene.proxy
        if proxy is None:
            return None
        proxy.freeze()
        await asyncio.sleep(self.scene.lease * _OVERDUE)
        proxy.thaw()
        return "networks frozen"

    async def _zombie(self) -> str | None:
        """Stop a worker for longer than its lease; it comes back and believes that its runs are still its own."""
        grown = [program for program in self.scene.workers if _is_at_work(program)]
        if not grown:
            return None
        program = self.chance.choice(grown)
        program.freeze()
        await asyncio.sleep(self.scene.lease * _OVERDUE)
        program.thaw()
        return "zombies"


def _restarted(database: Server, how: signal.Signals) -> None:
    database.stop(how)
    time.sleep(_DOWN)
    database.start()


def _is_at_work(program: Program) -> bool:
    """Tell whether it is worth harming: one that is still starting does nothing yet."""
    return not program.frozen and program.is_ready


def _kill_oldest(programs: Sequence[Program]) -> bool:
    grown = sorted((program for program in programs if _is_at_work(program)), key=lambda program: program.began)
    if grown:
        grown[0].kill()
    return bool(grown)
