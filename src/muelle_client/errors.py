"""What can go wrong with a call to Muelle, split by who can act.

```
MuelleClientError
├── ApiError            the server answered with an error
│   ├── InvalidRequest  400, 413, 422: what was sent is wrong
│   │   └── InvalidDocument    the workflow is; `issues` says where
│   ├── Unauthenticated 401: nobody knows the key
│   ├── Forbidden       403: known, and not allowed
│   ├── NotFound        404: not there, or not for you
│   ├── Conflict        409: the Idempotency-Key was used for something else
│   ├── RateLimited     429: too often; `retry_after` says how long to wait
│   └── Unavailable     502, 503, 504: not now
├── ConnectionFailed    no server could be reached, or it hung up
├── TimedOut            no answer in time; what was asked may still happen
├── UnexpectedAnswer    whoever answered is no Muelle
├── RunFailed           the run ended in `error`, or only in part (see `Answer.require_success`)
└── InvalidWorkflow     the builder was asked for a document that cannot be
```

None of them ever holds the API key.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muelle_client.results import Answer, Issue


class MuelleClientError(Exception):
    """Something went wrong with a call to Muelle."""


class ConnectionFailed(MuelleClientError):
    """No server could be reached, or it hung up before it had answered."""


class TimedOut(MuelleClientError):
    """There was no answer in time; what was asked may still happen."""


class UnexpectedAnswer(MuelleClientError):
    """What came back is not what Muelle answers; the URL may be wrong."""


class InvalidWorkflow(MuelleClientError, ValueError):
    """The builder was asked for a document that cannot be."""


class RunFailed(MuelleClientError):
    """The run did not succeed; `answer` has what did."""

    def __init__(self, answer: "Answer") -> None:
        self.answer = answer
        failed = {name: outcome for name, outcome in answer.operations.items() if outcome.error is not None}
        causes = [f"{name}: {outcome.error.message}" for name, outcome in failed.items() if outcome.error]
        if answer.error is not None:
            causes.append(answer.error.message)
        super().__init__(f"The run {answer.execution_id} ended as {answer.status}. " + "; ".join(causes))


class ApiError(MuelleClientError):
    """The server answered with an error; `code` is stable, `suggestions` say what to do next."""

    def __init__(self, status: int, problem: Mapping[str, Any], *, retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code") or f"http_{status}")
        self.message = str(problem.get("message") or problem.get("title") or f"The server answered {status}")
        suggestions = problem.get("suggestions")
        self.suggestions = tuple(map(str, suggestions)) if isinstance(suggestions, list) else ()
        request_id = problem.get("request_id")
        self.request_id = request_id if isinstance(request_id, str) else None
        self.retry_after = retry_after
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        asked = f", request {self.request_id}" if self.request_id else ""
        return " ".join((f"{self.message} ({self.code}, status {self.status}{asked})", *self.suggestions))


class InvalidRequest(ApiError):
    """What was sent is wrong."""


class InvalidDocument(InvalidRequest):
    """The workflow is wrong; `issues` says what and where."""

    issues: "Sequence[Issue]" = ()


class Unauthenticated(ApiError):
    """The server does not know the key."""


class Forbidden(ApiError):
    """The key's owner is not allowed to do that."""


class NotFound(ApiError):
    """It is not there, or not for you."""


class Conflict(ApiError):
    """It conflicts with what is stored: the Idempotency-Key was used for something else."""


class RateLimited(ApiError):
    """Too often; `retry_after` says how many seconds to wait, if the server told."""


class Unavailable(ApiError):
    """Not now; try again after a while."""
