"""The builder of documents: one method for each operation, in the order in which they are to run."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, Self, Unpack

from muelle_client import fields
from muelle_client.errors import InvalidWorkflow
from muelle_client.references import OnError

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
_RENAMED: Final = {"input": "inputPath", "output": "outputPath"}
_BESIDE: Final = frozenset({"on_error", "compensate"})
_WITHOUT_OUTPUT: Final = frozenset({"Conditional", "StoreData", "Wait"})
_REFERRING: Final[Mapping[str, tuple[str, ...]]] = {
    "Conditional": ("ifTrue", "ifFalse"),
    "Loop": ("operations",),
    "Parallel": ("branches",),
}


class Workflow:
    """A document under construction. Each method adds one operation and returns the workflow, so that calls chain.

    `name` is the workflow's id. `on_error` is what follows if an operation fails that does not say so itself;
    `is_sequential` switches off that independent operations overlap. Raise InvalidWorkflow for what cannot be.
    """

    def __init__(self, name: str, *, on_error: OnError | None = None, is_sequential: bool = False) -> None:
        self.name = _checked(name, "A workflow")
        self._on_error = on_error
        self._is_sequential = is_sequential
        self._seeds: list[tuple[str, list[dict[str, Any]]]] = []
        self._operations: dict[str, dict[str, Any]] = {}

    def __str__(self) -> str:
        """Return the document, as the client sends it."""
        return self.document()

    def __repr__(self) -> str:
        """Name the workflow and its operations."""
        return f"Workflow({self.name!r}, operations={list(self._operations)})"

    def seed(self, path: str, values: Mapping[str, Any]) -> Self:
        """Put values into the data model before anything runs, such as `seed("/config", {"retries": 3})`.

        `path` is below /config, /input or /workflow; values are text, numbers, truths, lists and objects, no null.
        """
        self._seeds.append((path, _entries(values)))
        return self

    def operation(
        self,
        operation_id: str,
        kind: str,
        config: Mapping[str, Any],
        on_error: OnError | None = None,
        *,
        compensate: fields.Operations | None = None,
    ) -> Self:
        """Add an operation of any kind, such as one of a pack, with its config as the document has it.

        `compensate` names operations that undo it: they run, the last first, if the run is cancelled later on.
        """
        _checked(operation_id, "An operation")
        if operation_id in self._operations:
            raise InvalidWorkflow(f"The id {operation_id!r} is used twice; give each operation an id of its own")
        item: dict[str, Any] = {"operation": {kind: dict(config)}}
        if on_error is not None:
            item["onError"] = on_error
        if compensate is not None:
            item["compensate"] = compensate if isinstance(compensate, str) else list(compensate)
        self._operations[operation_id] = item
        return self

    def api_call(self, operation_id: str, **config: Unpack[fields.ApiCallFields]) -> Self:
        """Call an HTTP API; the output is its answer's body. A status from 400 on is a failure."""
        return self._add(operation_id, "ApiCall", config)

    def call_endpoint(self, operation_id: str, **config: Unpack[fields.CallEndpointFields]) -> Self:
        """Call an endpoint that a registered Api describes; the output is its answer's body."""
        return self._add(operation_id, "CallEndpoint", config)

    def execute_sql(self, operation_id: str, **config: Unpack[fields.ExecuteSqlFields]) -> Self:
        """Run a registered query; the output is `{columns, rows, count, truncated}`."""
        return self._add(operation_id, "ExecuteSQL", config)

    def filter(self, operation_id: str, **config: Unpack[fields.FilterFields]) -> Self:
        """Keep the items of a list that meet conditions."""
        return self._add(operation_id, "FilterData", config)

    def transform(self, operation_id: str, **config: Unpack[fields.TransformFields]) -> Self:
        """Map, sort, group, select, aggregate or otherwise reshape data."""
        return self._add(operation_id, "TransformData", config)

    def conditional(self, operation_id: str, **config: Unpack[fields.ConditionalFields]) -> Self:
        """Run some operations or others; those run nowhere else."""
        return self._add(operation_id, "Conditional", config)

    def loop(self, operation_id: str, **config: Unpack[fields.LoopFields]) -> Self:
        """Run operations once for each item of a list; the output is the list of the last one's outputs."""
        return self._add(operation_id, "Loop", config)

    def parallel(self, operation_id: str, **config: Unpack[fields.ParallelFields]) -> Self:
        """Run branches side by side."""
        return self._add(operation_id, "Parallel", config)

    def store(self, operation_id: str, **config: Unpack[fields.StoreFields]) -> Self:
        """Keep a value under a key."""
        return self._add(operation_id, "StoreData", config)

    def load(self, operation_id: str, **config: Unpack[fields.LoadFields]) -> Self:
        """Fetch what was stored under a key."""
        return self._add(operation_id, "LoadData", config)

    def wait(self, operation_id: str, **config: Unpack[fields.WaitFields]) -> Self:
        """Wait some milliseconds, or until a time."""
        return self._add(operation_id, "Wait", config)

    def merge(self, operation_id: str, **config: Unpack[fields.MergeFields]) -> Self:
        """Make one value of several."""
        return self._add(operation_id, "MergeData", config)

    def now(self, operation_id: str, **config: Unpack[fields.NowFields]) -> Self:
        """Take the present time."""
        return self._add(operation_id, "GetCurrentDateTime", config)

    def convert_timezone(self, operation_id: str, **config: Unpack[fields.ConvertTimezoneFields]) -> Self:
        """Say a time in another time zone."""
        return self._add(operation_id, "ConvertTimezone", config)

    def date_calculation(self, operation_id: str, **config: Unpack[fields.DateCalculationFields]) -> Self:
        """Go forward or back in time from a given time."""
        return self._add(operation_id, "DateCalculation", config)

    def format_text(self, operation_id: str, **config: Unpack[fields.FormatTextFields]) -> Self:
        """Fill in a template, or change a text."""
        return self._add(operation_id, "FormatText", config)

    def extract_text(self, operation_id: str, **config: Unpack[fields.ExtractTextFields]) -> Self:
        """Find what matches a pattern."""
        return self._add(operation_id, "ExtractText", config)

    def validate_data(self, operation_id: str, **config: Unpack[fields.ValidateDataFields]) -> Self:
        """Say whether a value is an address, a URL, a number and so on."""
        return self._add(operation_id, "ValidateData", config)

    def calculate(self, operation_id: str, **config: Unpack[fields.CalculateFields]) -> Self:
        """Do arithmetic on a number, or on a list of them."""
        return self._add(operation_id, "Calculate", config)

    def encode_decode(self, operation_id: str, **config: Unpack[fields.EncodeDecodeFields]) -> Self:
        """Encode or decode a text."""
        return self._add(operation_id, "EncodeDecode", config)

    def approve(self, operation_id: str, **config: Unpack[fields.ApproveFields]) -> Self:
        """Wait until somebody has said yes or no."""
        return self._add(operation_id, "Approve", config)

    def wait_for_event(self, operation_id: str, **config: Unpack[fields.WaitForEventFields]) -> Self:
        """Wait until an event is raised; the output is the event."""
        return self._add(operation_id, "WaitForEvent", config)

    def emit(self, operation_id: str, **config: Unpack[fields.EmitFields]) -> Self:
        """Raise an event; the output is its id."""
        return self._add(operation_id, "Emit", config)

    def run_workflow(self, operation_id: str, **config: Unpack[fields.RunWorkflowFields]) -> Self:
        """Run a saved workflow as a run of its own; its outputs are under `results`."""
        return self._add(operation_id, "RunWorkflow", config)

    def document(self, dialect: Literal["flat", "nested"] = "flat") -> str:
        """Return the document as JSONL, in either dialect of A2E; they mean the same.

        Raise InvalidWorkflow if there is no operation, one refers to an operation that is not there, or a value is no
        JSON.
        """
        if not self._operations:
            raise InvalidWorkflow(f"The workflow {self.name!r} has no operations; add one")
        messages = self._flat() if dialect == "flat" else self._nested()
        try:
            return "".join(json.dumps(each, ensure_ascii=False, allow_nan=False) + "\n" for each in messages)
        except (TypeError, ValueError) as error:
            raise InvalidWorkflow(f"A value of the workflow {self.name!r} is no JSON: {error}") from error

    def _add(self, operation_id: str, kind: str, given: Mapping[str, Any]) -> Self:
        config = {_camel(name): value for name, value in given.items() if name not in _BESIDE}
        if kind not in _WITHOUT_OUTPUT:
            config.setdefault("outputPath", f"/workflow/{operation_id}")
        return self.operation(operation_id, kind, config, given.get("on_error"), compensate=given.get("compensate"))

    def _main(self) -> list[str]:
        """Return the ids in order, without those that run only where another operation refers to them."""
        elsewhere = _targets({"onError": self._on_error} if self._on_error else {})
        for identity, item in self._operations.items():
            for target in _targets(item):
                if target not in self._operations:
                    near = get_close_matches(target, self._operations, n=1)
                    hint = f"; did you mean {near[0]!r}?" if near else ""
                    raise InvalidWorkflow(f"{identity!r} refers to {target!r}, which is not there{hint}")
                elsewhere.append(target)
        main = [identity for identity in self._operations if identity not in elsewhere]
        if not main:
            raise InvalidWorkflow(f"Every operation of {self.name!r} runs only where another refers to it")
        return main

    def _defaults(self) -> dict[str, Any]:
        defaults: dict[str, Any] = {} if self._on_error is None else {"onError": self._on_error}
        return {**defaults, "execution": "sequential"} if self._is_sequential else defaults

    def _flat(self) -> list[dict[str, Any]]:
        seeds = [{"type": "dataModelUpdate", "path": path, "contents": entries} for path, entries in self._seeds]
        updates = [{"type": "operationUpdate", "operationId": name, **item} for name, item in self._operations.items()]
        begin = {"type": "beginExecution", "executionId": self.name, "operationOrder": self._main()}
        return [*seeds, *updates, {**begin, **self._defaults()}]

    def _nested(self) -> list[dict[str, Any]]:
        seeds = [
            {"dataModelUpdate": {"workflowId": self.name, "path": path, "contents": entries}}
            for path, entries in self._seeds
        ]
        operations = [{"id": name, **item} for name, item in self._operations.items()]
        update = {"operationUpdate": {"workflowId": self.name, "operations": operations}}
        begin = {"workflowId": self.name, "root": self._main()[0], **self._defaults()}
        return [*seeds, update, {"beginExecution": begin}]


