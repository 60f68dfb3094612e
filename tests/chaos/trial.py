"""One trial: everything is started, work is handed in while the storm rages, and the judge is asked at the end."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

import aiohttp
import msgspec

from chaos.checker import Findings, Promise, Seen, judge
from chaos.client import NOT_ENDED, Client, open_client
from chaos.ground import Ground, open_ground
from chaos.ledger import Sighting, Tallied
from chaos.shapes import request_of, shape_of, shapes
from chaos.storm import Scene, Storm

TESTS = Path(__file__).resolve().parent.parent
_SUBMITTERS = 24
_AGAIN = 0.05  # the part of submissions that is sent once more after it was acknowledged
_WAITING = 0.05  # the part that waits for its result instead
_CALM = 60.0  # seconds after the storm in which what is left must end
_SUSPICIOUS = 20.0  # seconds without progress
_TELL_EVERY = 5.0
_TICK = 0.2
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to try; times in seconds."""

    runs: int = 20_000
    seconds: float = 1_800.0
    workers: int = 3
    servers: int = 2
    seed: int = 1
    kill_every: float = 1.0
    serve_every: float = 9.0
    lease: float = 4.0
    window: int = 1_000  # submissions that may be under way, so that the storm meets all ages of runs
    database: Literal["postgresql", "sqlite"] = "postgresql"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a trial found."""

    options: Options
    findings: Findings
    harms: Counter[str]
    answers: Counter[str]
    deaths: int
    seconds: float

    def summary(self) -> dict[str, Any]:
        """Return the numbers, for programs."""
        found = self.findings
        return {
            "runs": found.runs,
            "lost": len(found.lost),
            "doubled": len(found.doubled),
            "recovered": found.recovered,
            "repeated": found.repeated,
            "wrong": len(found.wrong),
            "effects": found.effects,
            **{name.replace(" ", "_"): count for name, count in sorted(self.harms.items())},
            "ended_by_themselves": self.deaths,
            "answers": dict(sorted(self.answers.items())),
            "database": self.options.database,
            "seed": self.options.seed,
            "seconds": round(self.seconds, 1),
        }


class World:
    """The effects server, from outside."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session
        self.tally = Tallied(0, 0, 0)

    async def watch(self) -> None:
        """Keep `tally` as it is there, until cancelled."""
        while True:
            self.tally = msgspec.json.decode(await self._get("tally"), type=Tallied)
            await asyncio.sleep(_TICK)

    async def sightings(self) -> list[Sighting]:
        """Return all that was seen."""
        return msgspec.json.decode(await self._get("report"), type=list[Sighting])

    async def _get(self, what: str) -> bytes:
        async with self._session.get(f"{self.url}/{what}") as answer:
            return await answer.read()


