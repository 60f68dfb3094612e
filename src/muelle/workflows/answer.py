"""What a caller gets: the answer of a run in the shapes of A2E, with `results` always whole in the full one."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from muelle.core import MuelleError
from muelle.packs import MISSING
from muelle.workflows.record import Record, Tally
from muelle.workflows.surroundings import Outcome

Format = Literal["full", "summary", "minimal"]
_ENCODER = msgspec.json.Encoder()
_SHORT = 2_000  # bytes: what is shorter stands whole in the summary
_SUMMARY_ITEMS = 50
_SUMMARY_DEPTH = 3
_SUMMARY_TEXT = 200


def encode_answer(outcome: Outcome, form: Format = "full") -> bytes:
    """Return the answer as JSON."""
    return _ENCODER.encode(answer(outcome, form))


def answer(outcome: Outcome, form: Format = "full") -> dict[str, Any]:
    """Return the answer: status, ids, duration, and as `form` says results, operations, data.

    Outputs that are JSON already stand in it as `msgspec.Raw`.
    """
    body: dict[str, Any] = {
        "status": outcome.status,
        "execution_id": outcome.run,
        "workflow_id": outcome.plan.workflow,
        "duration_ms": outcome.took / 1000,
    }
    results: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for name, tally in outcome.tallies.items():
        if tally.turns is not None or tally.last.output is not MISSING:
            results[name], data[name] = _told(tally)
    if form == "full":
        body["results"] = results
    if form != "minimal":
        body["operations"] = _operations(outcome)
    body["data"] = data
    if outcome.status != "success":
        body |= _troubles(outcome)
    return body


def plain_answer(outcome: Outcome) -> dict[str, Any]:
    """Return the full answer as plain Python values."""
    plain: dict[str, Any] = msgspec.json.decode(encode_answer(outcome))
    return plain


def problem_in(operation: str, error: MuelleError) -> dict[str, Any]:
    """Return an error as it stands beside an operation: A2E's own members, and Muelle's code."""
    facts = dict(error.facts)
    problem: dict[str, Any] = {
        "type": "".join(map(str.capitalize, error.code.split("_"))),  # not its class: the journal keeps codes
        "code": error.code,
        "category": error.category,
        "message": error.message,
        "operation_id": operation,
        "recoverable": error.recoverable,
        "suggestions": list(error.suggestions),
    }
    if "path" in facts:
        problem["path"] = facts.pop("path")
    if facts:
        problem["context"] = facts
    return problem


def _operations(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in outcome.plan.nodes:
        tally = outcome.tallies.get(name)
        told[name] = {"status": "skipped", "reason": "not_reached"} if tally is None else _operation(name, tally)
    return told


def _operation(name: str, tally: Tally) -> dict[str, Any]:
    record = tally.worst or tally.last
    told: dict[str, Any] = {
        "status": record.status,
        "duration_ms": tally.took / 1000,
        "attempts": tally.attempts or (0 if record.status == "skipped" and tally.runs == 1 else tally.runs),
        "cached": record.cached,
    }
    if tally.runs > 1:
        told["runs"] = tally.runs
    if isinstance(record.output, list):
        told["count"] = len(record.output)
    if record.is_handled:
        told["handled"] = True
    if record.error is not None:
        told["error"] = problem_in(name, record.error)
    return told


def _told(tally: Tally) -> tuple[Any, Any]:
    """Return an output whole and in short."""
    encoded = tally.last.encoded
    if tally.turns is not None or encoded is None:
        output = tally.output
        return output, _pruned(output, _SUMMARY_DEPTH)
    raw = msgspec.Raw(encoded)
    return raw, raw if len(encoded) <= _SHORT else _pruned(tally.last.output, _SUMMARY_DEPTH)


def _pruned(value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Cut long lists and texts, and what lies deep; nothing is dropped without leaving its kind behind."""
    if isinstance(value, str):
        return value if len(value) <= _SUMMARY_TEXT else f"{value[:_SUMMARY_TEXT]}…"
    if isinstance(value, list):
        return [] if depth == 0 else [_pruned(item, depth - 1) for item in value[:_SUMMARY_ITEMS]]
    if isinstance(value, dict):
        items = list(value.items())[:_SUMMARY_ITEMS]
        return {} if depth == 0 else {key: _pruned(item, depth - 1) for key, item in items}
    return value


def _troubles(outcome: Outcome) -> dict[str, Any]:
    """Say what went wrong as A2E does: both sides of a partial success, or the error of a failed run."""
    bad = {name: tally.telling for name, tally in outcome.tallies.items() if tally.worst is not None}
    if outcome.status == "partial_success":
        good = [name for name, tally in outcome.tallies.items() if tally.worst is None]
        return {
            "successful": {"count": len(good), "operations": good},
            "failed": {"count": len(bad), "operations": {name: _brief(name, record) for name, record in bad.items()}},
        }
    name = next((name for name, record in bad.items() if record.status == "failed"), next(iter(bad), ""))
    error = (bad[name].error if name else outcome.cause) or MuelleError()
    problem = problem_in(name, error)
    return {"error": problem, "recoverable": error.recoverable, "suggestions": list(error.suggestions)}


def _brief(name: str, record: Record) -> Mapping[str, Any]:
    return problem_in(name, record.error or MuelleError())
