"""Runs whose handler failed: taken up again after a while, and given up after some times."""

import msgspec

from muelle.core import MuelleError
from muelle.engine.errors import GivenUp
from muelle.engine.held import Key
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.queue import SECOND, Queue

_PAUSES = (1, 5, 30, 120)  # seconds before the second, third, … attempt
_ENCODE = msgspec.json.Encoder().encode


class Failures:
    """Writes down what a handler failed with."""

    def __init__(self, queue: Queue, settings: EngineSettings) -> None:
        self._queue = queue
        self._most = settings.failures

    async def note(self, worker: str, key: Key, error: Exception, *, is_last: bool = False) -> None:
        """Let the run sleep until its next attempt, or make it dead with the reason, at once if this `is_last`."""
        tenant, run = key
        async with self._queue.database.transaction(alone=False) as transaction:
            rows = await transaction.fetch(
                "UPDATE jobs SET failures = failures + 1 WHERE tenant = ? AND run = ? AND worker = ? "
                "RETURNING failures",
                tenant,
                run,
                worker,
            )
            if not rows:
                return  # somebody else has it by now
            failures = rows[0][0]
            is_dead = is_last or failures >= self._most
            pause = _PAUSES[min(failures, len(_PAUSES)) - 1] * SECOND
            await transaction.execute(
                f"UPDATE jobs SET worker = NULL, claimed = NULL, state = ?, run_at = {self._queue.now_sql} + ? "  # noqa: S608 - constants
                "WHERE tenant = ? AND run = ?",
                "dead" if is_dead else "sleeping",
                self._queue.now(),
                pause,
                tenant,
                run,
            )
            await transaction.execute(
                "UPDATE runs SET status = ?, error = ? WHERE tenant = ? AND run = ? AND finished IS NULL",
                "dead" if is_dead else "queued",
                _ENCODE(_reason(error).problem()),
                tenant,
                run,
            )


def _reason(error: Exception) -> MuelleError:
    if isinstance(error, MuelleError):
        return error
    return GivenUp(fault=type(error).__name__)
