"""What the server answers, as plain values; `raw` has the whole JSON, with whatever a newer server adds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from muelle_client.errors import RunFailed, UnexpectedAnswer

Status = Literal["queued", "running", "waiting", "paused", "success", "partial_success", "error", "cancelled", "dead"]
Json = Any
"""Any JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the server is well."""

    status: str
    raw: Mapping[str, Json] = field(repr=False)

    @property
    def is_healthy(self) -> bool:
        """Whether it can do its work."""
        return self.status in {"healthy", "ok"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the key's owner may do: operations by name, Apis by id, credentials by id, and bounds."""

    agent: str | None
    operations: tuple[str, ...]
    apis: Mapping[str, Json]
    credentials: tuple[str, ...]
    limits: Mapping[str, Json]
    raw: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One fault of a document (`severity` error) or advice (warning); `path` is a JSON pointer into the config."""

    severity: str
    code: str
    message: str
    operation_id: str | None
    path: str | None
    suggestion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What validation found."""

    valid: bool
    issues: tuple[Issue, ...]
    raw: Mapping[str, Json] = field(repr=False)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues because of which the document would not run."""
        return tuple(issue for issue in self.issues if issue.severity == "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why something failed; `code` is stable, `recoverable` says whether trying again can help."""

    code: str
    category: str
    message: str
    recoverable: bool
    suggestions: tuple[str, ...]
    raw: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationOutcome:
    """How one operation ended: success, failed or skipped."""

    status: str
    duration_ms: float | None
    attempts: int | None
    cached: bool
    count: int | None
    error: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a run ended. `results` has the output of every operation that has one, `answer["op"]` is one of them."""

    status: str
    execution_id: str
    workflow_id: str | None
    duration_ms: float | None
    results: Mapping[str, Json]
    operations: Mapping[str, OperationOutcome]
    data: Mapping[str, Json]
    error: Problem | None
    raw: Mapping[str, Json] = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether every operation did what it was to do."""
        return self.status == "success"

    def __getitem__(self, operation: str) -> Json:
        """Return an operation's output; raise KeyError if it has none."""
        return self.results[operation]

    def require_success(self) -> "Answer":
        """Return this answer, or raise RunFailed if it is not a success."""
        if not self.is_success:
            raise RunFailed(self)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is listed; `finished` and `duration_ms` are None while it runs. Times are aware.

    `started` is when it was accepted, `began` when a worker took it. `cause` is what started it, such as "rerun:ID".
    """

    id: str
    status: str
    workflow_id: str | None
    agent_id: str | None
    started: datetime | None
    finished: datetime | None
    duration_ms: float | None
    kind: str = "workflow"
    cause: str | None = None
    version: str | None = None
    began: datetime | None = None
    deadline: datetime | None = None
    takeovers: int = 0
    raw: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait:
    """A question that a run waits for to be answered, by a person (`kind` is "approval") or an event."""

    operation_id: str
    kind: str
    subject: str
    details: Json
    expires: datetime | None
    raw: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """A page of runs, newest first, and the cursor of the next one, or None."""

    runs: tuple[Run, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One execution of an operation; `iteration` is "" or, in a loop, its indexes such as "3.0".

    `output` is None both for null and for none; `Execution.results` has only what there is.
    """

    operation_id: str
    operation_type: str
    iteration: str
    at: datetime | None
    outcome: OperationOutcome
    output: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run with all its steps, in the order in which they ended, and the questions that it waits for."""

    run: Run
    steps: tuple[Step, ...]
    results: Mapping[str, Json]
    credentials_used: tuple[str, ...]
    error: Problem | None
    waits: tuple[OpenWait, ...] = ()
    raw: Mapping[str, Json] = field(repr=False)


def as_object(value: Json, what: str) -> Mapping[str, Json]:
    """Return a JSON object, or raise UnexpectedAnswer."""
    if not isinstance(value, dict):
        raise UnexpectedAnswer(f"Expected {what} as a JSON object, got {type(value).__name__}; is the URL right?")
    return value


def health_of(value: Json) -> Health:
    """Read the answer of /health."""
    raw = as_object(value, "the server's health")
    return Health(status=str(raw.get("status", "unknown")), raw=raw)


def capabilities_of(value: Json) -> Capabilities:
    """Read capabilities, which are all in the key `capabilities`."""
    raw = as_object(value, "capabilities")
    inner = _object(raw.get("capabilities")) or raw
    return Capabilities(
        agent=_text(raw.get("agent_id")),
        operations=tuple(_name(each, "name") for each in _items(inner.get("supportedOperations"))),
        apis=_object(inner.get("availableApis")),
        credentials=tuple(_name(each, "id") for each in _items(inner.get("availableCredentials"))),
        limits=_object(inner.get("securityConstraints")),
        raw=raw,
    )


def report_of(value: Json) -> Report:
    """Read a report of validation."""
    raw = as_object(value, "a report")
    return Report(valid=raw.get("valid") is True, issues=issues_of(raw.get("issues")), raw=raw)


def issues_of(value: Json) -> tuple[Issue, ...]:
    """Read a list of issues, or of sentences, as older servers send."""
    return tuple(_issue(each if isinstance(each, dict) else {"message": str(each)}) for each in _items(value))


def _issue(raw: Mapping[str, Json]) -> Issue:
    return Issue(
        severity=str(raw.get("severity", "error")),
        code=str(raw.get("code", "invalid")),
        message=str(raw.get("message", "")),
        operation_id=_text(raw.get("operation_id")),
        path=_text(raw.get("path")),
        suggestion=_text(raw.get("suggestion")),
    )


def answer_of(value: Json) -> Answer:
    """Read how a run ended."""
    raw = as_object(value, "a run's answer")
    status, identity = _text(raw.get("status")), _text(raw.get("execution_id"))
    if status is None or identity is None:
        raise UnexpectedAnswer("The answer has no status or no execution_id; is the URL that of a Muelle?")
    return Answer(
        status=status,
        execution_id=identity,
        workflow_id=_text(raw.get("workflow_id")),
        duration_ms=_number(raw.get("duration_ms")),
        results=_object(raw.get("results")),
        operations=_outcomes(raw.get("operations")),
        data=_object(raw.get("data")),
        error=_problem(raw.get("error")),
        raw=raw,
    )


def page_of(value: Json) -> RunPage:
    """Read a page of runs."""
    raw = as_object(value, "a list of runs")
    runs = tuple(_run(as_object(each, "a run")) for each in _items(raw.get("executions")))
    return RunPage(runs=runs, next_cursor=_text(raw.get("next_cursor")))


def execution_of(value: Json) -> Execution:
    """Read one run."""
    raw = as_object(value, "a run")
    steps = [as_object(each, "a step") for each in _items(raw.get("operations"))]
    return Execution(
        run=_run(raw),
        steps=tuple(map(_step, steps)),
        results={str(step.get("operation_id")): step["result"] for step in steps if "result" in step},
        credentials_used=tuple(map(str, _items(raw.get("credentials_used")))),
        error=_problem(raw.get("error")),
        waits=tuple(_wait(as_object(each, "a wait")) for each in _items(raw.get("waits"))),
        raw=raw,
    )


def run_of(value: Json) -> Run:
    """Read a run as it is listed."""
    return _run(as_object(value, "a run"))


def _wait(raw: Mapping[str, Json]) -> OpenWait:
    return OpenWait(
        operation_id=str(raw.get("operation_id", "")),
        kind=str(raw.get("kind", "")),
        subject=str(raw.get("subject", "")),
        details=raw.get("details"),
        expires=_time(raw.get("expires_at")),
        raw=raw,
    )


def _step(raw: Mapping[str, Json]) -> Step:
    return Step(
        operation_id=str(raw.get("operation_id", "")),
        operation_type=str(raw.get("operation_type", "")),
        iteration=str(raw.get("iteration", "")),
        at=_time(raw.get("timestamp")),
        outcome=_outcome(raw),
        output=raw.get("result"),
    )


def _run(raw: Mapping[str, Json]) -> Run:
    return Run(
        id=str(raw.get("execution_id", "")),
        status=str(raw.get("status", "unknown")),
        workflow_id=_text(raw.get("workflow_id")),
        agent_id=_text(raw.get("agent_id")),
        started=_time(raw.get("timestamp")),
        finished=_time(raw.get("finished_at")),
        duration_ms=_number(raw.get("total_duration_ms")),
        kind=str(raw.get("kind", "workflow")),
        cause=_text(raw.get("cause")),
        version=_text(raw.get("version")),
        began=_time(raw.get("began_at")),
        deadline=_time(raw.get("deadline")),
        takeovers=_whole(raw.get("takeovers")) or 0,
        raw=raw,
    )


def _outcomes(value: Json) -> dict[str, OperationOutcome]:
    return {name: _outcome(_object(each)) for name, each in _object(value).items()}


def _outcome(raw: Mapping[str, Json]) -> OperationOutcome:
    return OperationOutcome(
        status=str(raw.get("status", "unknown")),
        duration_ms=_number(raw.get("duration_ms")),
        attempts=_whole(raw.get("attempts")),
        cached=raw.get("cached") is True,
        count=_whole(raw.get("count")),
        error=_problem(raw.get("error")),
    )


def _problem(value: Json) -> Problem | None:
    if value is None:
        return None
    raw = value if isinstance(value, dict) else {"message": str(value)}
    return Problem(
        code=str(raw.get("code") or raw.get("type") or "error"),
        category=str(raw.get("category", "unknown")),
        message=str(raw.get("message", "")),
        recoverable=raw.get("recoverable") is True,
        suggestions=tuple(map(str, _items(raw.get("suggestions")))),
        raw=raw,
    )


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _name(value: Json, key: str) -> str:
    return str(value.get(key, "")) if isinstance(value, dict) else str(value)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Json) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: Json) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise UnexpectedAnswer(f"Expected a time, got {value[:100]!r}") from None
