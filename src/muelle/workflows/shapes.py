"""The OpenAPI description of what the routes of workflows take and give."""

from typing import Any, get_args

from muelle.engine import RunStatus

_STATUS = {"type": "string", "enum": list(get_args(RunStatus))}
_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_ANY: dict[str, Any] = {}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON Schema
    return {"type": "object", "properties": properties, "required": list(required)}


def _map(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": of}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _nullable(kind: str) -> dict[str, Any]:
    return {"type": [kind, "null"]}


def _responses(description: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


_ISSUE = _object(
    ("severity", "code", "message"),
    severity={"type": "string", "enum": ["error", "warning"]},
    code=_TEXT,
    message=_TEXT,
    operation_id=_TEXT,
    path=_TEXT,
    suggestion=_TEXT,
)
_ERROR = _object(
    ("type", "code", "category", "message", "recoverable", "suggestions"),
    type=_TEXT,
    code=_TEXT,
    category=_TEXT,
    message=_TEXT,
    operation_id=_TEXT,
    path=_TEXT,
    recoverable={"type": "boolean"},
    suggestions=_list(_TEXT),
    context=_map(_ANY),
)
_OPERATION = _object(
    ("status",),
    status={"type": "string", "enum": ["success", "failed", "skipped"]},
    duration_ms=_NUMBER,
    attempts=_COUNT,
    cached={"type": "boolean"},
    count=_COUNT,
    runs=_COUNT,
    handled={"type": "boolean"},
    reason=_TEXT,
    error=_ERROR,
)
_ENTRY = {
    "execution_id": _TEXT,
    "agent_id": _TEXT,
    "workflow_id": _TEXT,
    "status": _STATUS,
    "timestamp": {"type": "string", "format": "date-time"},
    "finished_at": _nullable("string"),
    "total_duration_ms": _nullable("number"),
    "summary": _object(("succeeded", "failed", "skipped"), succeeded=_COUNT, failed=_COUNT, skipped=_COUNT),
    "kind": _TEXT,
    "cause": _nullable("string"),
    "version": _nullable("string"),
    "began_at": _nullable("string"),
    "deadline": _nullable("string"),
    "takeovers": _COUNT,
    "error": _map(_ANY),
}
_ENTRY_REQUIRED = ("execution_id", "agent_id", "workflow_id", "status", "timestamp", "kind", "takeovers")
_STEP = _object(
    ("operation_id", "operation_type", "status", "timestamp", "duration_ms"),
    operation_id=_TEXT,
    operation_type=_TEXT,
    iteration=_TEXT,
    status={"type": "string", "enum": ["success", "failed", "skipped"]},
    timestamp={"type": "string", "format": "date-time"},
    duration_ms=_NUMBER,
    attempts=_COUNT,
    cached={"type": "boolean"},
    result=_ANY,
    error=_map(_ANY),
)
_BEGUN = _object(
    ("operation_id", "timestamp"),
    operation_id=_TEXT,
    iteration=_TEXT,
    timestamp={"type": "string", "format": "date-time"},
)
_WAIT = _object(
    ("operation_id", "kind", "subject", "details", "timestamp", "expires_at"),
    operation_id=_TEXT,
    iteration=_TEXT,
    kind={"type": "string", "enum": ["approval", "event"]},
    subject=_TEXT,
    details=_ANY,
    timestamp={"type": "string", "format": "date-time"},
    expires_at={"type": "string", "format": "date-time"},
)
_MOMENT = _object(
    ("timestamp", "event"),
    timestamp={"type": "string", "format": "date-time"},
    event=_TEXT,
    operation_id=_TEXT,
    duration_ms=_NUMBER,
    iteration=_TEXT,
    attempt=_COUNT,
    outcome=_TEXT,
    wait_ms=_NUMBER,
)

CAPABILITIES = _responses(
    "What the caller may use.",
    _object(("agent_id", "capabilities"), agent_id=_TEXT, agent_name=_TEXT, capabilities=_map(_ANY)),
)
REPORT = _responses(
    "What is wrong with the document, if anything.",
    _object(
        ("valid", "errors", "warnings", "issues", "summary"),
        valid={"type": "boolean"},
        errors=_COUNT,
        warnings=_COUNT,
        issues=_list(_ISSUE),
        summary=_object(("by_type", "by_operation"), by_type=_map(_COUNT), by_operation=_map(_COUNT)),
    ),
)
ANSWER = _responses(
    "The run's answer. A run that failed is an answer too: look at its status.",
    _object(
        ("status", "execution_id", "workflow_id", "duration_ms", "data"),
        status=_STATUS,
        execution_id=_TEXT,
        workflow_id=_TEXT,
        duration_ms=_NUMBER,
        results=_map(_ANY),
        operations=_map(_OPERATION),
        data=_map(_ANY),
        error=_ERROR,
        recoverable={"type": "boolean"},
        suggestions=_list(_TEXT),
        successful=_map(_ANY),
        failed=_map(_ANY),
    ),
)
EXECUTIONS = _responses(
    "A page of runs, newest first.",
    _object(
        ("executions", "count", "next_cursor"),
        executions=_list(_object(_ENTRY_REQUIRED, **_ENTRY)),
        count=_COUNT,
        next_cursor=_nullable("string"),
    ),
)
EXECUTION = _responses(
    "One run.",
    _object(
        (*_ENTRY_REQUIRED, "operations", "credentials_used", "timeline"),
        **_ENTRY,
        operations=_list(_STEP),
        under_way=_list(_BEGUN),
        waits=_list(_WAIT),
        credentials_used=_list(_TEXT),
        timeline=_list(_MOMENT),
    ),
)
ENTRY = _responses("The run as it is now.", _object(_ENTRY_REQUIRED, **_ENTRY))
CHANGED: dict[int | str, dict[str, Any]] = {202: {**ENTRY[200], "description": "Taken; whoever holds the run is told."}}
_LINKS = _object(("self", "events", "result", "cancel"), self=_TEXT, events=_TEXT, result=_TEXT, cancel=_TEXT)
_PLACE = _object(
    ("execution_id", "workflow_id", "status", "links"),
    execution_id=_TEXT,
    workflow_id=_TEXT,
    status=_STATUS,
    links=_LINKS,
)


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": _TEXT}


_REPLAYED = {"Idempotent-Replayed": _header("'true' where an earlier request with this key started the run.")}
_APPLIED = {"Preference-Applied": _header("Which preferences were heeded.")}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "The run goes on by itself; the links say where to ask for it.",
        "headers": {"Location": _header("Where the run is shown."), **_APPLIED, **_REPLAYED},
        "content": {"application/json": {"schema": _PLACE}},
    }
}
_STREAM = {"text/event-stream": {"schema": _TEXT}}
EXECUTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The run's answer; to 'Accept: text/event-stream' what happens in it.",
        "headers": {**_APPLIED, **_REPLAYED},
        "content": {**ANSWER[200]["content"], **_STREAM},
    },
    **ACCEPTED,
}
RESULT: dict[int | str, dict[str, Any]] = {
    **ANSWER,
    202: {**ACCEPTED[202], "description": "It has not ended.", "headers": {"Location": _header("Where it is shown.")}},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Server-sent events: run.queued, run.running, run.waiting, run.paused and run.dead tell how it stands; "
            "operation.started, operation.finished and run.finished have an id, behind which a stream goes on."
        ),
        "content": _STREAM,
    },
    204: {"description": "The run has ended, and its end was seen."},
}


