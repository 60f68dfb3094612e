"""What goes wrong with policies."""

from muelle.core import Invalid, Unavailable


class BreakerOpen(Unavailable):
    """The other system failed too often lately: it is left alone until the time that the error names has passed."""

    code = "breaker_open"
    suggestions = (
        "Try again after retry_after seconds; the other system is asked again by then.",
        "See the breakers for what opened it.",
    )


class InvalidPolicy(Invalid):
    """The policy cannot be as it is."""

    code = "invalid_policy"


class CacheUnreachable(Unavailable):
    """The store of cached answers cannot be reached."""

    code = "cache_unreachable"
    suggestions = ("Check egress.store; calls go on without the cache meanwhile.",)
