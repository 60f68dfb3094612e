"""The events of a run as they happen, wherever it is advanced: read from the journal, from any place on."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from muelle.core import Clock, PrincipalId, TenantId
from muelle.engine import ENDED, Engine, Past, RunRecord, StepBegan, StepFinished
from muelle.identity import Principal
from muelle.workflows.history import began_of, entry_of, open_waits, step_of
from muelle.workflows.runs import Runs
from muelle.workflows.submissions.errors import TooManyStreams
from muelle.workflows.submissions.settings import SubmissionsSettings

_ENCODE = msgspec.json.Encoder().encode
_FIRST_LOOK, _LAST_LOOK = 0.05, 1.0  # seconds between looks at a run that another process may advance
_SLOWER = 0.5  # of the time in which nothing happened
_RETRY_SECONDS = 1
Again = Callable[[], Awaitable[Principal]]


class RunEvent(NamedTuple):
    """Something that happened; `data` is JSON. Those of the journal have an id: a stream goes on behind it.

    What only tells how the run stands has none: `run.queued`, `run.running`, `run.waiting`, `run.paused`, `run.dead`.
    """

    kind: str
    id: int | None
    data: bytes


class Streams:
    """Follows runs for those who may see them; how many at once for one principal is bounded."""

    def __init__(self, runs: Runs, engine: Engine, clock: Clock, settings: SubmissionsSettings) -> None:
        self._runs = runs
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._open: Counter[tuple[TenantId, PrincipalId]] = Counter()
        self._is_closing = False

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open.total()

    def close(self) -> None:
        """Have all streams end soon: the process stops. Their clients go on elsewhere, from where they were."""
        self._is_closing = True
        self._engine.journal.watchers.ring_all()

    @contextmanager
    def _place(self, principal: Principal) -> Iterator[None]:
        """Take one of the principal's places for a stream; raise TooManyStreams."""
        key = principal.tenant, principal.id
        if self._open[key] >= self._settings.streams:
            raise TooManyStreams(limit=self._settings.streams, retry_after=_RETRY_SECONDS)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    async def follow(
        self, principal: Principal, run: str, after: int = -1, again: Again | None = None
    ) -> AsyncGenerator[RunEvent | None, None]:
        """Yield what happened behind the event `after` and what happens until the run ends; None where nothing does.

        How the run stands comes first, and again whenever it changes. `again` tells from time to time who asks, or
        raises. Raises TooManyStreams, and ExecutionNotFound for a run that may not be seen, or not any more.
        """
        record = await self._runs.find(principal, run)
        walk = _Walk(self._engine, after)
        with self._place(principal), self._engine.journal.watchers.watch(record.tenant, record.run) as bell:
            looked = beaten = self._clock.monotonic()
            while True:
                bell.clear()
                for event in await walk.look(record):
                    yield event
                    looked = beaten = self._clock.monotonic()
                if walk.is_over or self._is_closing:
                    return
                await self._pause(bell, record, self._clock.monotonic() - looked)
                if self._clock.monotonic() - beaten >= self._settings.heartbeat_seconds:
                    yield None
                    beaten = self._clock.monotonic()
                    principal = await again() if again else principal
                record = await self._runs.find(principal, run)

    async def _pause(self, bell: asyncio.Event, record: RunRecord, quiet: float) -> None:
        """Wait until something was written down in this process, or until it is time to look what others did."""
        is_ours = (record.tenant, record.run) in self._engine.held
        seconds = _LAST_LOOK if is_ours else min(max(quiet * _SLOWER, _FIRST_LOOK), _LAST_LOOK)
        waits = [asyncio.ensure_future(bell.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class _Walk:
    """How far one stream has come along its run."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine = engine
        self._since = after + 1
        self._has_told = after < 0  # something with an id, so that the end has not been told before
        self._status = ""
        self.is_over = False

    async def look(self, record: RunRecord) -> list[RunEvent]:
        """Return what is new. The record was read first: of a run that had ended by then, the journal has all."""
        past = await self._engine.journal.past(record.tenant, record.run, self._since)
        events: list[RunEvent] = []
        self.is_over = record.status in ENDED or record.status == "dead"
        if record.status != self._status and record.status not in ENDED:
            self._status = record.status
            events.append(RunEvent(f"run.{record.status}", None, await self._standing(record)))
        if past:
            self._since, self._has_told = past[-1].sequence + 1, True
            events += [event for entry in past if (event := _event_of(entry))]
        if record.status in ENDED and await self._is_end_new(record):
            events.append(RunEvent("run.finished", self._since, _ENCODE(entry_of(record))))
        return events

    async def _is_end_new(self, record: RunRecord) -> bool:
        """Tell whether the last event that was seen is one of the journal, and not the end, which has the next id."""
        seen = self._since - 1
        return self._has_told or bool(await self._engine.journal.past(record.tenant, record.run, seen))

    async def _standing(self, record: RunRecord) -> bytes:
        told = entry_of(record)
        if record.status in {"waiting", "running"}:
            told["waits"] = await open_waits(self._engine.waits, record)
        return _ENCODE(told)


def _event_of(entry: Past) -> RunEvent | None:
    if isinstance(entry, StepFinished):
        return RunEvent("operation.finished", entry.sequence, _ENCODE(step_of(entry)))
    if isinstance(entry, StepBegan):
        return RunEvent("operation.started", entry.sequence, _ENCODE(began_of(entry)))
    return None  # what a run remembers by name is its own affair
