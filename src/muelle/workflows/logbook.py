"""A run's entries on their way to the journal: gathered, and awaited only where an effect follows."""

from collections.abc import Awaitable
from datetime import datetime

import msgspec

from muelle.core import MuelleError, PrincipalId, RunId, TenantId
from muelle.engine import Entry, Journal, RunFinished, RunStarted, RunStatus, StepFinished
from muelle.workflows.record import Record

_ENCODE = msgspec.json.Encoder().encode
_MOST = 256  # entries that may wait in memory: a loop's journal must not pile up


class Logbook:
    """Gathers the entries of one run and appends them in order."""

    __slots__ = ("_entries", "_journal", "_pending", "_run", "_sequence", "_tenant")

    def __init__(self, journal: Journal, run: RunId, tenant: TenantId) -> None:
        self._journal = journal
        self._run = run
        self._tenant = tenant
        self._entries: list[Entry] = []
        self._pending: list[Awaitable[None]] = []
        self._sequence = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush."""
        return len(self._entries) >= _MOST

    def begin(
        self, principal: PrincipalId, workflow: str, plan: tuple[str, bytes], inputs: bytes, at: datetime
    ) -> None:
        """Note that the run began; `plan` is its hash and the document."""
        digest, document = plan
        self._entries.append(
            RunStarted(
                run=self._run,
                tenant=self._tenant,
                principal=principal,
                workflow=workflow,
                plan=digest,
                document=document,
                inputs=inputs,
                at=at,
            )
        )

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

    def end(
        self, status: RunStatus, at: datetime, took: int, counts: tuple[int, int, int], error: MuelleError | None
    ) -> None:
        """Note that the run ended; `counts` are the operations that succeeded, failed and were skipped."""
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
            )
        )

    def watch(self, recorded: Awaitable[None]) -> None:
        """Have the next flush wait for something else too that was queued beside the journal."""
        self._pending.append(recorded)

    def hand_over(self, *, is_lazy: bool = False) -> None:
        """Hand over what was gathered, and let the next flush wait for it."""
        if self._entries:
            entries, self._entries = self._entries, []
            self._pending.append(self._journal.append(entries, flush=not is_lazy))

    async def flush(self, *, is_lazy: bool = False) -> None:
        """Return once everything so far is durable; if `is_lazy`, once it survives a crash of this process."""
        self.hand_over(is_lazy=is_lazy)
        pending, self._pending = self._pending, []
        for appended in pending:
            await appended


def encoded_error(error: MuelleError | None) -> bytes | None:
    """Return an error as JSON, or None for none."""
    return None if error is None else _ENCODE(error.problem())
