"""What limits raise."""

from muelle.core import Invalid, MuelleError, Unavailable


class LimitReached(MuelleError):
    """Rate limit exceeded."""

    code = "rate_limited"
    category = "rate_limit"
    status = 429
    recoverable = True
    suggestions = (
        "Wait as many seconds as `retry_after` says, then send it again.",
        "Ask an operator to raise the limit that the error names: muelle limits set.",
    )


class LimitsUnreachable(Unavailable):
    """The server that keeps the limits' counts cannot be reached, so nothing is let through."""

    code = "limits_unreachable"
    suggestions = (
        "Try again after a short while.",
        "An operator may have each process count alone meanwhile: limits.unreachable = 'local'.",
    )


class LimitsNotInstalled(Invalid):
    """Limits on Redis need the Python package redis."""

    code = "limits_not_installed"
    recoverable = False
    suggestions = ("Install muelle[redis], or leave limits.redis empty.",)


class UnknownRate(Invalid):
    """A rate has no such part."""

    code = "unknown_rate"


class InvalidRate(Invalid):
    """That is no number that a rate can have."""

    code = "invalid_rate"


class InvalidTarget(Invalid):
    """Limits are for 'requests', 'operation:TYPE', 'api:ID' or 'tool:NAME'."""

    code = "invalid_target"
