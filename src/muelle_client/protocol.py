"""The protocol without input or output: each call as a request to send and a way to read what comes back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from muelle_client.errors import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidDocument,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from muelle_client.results import (
    Answer,
    Capabilities,
    Execution,
    Health,
    Json,
    Report,
    Run,
    RunPage,
    answer_of,
    capabilities_of,
    execution_of,
    health_of,
    issues_of,
    page_of,
    report_of,
    run_of,
)
from muelle_client.standing import Submitted, result_of, submitted_of

T = TypeVar("T")
PAGE: Final = 100
"""Runs asked for at once."""

WAIT: Final = 20
"""Seconds for which a run's answer is waited for in one request."""

RUN_TIMEOUT: Final = 1_860.0
"""Seconds to wait for a run, which may take 30 minutes unless the server is set otherwise."""


_OK, _NO_CONTENT = 200, 204
_SLACK = 10.0  # seconds that an answer may take beyond what the server was asked to wait
_SILENCE = 120.0  # seconds in which a stream of events says nothing; the server speaks each 15 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. `is_repeatable`: sending it twice does what sending it once does. `timeout` is in seconds."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    is_repeatable: bool = True
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and what its JSON answer means."""

    request: Request
    read: Callable[[Json], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to list; each given field narrows."""

    status: str | None = None
    agent_id: str | None = None
    workflow_id: str | None = None


def health() -> Call[Health]:
    """Ask whether the server is well."""
    return Call(Request(method="GET", path="/health"), health_of)


def capabilities() -> Call[Capabilities]:
    """Ask what the key's owner may do."""
    return Call(Request(method="GET", path="/api/v1/capabilities"), capabilities_of)


def validate(document: str) -> Call[Report]:
    """Ask for a report on a document; this runs nothing, so it may be repeated."""
    return Call(_post("/api/v1/workflows/validate", {"workflow": document}), report_of)


def run(
    document: str,
    inputs: Mapping[str, Json] | None,
    *,
    validate: bool,
    idempotency_key: str | None,
    timeout: float | None,
) -> Call[Answer]:
    """Run a document; only with an idempotency key may the request be repeated."""
    body: dict[str, Json] = {"workflow": document, "validate": validate}
    if inputs is not None:
        body["inputs"] = dict(inputs)
    headers = {} if idempotency_key is None else {"Idempotency-Key": _header("idempotency_key", idempotency_key)}
    path = "/api/v1/workflows/execute"
    repeatable = idempotency_key is not None
    return Call(_post(path, body, headers=headers, is_repeatable=repeatable, timeout=timeout), answer_of)


def runs(wanted: RunFilter, limit: int, cursor: str | None) -> Call[RunPage]:
    """Ask for a page of runs, newest first."""
    given = {
        "limit": str(limit),
        "status": wanted.status,
        "agent_id": wanted.agent_id,
        "workflow_id": wanted.workflow_id,
        "cursor": cursor,
    }
    query = {name: value for name, value in given.items() if value is not None}
    return Call(Request(method="GET", path="/api/v1/executions", query=query), page_of)