@asynccontextmanager
async def open_world(folder: Path, seed: int) -> AsyncIterator[World]:
    """Start the effects server; end it at the end of the block."""
    command = [sys.executable, "-m", "chaos.effects", str(seed), str(folder / "effects.tsv")]
    paths = os.pathsep.join((str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])))
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout
        port = int(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            yield World(f"http://127.0.0.1:{port}", session)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@dataclass
class Trial:
    """Work on its way: tickets 0 to `runs`, and the runs that each was told to be."""

    options: Options
    world: World
    client: Client
    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    submitted: int = 0

    def __post_init__(self) -> None:
        self.shapes = shapes(self.world.url)

    def progress(self) -> float:
        """Return which part of the work has ended, as the world sees it."""
        return self.world.tally.finished / self.options.runs

    async def submit_all(self) -> None:
        """Hand everything in, some of it twice."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_SUBMITTERS):
                tasks.create_task(self._submit())

    async def _submit(self) -> None:
        while self.submitted < self.options.runs:
            if self.submitted - self.world.tally.finished >= self.options.window:
                await asyncio.sleep(_TICK / 2)
                continue
            number, self.submitted = self.submitted, self.submitted + 1
            chance = Random(self.options.seed << 32 | number)  # noqa: S311 - submissions that can be repeated
            ticket = f"t{number:06d}"
            body = request_of(ticket, shape_of(ticket, self.shapes))
            is_waiting = chance.random() < _WAITING
            self.acknowledged[ticket] = {await self.client.submit(ticket, body, is_waiting=is_waiting)}
            if chance.random() < _AGAIN:
                self.acknowledged[ticket].add(await self.client.submit(ticket, body))

    async def finish(self) -> None:
        """Return once the world has seen the last of every run, or once all have ended without that."""
        seen, since = self.world.tally.finished, time.monotonic()
        while seen < self.options.runs:
            await asyncio.sleep(_TICK)
            if self.world.tally.finished > seen:
                seen, since = self.world.tally.finished, time.monotonic()
            elif time.monotonic() - since > _SUSPICIOUS:
                since = time.monotonic()
                if not NOT_ENDED & {run.status for run in (await self.client.runs()).values()}:
                    return

    async def tell(self, say: Say, storm: Storm) -> None:
        """Say how far it is, until cancelled."""
        start = time.monotonic()
        while True:
            await asyncio.sleep(_TELL_EVERY)
            tally = self.world.tally
            harms = ", ".join(f"{count} {name}" for name, count in sorted(storm.harms.items()))
            say(
                f"{time.monotonic() - start:6.0f} s: {len(self.acknowledged)} acknowledged, {tally.finished} finished, "
                f"{tally.requests} calls; {harms}"
            )

    def promises(self) -> list[Promise]:
        """Return what was acknowledged."""
        return [
            Promise(ticket, shape_of(ticket, self.shapes), frozenset(runs))
            for ticket, runs in self.acknowledged.items()
        ]

    async def ended(self, seconds: float) -> dict[str, Seen]:
        """Return all runs with their steps, as soon as all have ended or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            runs = await self.client.runs()
            open_still = sum(run.status in NOT_ENDED for run in runs.values())
            if not open_still or time.monotonic() > deadline:
                return await self._with_steps(list(runs))
            await asyncio.sleep(_TICK)

    async def _with_steps(self, runs: list[str]) -> dict[str, Seen]:
        shown: dict[str, Seen] = {}
        waiting = iter(runs)

        async def look() -> None:
            for run in waiting:
                shown[run] = await self.client.show(run)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_SUBMITTERS):
                tasks.create_task(look())
        return shown


async def attempt(options: Options, folder: Path, say: Say) -> Report:
    """Run a whole trial in a folder."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(folder, options.seed))
        ground = await stack.enter_async_context(open_ground(options, folder))
        client = await stack.enter_async_context(open_client(ground.urls, ground.owner_key, options.seed))
        trial = Trial(options, world, client)
        storm = _storm(options, ground, trial)
        await _weather(trial, storm, say)
        say("The storm is over; waiting for what is left.")
        await storm.settle()
        ground.repair()
        runs = await trial.ended(_CALM)
        findings = judge(trial.promises(), runs, await world.sightings())
        findings.lost += [f"only {trial.submitted} of {options.runs} were submitted in time"] * (
            trial.submitted < options.runs
        )
        findings.wrong += [f"{fault} ({count} times)" for fault, count in client.faults.items()]
        programs = storm.scene.programs
        for words in (words for program in programs for words in program.last_words):
            say(words)
        return Report(
            options=options,
            findings=findings,
            harms=storm.harms,
            answers=client.answers,
            deaths=sum(program.deaths for program in programs),
            seconds=time.monotonic() - began,
        )


def _storm(options: Options, ground: Ground, trial: Trial) -> Storm:
    scene = Scene(
        workers=ground.workers,
        servers=ground.servers,
        lease=options.lease,
        progress=trial.progress,
        database=ground.database,
        proxy=ground.proxy,
    )
    chance = Random(options.seed)  # noqa: S311 - faults that can be repeated
    serve_every = options.serve_every if ground.workers else options.kill_every
    return Storm(scene, chance, options.kill_every, serve_every)


async def _weather(trial: Trial, storm: Storm, say: Say) -> None:
    """Let the storm rage while the work is done, for as long as there is time."""
    around = [
        asyncio.create_task(storm.rage()),
        asyncio.create_task(trial.tell(say, storm)),
        asyncio.create_task(trial.world.watch()),
    ]
    work = asyncio.create_task(_work(trial))
    try:
        await asyncio.wait({work, *around}, timeout=trial.options.seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (work, *around):
            task.cancel()
        outcomes = await asyncio.gather(work, *around, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _work(trial: Trial) -> None:
    await trial.submit_all()
    await trial.finish()
