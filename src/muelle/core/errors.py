"""One root for every error that a user may meet.

```
MuelleError
├── Invalid          400  what was handed in is wrong
├── Unauthenticated  401  nobody knows who asks
├── Forbidden        403  known, and not allowed
├── NotFound         404  not there, or not for you
├── Conflict         409  true elsewhere, not with what is stored
├── TooLarge         413  past a limit of size or number
├── Upstream         502  somebody else's system failed
├── Unavailable      503  not now; try again
└── TimedOut         504  took longer than it may
```

The docstring is the message, the class is what happened, and keyword arguments are the facts. Whether trying again can
help is data (`recoverable`), and so is what to do next (`suggestions`).
"""

from typing import Any, ClassVar

type_prefix = "https://muelle.dev/errors/"


class MuelleError(Exception):
    """Something went wrong inside Muelle."""

    code: ClassVar[str] = "internal_error"
    category: ClassVar[str] = "execution"
    status: ClassVar[int] = 500
    recoverable: ClassVar[bool] = False
    suggestions: tuple[str, ...] = ("Report this with the request id; the cause is in the server's log.",)

    def __init__(self, message: str | None = None, /, **facts: Any) -> None:  # noqa: ANN401 - facts are any JSON value
        self.message = message or self._sentence()
        self.facts = facts
        super().__init__(self.message)

    @classmethod
    def _sentence(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().split("\n", 1)[0]

    def __str__(self) -> str:
        """Return the message and its facts, as a log line shows them."""
        facts = ", ".join(f"{key}={value!r}" for key, value in self.facts.items())
        return f"{self.message} ({facts})" if facts else self.message

    def problem(self) -> dict[str, Any]:
        """Return the error as RFC 9457 has it, with Muelle's own members; secrets never are facts."""
        return {
            "type": f"{type_prefix}{self.code}",
            "title": self._sentence(),
            "status": self.status,
            "code": self.code,
            "category": self.category,
            "message": self.message,
            "recoverable": self.recoverable,
            "suggestions": list(self.suggestions),
            **self.facts,
        }


class Invalid(MuelleError):
    """What was handed in is not valid."""

    code = "invalid"
    category = "validation"
    status = 400
    recoverable = True
    suggestions: tuple[str, ...] = ("Correct the field that the error names and send it again.",)


class Unauthenticated(MuelleError):
    """Authentication required."""

    code = "unauthenticated"
    category = "authentication"
    status = 401
    suggestions: tuple[str, ...] = ("Send a key as 'X-API-Key: KEY' or 'Authorization: Bearer KEY'.",)


class Forbidden(MuelleError):
    """This principal is not allowed to do that."""

    code = "forbidden"
    category = "authorization"
    status = 403
    suggestions: tuple[str, ...] = ("Ask an operator for a grant of the scope and resource that the error names.",)


class NotFound(MuelleError):
    """There is no such thing here."""

    code = "not_found"
    category = "validation"
    status = 404
    suggestions: tuple[str, ...] = ("Check the name or id; listing what there is shows what you may see.",)


class Conflict(MuelleError):
    """That conflicts with what is stored."""

    code = "conflict"
    category = "validation"
    status = 409
    suggestions: tuple[str, ...] = ("Read the present state and decide again.",)


class TooLarge(MuelleError):
    """That is larger than allowed."""

    code = "too_large"
    category = "validation"
    status = 413
    suggestions: tuple[str, ...] = ("Send less, or ask an operator to raise the limit that the error names.",)


class Upstream(MuelleError):
    """Another system failed."""

    code = "upstream_failed"
    category = "network"
    status = 502
    recoverable = True
    suggestions: tuple[str, ...] = ("Check that the other system is reachable, and try again after a short while.",)


class Unavailable(MuelleError):
    """Not available just now."""

    code = "unavailable"
    category = "network"
    status = 503
    recoverable = True
    suggestions: tuple[str, ...] = ("Try again after a short while.",)


class TimedOut(MuelleError):
    """That took longer than it may."""

    code = "timed_out"
    category = "network"
    status = 504
    recoverable = True
    suggestions: tuple[str, ...] = ("Ask for less, or for a longer time limit.",)
