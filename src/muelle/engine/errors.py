"""What can go wrong with the journal."""

from muelle.core import Invalid, MuelleError


class InvalidCursor(Invalid):
    """That cursor does not come from a list of runs."""

    code = "invalid_cursor"
    suggestions = ("Send the cursor of the previous page unchanged, or none to begin at the newest run.",)


class InvalidLimit(Invalid):
    """A page has 1 to 1000 runs."""

    code = "invalid_limit"


class PayloadLost(MuelleError):
    """A run's input or output was kept as a blob, and the blob is gone or damaged."""

    code = "payload_lost"
    suggestions = ("Restore the folder of blobs from a backup of the same time as the database.",)
