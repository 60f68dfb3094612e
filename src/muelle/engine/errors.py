"""What can go wrong in the engine."""

from muelle.core import Conflict, Invalid, MuelleError, NotFound, TimedOut, TooLarge, Unavailable


class InvalidCursor(Invalid):
    """That cursor does not come from a list of runs."""

    code = "invalid_cursor"
    suggestions = ("Send the cursor of the previous page unchanged, or none to begin at the newest run.",)


class InvalidLimit(Invalid):
    """A page has 1 to 1000 runs."""

    code = "invalid_limit"


class InvalidJob(Invalid):
    """That job cannot be queued as it is."""

    code = "invalid_job"


class PayloadLost(MuelleError):
    """A run's input or output was kept as a blob, and the blob is gone or damaged."""

    code = "payload_lost"
    suggestions = ("Restore the folder of blobs from a backup of the same time as the database.",)


class LeaseLost(Unavailable):
    """This process lost its lease; others take over its runs."""

    code = "lease_lost"
    suggestions = ("Look at the run again after a few seconds: another worker goes on with it.",)


class IdempotencyConflict(Conflict):
    """That Idempotency-Key was used before, with another body."""

    code = "idempotency_conflict"
    suggestions = ("Send the same body again, or use a new key for another request.",)


class TooManySubmissions(Unavailable):
    """This tenant hands in more than can be written down."""

    code = "too_many_submissions"
    suggestions = ("Wait for the answers of earlier submissions before sending more.",)


class UnknownKind(Invalid):
    """No handler is registered for that kind of job."""

    code = "unknown_kind"
    suggestions = ("Start a worker that has the pack which brings this kind of job.",)


class UnknownRun(NotFound):
    """There is no such run."""

    code = "unknown_execution"
    suggestions = ("List the runs to see their ids; a run of another principal is not shown.",)


class RunEnded(Conflict):
    """That run has ended; nothing can be done to it any more."""

    code = "run_ended"
    suggestions = ("Run it again from one of its operations, with 'rerun'.",)


class RunNotPaused(Conflict):
    """That run is not paused."""

    code = "run_not_paused"


class RunNotDead(Conflict):
    """That run was not given up."""

    code = "run_not_dead"


class GivenUp(MuelleError):
    """The run was given up after it failed its worker too often."""

    code = "given_up"
    suggestions = ("Find the cause in the server's log, mend it, and replay the run.",)


class WaitClosed(Conflict):
    """Nobody waits for that answer any more."""

    code = "wait_closed"
    suggestions = ("List the open approvals to see what still waits.",)


class UnknownWait(NotFound):
    """There is no such question."""

    code = "unknown_approval"


class EventTooLarge(TooLarge):
    """The data of an event are larger than allowed."""

    code = "event_too_large"


class JobFailed(MuelleError):
    """The job did not succeed."""

    code = "job_failed"
    suggestions = ("Look at its record for the reason; a dead job can be replayed.",)


class JobCrashed(MuelleError):
    """The job crashed; the cause is in the server's log."""

    code = "job_crashed"


class JobTimedOut(TimedOut):
    """The job was not done by its deadline."""

    code = "job_timed_out"
    suggestions = ("Hand it in again with a later deadline; what it did until then is in its record.",)
