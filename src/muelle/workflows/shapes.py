"""The OpenAPI description of what the routes of workflows take and give."""

from typing import Any

_STATUS = {"type": "string", "enum": ["running", "success", "partial_success", "error"]}
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
    "error": _map(_ANY),
}
_ENTRY_REQUIRED = ("execution_id", "agent_id", "workflow_id", "status", "timestamp")
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
_MOMENT = _object(
    ("timestamp", "event"),
    timestamp={"type": "string", "format": "date-time"},
    event=_TEXT,
    operation_id=_TEXT,
    duration_ms=_NUMBER,
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
        credentials_used=_list(_TEXT),
        timeline=_list(_MOMENT),
    ),
)
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
                )
            },
            "application/jsonl": {"schema": _DOCUMENT},
        },
    }
}
