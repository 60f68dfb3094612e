"""What a request to validate or execute holds, however it is sent."""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.core import Invalid, InvalidBody, UnsupportedMediaType
from muelle.workflows.errors import InvalidInputs
from muelle.workflows.issues import nearest

_JSON = ("application/json", "text/json")
_STREAMS = ("application/jsonl", "application/x-ndjson", "application/ndjson", "application/x-jsonlines", "text/plain")
_FIELDS = ("workflow", "validate", "inputs", "priority", "deadline", "run_at")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`\Z")
_DECODE = msgspec.json.Decoder().decode
_ENCODE_LINES = msgspec.json.Encoder().encode_lines


class MissingWorkflow(Invalid):
    """workflow field required"""  # noqa: D400 - A2E's own words

    code = "missing_workflow"
    suggestions = ('Send {"workflow": "<the document>"}, or the document itself as application/jsonl.',)


class InvalidRequest(InvalidBody):
    """The body is not a JSON object with the fields of this endpoint."""

    suggestions = ('Send {"workflow": "<the document>", "validate": true, "inputs": {}}.',)


class UnsupportedType(UnsupportedMediaType):
    """The body is of a type that is not taken here."""

    suggestions = ("Send application/json, or the document alone as application/jsonl.",)


When = Annotated[datetime, Meta(tz=True)] | Annotated[float, Meta(gt=0)]
"""A time, or seconds from now."""
Priority = Annotated[int, Meta(ge=1, le=5)]


class ExecuteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of execute and validate; `workflow` is the document's text, or its messages as JSON."""

    workflow: str | list[dict[str, Any]] | dict[str, Any]
    validate: bool = True
    inputs: dict[str, Any] = {}
    priority: Priority | None = None
    deadline: When | None = None
    run_at: When | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said of how the run is to be done."""
        return self.priority is None and self.deadline is None and self.run_at is None

    @property
    def document(self) -> bytes:
        """Return the document."""
        if isinstance(self.workflow, str):
            return self.workflow.encode("utf-8", "surrogatepass")
        return _ENCODE_LINES(self.workflow if isinstance(self.workflow, list) else [self.workflow])


class RerunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of rerun: from which operation on, with which inputs if not the same, and how."""

    origin: str | None = msgspec.field(name="from", default=None)
    inputs: dict[str, Any] | None = None
    priority: Priority | None = None
    deadline: When | None = None


class PriorityChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a change of a run."""

    priority: Priority


_REQUEST = msgspec.json.Decoder(ExecuteRequest)


def read_request(body: bytes, content_type: str) -> ExecuteRequest:
    """Read a body; raise UnsupportedType, MissingWorkflow, InvalidInputs or InvalidRequest, which say what is wrong."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _STREAMS:
        return ExecuteRequest(workflow=body.decode("utf-8", "surrogateescape"))
    if kind and kind not in _JSON and not kind.endswith("+json"):
        raise UnsupportedType(content_type=kind[:100])
    try:
        request = _REQUEST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _fault(body) from None
    return request


def _fault(body: bytes) -> Invalid:
    """Find out what is wrong with a body that does not fit."""
    try:
        value = _DECODE(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return InvalidRequest(reason=str(error)[:200])
    if not isinstance(value, dict) or not value.get("workflow"):
        unknown = [key for key in value if key not in _FIELDS] if isinstance(value, dict) else []
        hint = {"nearest": nearest(unknown[0], _FIELDS)} if unknown else {}
        return MissingWorkflow(field="workflow", **hint)
    if not isinstance(value.get("inputs", {}), dict):
        return InvalidInputs(field="inputs")
    try:
        msgspec.convert(value, ExecuteRequest)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        return InvalidRequest(reason=str(error)[:200], **({"field": place[1]} if place and place[1] else {}))
    return InvalidRequest(reason="not valid JSON")