def _checked(identity: str, whose: str) -> str:
    if not _ID.match(identity):
        raise InvalidWorkflow(f"{whose} needs an id of 1 to 100 letters, digits, '_' and '-', not {identity[:100]!r}")
    return identity


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return _RENAMED.get(name) or first + "".join(part.capitalize() for part in rest)


def _targets(item: Mapping[str, Any]) -> list[str]:
    """Return the ids that an operation refers to, be it as a branch, a body, on error, or to undo it."""
    on_error = item.get("onError")
    given = [on_error.get("goto")] if isinstance(on_error, Mapping) else []
    given.append(item.get("compensate", ()))
    for kind, config in item.get("operation", {}).items():
        given += [config.get(name) for name in _REFERRING.get(kind, ())]
    return [target for each in given for target in _ids(each)]


def _ids(given: Any) -> list[str]:  # noqa: ANN401 - an id, a list of them, a list of such lists, or nothing
    if isinstance(given, str):
        return [given]
    return [target for each in given for target in _ids(each)] if isinstance(given, (list, tuple)) else []


def _entries(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return values as the entries of a dataModelUpdate."""
    return [{"key": key, **_entry(key, value)} for key, value in values.items()]


def _entry(key: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    match value:
        case bool():
            return {"valueBoolean": value}
        case int() | float():
            return {"valueNumber": value}
        case str():
            return {"valueString": value}
        case list() | tuple():
            return {"valueArray": list(value)}
        case Mapping():
            return {"valueMap": _entries(value)}
        case _:
            raise InvalidWorkflow(
                f"{key!r} cannot be seeded: {type(value).__name__} is no text, number, truth, list, map"
            )
