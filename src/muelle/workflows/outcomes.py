"""What became of a run, from what became of its operations."""

from datetime import datetime
from typing import TYPE_CHECKING

from muelle.core import MuelleError
from muelle.engine import RunStatus
from muelle.workflows.errors import RunCancelled
from muelle.workflows.record import Tally
from muelle.workflows.surroundings import Outcome

CHILD = "run:"
"""How the cause of a run begins that another run waits for."""

if TYPE_CHECKING:
    from muelle.workflows.run import Run


def outcome_of(run: "Run", began: datetime, took: int, stopped: MuelleError | None) -> Outcome:
    """Return the outcome; `took` is in microseconds, `stopped` what ended the run early."""
    tallies: dict[str, Tally] = {}
    cause: MuelleError | None = None
    succeeded = failed = 0
    for name in run.plan.nodes:
        tally = run.tallies.get(name)
        if tally is None:
            continue
        tallies[name] = tally
        worst = tally.worst
        if worst is None:
            ended = tally.last.status
        else:
            ended, cause = worst.status, cause or worst.error
        if ended == "success":
            succeeded += 1
        elif ended == "failed":
            failed += 1
    status: RunStatus = "success" if cause is None else "partial_success" if succeeded else "error"
    if isinstance(stopped, RunCancelled):
        status = "cancelled"
    return Outcome(
        run=run.id,
        plan=run.plan,
        status=status,
        started=began,
        took=took,
        tallies=tallies,
        cause=stopped or cause,
        succeeded=succeeded,
        failed=failed,
    )


def note_end(run: "Run", outcome: Outcome, cause: str) -> None:
    """Write down that a run ended, and tell the world; `cause` names the run that waits for it, if one does."""
    at = run.among.clock.now()
    parent = cause.removeprefix(CHILD) if cause.startswith(CHILD) else ""
    skipped = len(run.plan.nodes) - outcome.succeeded - outcome.failed  # or not reached
    counts = outcome.succeeded, outcome.failed, skipped
    run.log.end(outcome.status, at, outcome.took, counts, outcome.cause, parent)
    told = {"status": outcome.status, "workflow": run.plan.workflow, "agent": run.principal.id}
    run.log.raise_event("muelle.run.finished", run.plan.workflow, at, told, "finished")
