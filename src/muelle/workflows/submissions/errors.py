"""What can be wrong with the way in which a run is asked for."""

from muelle.core import Invalid, Unavailable


class InvalidIdempotencyKey(Invalid):
    """An Idempotency-Key has 1 to 255 visible ASCII characters."""

    code = "invalid_idempotency_key"
    suggestions = ("Send a new UUID for each request, and the same one when you repeat the request.",)


class InvalidTime(Invalid):
    """That time cannot be used for a run."""

    code = "invalid_time"
    suggestions = ("Send seconds from now, or a time with its zone such as 2026-12-31T18:00:00Z, that lies ahead.",)


class InvalidEventId(Invalid):
    """That is no id of an event of a run."""

    code = "invalid_event_id"
    suggestions = ("Send the id of the last event that you have seen, or none to begin with the first.",)


class TooManyStreams(Unavailable):
    """This principal has as many event streams open as it may."""

    code = "too_many_streams"
    status = 429
    suggestions = ("Close a stream, or ask an operator to raise workflows.submissions.streams.",)