def execution(execution_id: str) -> Call[Execution]:
    """Ask for one run."""
    return Call(Request(method="GET", path=_place(execution_id)), execution_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a run is to be done: `priority` from 1 (first) to 5; times as such (aware), or as seconds from now."""

    priority: int | None = None
    deadline: datetime | float | None = None
    run_at: datetime | float | None = None

    def members(self) -> dict[str, Json]:
        """Return them as members of a request's body; raise ValueError for a time without a zone."""
        given = {"priority": self.priority, "deadline": _when(self.deadline), "run_at": _when(self.run_at)}
        return {name: value for name, value in given.items() if value is not None}


def submit(
    document: str, inputs: Mapping[str, Json] | None, wishes: Wishes, *, idempotency_key: str | None
) -> Call[Submitted]:
    """Hand a document in, to be asked for later. Without a key it gets one of its own, so that it may be repeated."""
    body: dict[str, Json] = {"workflow": document, **wishes.members()}
    if inputs is not None:
        body["inputs"] = dict(inputs)
    headers = {"Prefer": "respond-async", **_keyed(idempotency_key)}
    return Call(_post("/api/v1/workflows/execute", body, headers=headers), submitted_of)


def rerun(
    execution_id: str,
    origin: str | None,
    inputs: Mapping[str, Json] | None,
    wishes: Wishes,
    *,
    idempotency_key: str | None,
) -> Call[Submitted]:
    """Run a document again, from an operation on."""
    body = wishes.members()
    if origin is not None:
        body["from"] = origin
    if inputs is not None:
        body["inputs"] = dict(inputs)
    path = f"{_place(execution_id)}/rerun"
    return Call(_post(path, body, headers=_keyed(idempotency_key)), submitted_of)


def result(execution_id: str, wait: float) -> Call[Answer | Submitted]:
    """Ask for a run's answer, which may take `wait` seconds."""
    query = {"wait": f"{wait:g}"}
    path = f"{_place(execution_id)}/result"
    return Call(Request(method="GET", path=path, query=query, timeout=wait + _SLACK), result_of)


def change(execution_id: str, verb: str) -> Call[Run]:
    """Cancel, pause, resume or replay a run; not repeated, for the second time it may be refused."""
    return Call(_post(f"{_place(execution_id)}/{verb}", {}, is_repeatable=False), run_of)


def prioritise(execution_id: str, priority: int) -> Call[Run]:
    """Give a run another priority."""
    request = _post(_place(execution_id), {"priority": priority})
    return Call(replace(request, method="PATCH"), run_of)


def events(execution_id: str, after: int | None) -> Request:
    """Ask for a run's events behind one that was seen."""
    headers = {"Accept": "text/event-stream", **({} if after is None else {"Last-Event-ID": str(after)})}
    return Request(method="GET", path=f"{_place(execution_id)}/events", headers=headers, timeout=_SILENCE)


def _place(execution_id: str) -> str:
    if not execution_id:
        raise ValueError("execution_id is empty")
    return f"/api/v1/executions/{quote(execution_id, safe='')}"


def _keyed(idempotency_key: str | None) -> dict[str, str]:
    key = str(uuid4()) if idempotency_key is None else _header("idempotency_key", idempotency_key)
    return {"Idempotency-Key": key}


def _when(at: datetime | float | None) -> str | float | None:
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return at.astimezone(UTC).isoformat()


def _post(path: str, body: Mapping[str, Json], **more: Any) -> Request:  # noqa: ANN401 - fields of Request
    content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", **more.pop("headers", {})}
    return Request(method="POST", path=path, headers=headers, body=content, **more)


def server_url(url: str) -> str:
    """Return the server's URL without a slash at its end; raise ValueError if it cannot be one."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("url must be an http or https URL, such as http://127.0.0.1:8000")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("url must have no user, password, query or fragment; the key is an argument of its own")
    return url.rstrip("/")


def bearer(api_key: str) -> str:
    """Return the header that carries a key; raise ValueError, without the key in it, if it cannot be one."""
    return f"Bearer {_header('api_key', api_key)}"


def _header(name: str, value: str) -> str:
    if not value or not all("!" <= character <= "~" for character in value):
        raise ValueError(f"{name} must be of visible ASCII characters without spaces")
    return value


def read(call: Call[T], response: Response, secret: str = "") -> T:
    """Return what the answer means, or raise ApiError or UnexpectedAnswer; `secret` is kept out of both."""
    if not 200 <= response.status < 300:  # noqa: PLR2004 - what HTTP calls a success
        raise error_of(response, secret)
    try:
        value = json.loads(response.body)
    except ValueError:
        kind = response.headers.get("content-type", "no content type")
        raise UnexpectedAnswer(f"The answer is no JSON ({kind}); is the URL that of a Muelle?") from None
    return call.read(value)


def is_stream(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer is a stream of events."""
    return status == _OK and headers.get("content-type", "").startswith("text/event-stream")


def is_end(response: Response, secret: str = "") -> bool:
    """Tell whether the end of a run was seen before, from an answer that is no stream; raise what else it means."""
    if response.status == _NO_CONTENT:
        return True
    if response.status == _OK:
        raise UnexpectedAnswer("The answer is no stream of events; is the URL that of a Muelle?")
    raise error_of(response, secret)


def error_of(response: Response, secret: str = "") -> ApiError:
    """Return the error that a response tells of."""
    problem = _problem(response, secret)
    given = issues_of(problem.get("issues") or problem.get("validation_errors"))
    wait = retry_after(response.headers)
    if response.status in {400, 422} and given:
        invalid = InvalidDocument(response.status, problem, retry_after=wait)
        invalid.issues = given
        return invalid
    return _kinds.get(response.status, ApiError)(response.status, problem, retry_after=wait)


_kinds: Final[Mapping[int, type[ApiError]]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def _problem(response: Response, secret: str) -> Mapping[str, Json]:
    text = response.body.decode("utf-8", "replace")
    if secret:
        text = text.replace(secret, "***")
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    inner = value.get("error")
    if isinstance(inner, dict):
        return {**value, **inner}
    return {"message": inner, **value} if isinstance(inner, str) else value


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for, be it a number or a date (counted from the server's `Date`)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until, now = _date(text), _date(headers.get("date", ""))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


class Listing:
    """A walk over pages of runs: ask `next_call` for what to send, and `take` the page that came back."""

    def __init__(self, wanted: RunFilter, limit: int | None) -> None:
        if limit is not None and limit < 0:
            raise ValueError("limit is at least 0")
        self._wanted = wanted
        self._left = limit
        self._cursor: str | None = None
        self._is_over = limit == 0

    def next_call(self) -> Call[RunPage] | None:
        """Return the call for the next page, or None at the end."""
        if self._is_over:
            return None
        return runs(self._wanted, PAGE if self._left is None else min(self._left, PAGE), self._cursor)

    def take(self, page: RunPage) -> Sequence[Run]:
        """Return the runs of a page, up to the limit. Raise UnexpectedAnswer if the cursor does not move."""
        if page.next_cursor is not None and page.next_cursor == self._cursor:
            raise UnexpectedAnswer("A page of runs names itself as the next")
        taken = page.runs[: self._left]
        if self._left is not None:
            self._left -= len(taken)
        self._cursor = page.next_cursor
        self._is_over = self._cursor is None or self._left == 0
        return taken