def _given(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_KEY = _given(
    "Idempotency-Key",
    "A repetition with the same key and body gets the first one's run.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)
SUBMISSION_KEY: dict[str, Any] = {"parameters": [_KEY]}
LAST_EVENT: dict[str, Any] = {
    "parameters": [
        _given("Last-Event-ID", "Go on behind this event.", {"type": "string", "pattern": "^[0-9]{1,18}$"}),
    ]
}
_WHEN = {
    "oneOf": [{"type": "string", "format": "date-time"}, {"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]
}
_DOCUMENT = {"type": "string", "description": "The document: JSON messages, one after the other."}
REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    ("workflow",),
                    workflow={"oneOf": [_DOCUMENT, _list(_map(_ANY)), _map(_ANY)]},
                    validate={
                        "type": "boolean",
                        "default": True,
                        "description": "False leaves out advice. It skips no permission and no error.",
                    },
                    inputs={"type": "object", "description": "What operations find under /input."},
                    priority={
                        "type": ["integer", "null"],
                        "minimum": 1,
                        "maximum": 5,
                        "description": "1 goes first, 5 last; 3 if none is given.",
                    },
                    deadline={**_WHEN, "description": "When the run is cut off: a time, or seconds from now."},
                    run_at={**_WHEN, "description": "When the run begins: a time, or seconds from now."},
                )
            },
            "application/jsonl": {"schema": _DOCUMENT},
        },
    }
}
EXECUTE: dict[str, Any] = {
    **REQUEST,
    "parameters": [
        _given("Prefer", "respond-async, wait=SECONDS, or both: be answered before the run ends.", _TEXT),
        _KEY,
    ],
}
