"""Runs that cannot go on because nothing can be written down: they are put down, and taken up again by themselves."""

from muelle.core import MuelleError, Unavailable
from muelle.engine import LeaseLost
from muelle.stores import DatabaseBusy, DatabaseUnreachable, TransactionTimedOut


class NotWritten(Unavailable):
    """The run cannot be written down just now; it goes on by itself as soon as it can."""

    code = "not_written"
    suggestions = ("Look at the run again in a few seconds; what was acknowledged is not lost.",)


PUT_DOWN = (LeaseLost, NotWritten, DatabaseUnreachable, DatabaseBusy, TransactionTimedOut)
"""Errors that are the database's and not an operation's."""


def put_down(error: MuelleError) -> MuelleError:
    """Return the error with which a run is put down."""
    return error if isinstance(error, LeaseLost | NotWritten) else NotWritten(cause=error.code)
