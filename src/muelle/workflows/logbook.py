"""A run's entries on their way to the journal: gathered, and awaited only where an effect follows."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Literal

import msgspec

from muelle.core import MuelleError, RunId, TenantId
from muelle.engine import (
    Entry,
    EventRaised,
    Journal,
    LeaseLost,
    RunBegan,
    RunFinished,
    RunParked,
    RunStarted,
    RunStatus,
    StepBegan,
    StepFinished,
    ValueKept,
    WaitOpened,
    durable,
    hush,
)
from muelle.workflows.putting_down import NotWritten
from muelle.workflows.record import Record

_ENCODE = msgspec.json.Encoder().encode
_MOST = 256  # entries that may wait in memory: a loop's journal must not pile up


class Logbook:
    """Gathers the entries of one run and appends them in order, under the lease of the worker that holds the run."""

    __slots__ = ("_appends", "_entries", "_has_waits", "_journal", "_lease", "_pending", "_run", "_sequence", "_tenant")

    def __init__(self, journal: Journal, run: RunId, tenant: TenantId, lease: str | None, sequence: int = 0) -> None:
        self._journal = journal
        self._run = run
        self._tenant = tenant
        self._lease = lease
        self._entries: list[Entry] = []
        self._pending: list[Awaitable[None]] = []
        self._sequence = sequence
        self._appends = 0
        self._has_waits = False

    @property
    def appends(self) -> int:
        """In how many pieces it was written down."""
        return self._appends

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush."""
        return len(self._entries) >= _MOST

    @property
    def is_clean(self) -> bool:
        """Whether nothing was noted that is not handed over."""
        return not self._entries

    def begin(self, started: RunStarted) -> None:
        """Note that the run began."""
        self._entries.append(started)

    def take_up(self, began: RunBegan) -> None:
        """Note that a queued run began."""
        self._entries.append(began)

    def note(self, operation: str, kind: str, turn: str, record: Record) -> None:
        """Note a finished step."""
        self._entries.append(
            StepFinished(
                run=self._run,
                tenant=self._tenant,
                sequence=self._sequence,
                operation=operation,
                type=kind,
                iteration=turn,
                status=record.status,
                at=record.began,
                took=record.took,
                attempts=record.attempts,
                cached=record.cached,
                output=record.encoded,
                error=encoded_error(record.error),
            )
        )
        self._sequence += 1

    def note_begin(self, operation: str, turn: str, at: datetime) -> None:
        """Note that an effect is about to be had."""
        self._entries.append(
            StepBegan(
                run=self._run,
                tenant=self._tenant,
                sequence=self._sequence,
                operation=operation,
                iteration=turn,
                at=at,
            )
        )
        self._sequence += 1

    def keep(self, name: str, value: bytes) -> None:
        """Note something to be remembered by name."""
        self._entries.append(
            ValueKept(run=self._run, tenant=self._tenant, sequence=self._sequence, name=name, value=value)
        )
        self._sequence += 1

    def ask(self, wait: WaitOpened) -> None:
        """Note that somebody is asked."""
        self._has_waits = True
        self._entries.append(wait)

    def had_asked(self) -> None:
        """Remember that questions may still be open from an earlier life."""
        self._has_waits = True

    def raise_event(self, kind: str, subject: str, at: datetime, data: Any, name: str = "") -> None:  # noqa: ANN401 - any JSON value
        """Note an event that leaves with the next commit; `name` makes its id the same when it is raised again."""
        identity = name or str(self._sequence)
        self._entries.append(
            EventRaised(
                run=self._run,
                tenant=self._tenant,
                id=f"{self._run}:{identity}",
                type=kind,
                source=f"/runs/{self._run}",
                subject=subject,
                at=at,
                data=_ENCODE(data),
            )
        )

    def end(
        self,
        status: RunStatus,
        at: datetime,
        took: int,
        counts: tuple[int, int, int],
        error: MuelleError | None,
        parent: str = "",
    ) -> None:
        """Note that the run ended; `counts` are the operations that succeeded, failed and were skipped.

        The run that waits for this one, its `parent`, is nudged.
        """
        succeeded, failed, skipped = counts
        self._entries.append(
            RunFinished(
                run=self._run,
                tenant=self._tenant,
                status=status,
                at=at,
                took=took,
                succeeded=succeeded,
                failed=failed,
                skipped=skipped,
                error=encoded_error(error),
                has_waits=self._has_waits,
                parent=parent,
            )
        )

    def park(self, status: Literal["waiting", "paused", "queued"], wake: datetime | None) -> None:
        """Note that the run leaves memory."""
        self._entries.append(RunParked(run=self._run, tenant=self._tenant, status=status, wake=wake))

    def watch(self, recorded: Awaitable[None]) -> None:
        """Have the next flush wait for something else too that was queued beside the journal."""
        self._pending.append(recorded)

    def hand_over(self, *, is_lazy: bool = False) -> None:
        """Hand over what was gathered, and let the next flush wait for it."""
        if self._entries:
            entries, self._entries = self._entries, []
            self._appends += 1
            self._pending.append(self._journal.append(entries, flush=not is_lazy, lease=self._lease))

    async def flush(self, *, is_lazy: bool = False) -> None:
        """Return once everything so far is durable; if `is_lazy`, once it survives a crash of this process.

        Raises LeaseLost if the run is not ours any more, and NotWritten.
        """
        self.hand_over(is_lazy=is_lazy)
        pending, self._pending = self._pending, []
        try:
            for appended in pending:
                await (appended if self._lease is None else durable(appended))
        except BaseException as error:
            for appended in pending:
                hush(appended)  # whoever awaited it has gone
            if isinstance(error, LeaseLost) or not isinstance(error, MuelleError):
                raise
            raise NotWritten(cause=error.code) from error


def encoded_error(error: MuelleError | None) -> bytes | None:
    """Return an error as JSON, or None for none."""
    return None if error is None else _ENCODE(error.problem())
