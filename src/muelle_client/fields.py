"""The fields of each operation, as keyword arguments of the builder. The guide of operations says what each one means.

`input` and `output` are paths in the data model; an operation without `output` writes to `/workflow/ITS_ID`. Wherever a
value may stand, `ref(…)` may stand too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from muelle_client.references import OnError

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
DateFormat = Literal["iso8601", "timestamp", "custom"]
Storage = Literal["file", "database", "localStorage", "indexedDB", "sessionStorage"]
Condition = Mapping[str, Any]
Operations = str | Sequence[str]
"""The id of an operation, or several ids in order."""


class AnyFields(TypedDict, total=False):
    """What every operation takes; `compensate` undoes it where the run is cancelled later on."""

    output: str
    on_error: OnError
    compensate: Operations


class InputFields(AnyFields, total=False):
    """What every operation takes that reads one path."""

    input: Required[str]


class ApiCallFields(AnyFields, total=False):
    """`timeout` is in milliseconds; `accept_status` are statuses from 400 on that are no failure."""

    method: Required[Method]
    url: Required[str]
    headers: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    timeout: int
    accept_status: Sequence[Any]
    response_mode: Literal["body", "full"]
    retry: Any
    cache: Any


class CallEndpointFields(AnyFields, total=False):
    """`endpoint` is an id, or method and path: `GET /pets/{id}`; `timeout` is in milliseconds."""

    api: Required[str]
    endpoint: Required[str]
    parameters: Mapping[str, Any]
    body: Any
    timeout: float
    accept_status: Sequence[Any]


class ExecuteSqlFields(AnyFields, total=False):
    """`query` is the id of a registered query."""

    query: Required[str]
    parameters: Mapping[str, Any]


class FilterFields(InputFields, total=False):
    """`conditions` are made by `where`; all of them must hold, or `any`."""

    conditions: Required[Sequence[Condition]]
    match: Literal["all", "any"]


class TransformFields(InputFields, total=False):
    """`config` is what the transform needs to know."""

    transform: Required[
        Literal["map", "reduce", "sort", "group", "select", "aggregate", "distinct", "flatten", "slice", "join"]
    ]
    config: Mapping[str, Any]


class ConditionalFields(TypedDict, total=False):
    """One of `condition`, `conditions` (made by `when`) and `expression` (CEL); then which operations to run."""

    condition: Condition
    conditions: Sequence[Condition]
    match: Literal["all", "any"]
    expression: str
    if_true: Required[Operations]
    if_false: Operations
    on_error: OnError
    compensate: Operations


class LoopFields(InputFields, total=False):
    """The body reads `/loop/item`, `/loop/index` and `/loop/length`; `concurrency` items are done at a time."""

    operations: Required[Sequence[str]]
    concurrency: int


class ParallelFields(AnyFields, total=False):
    """Branches side by side, each one id or several in order; how many must end before the run goes on."""

    branches: Required[Sequence[Operations]]
    join: Literal["all", "any"] | int


class StoreFields(TypedDict, total=False):
    """`file` and `database` last beyond the run, `localStorage` and `indexedDB` are the agent's, the rest the run's."""

    input: Required[str]
    storage: Required[Storage]
    key: Required[str]
    format: Literal["json", "string", "binary"]
    on_error: OnError
    compensate: Operations


class LoadFields(AnyFields, total=False):
    """What StoreData kept under the same storage and key; without a `default`, nothing there is a failure."""

    storage: Required[Storage]
    key: Required[str]
    format: Literal["json", "string", "binary"]
    default: Any


class WaitFields(TypedDict, total=False):
    """`duration` in milliseconds, or `until` a time."""

    duration: Any
    until: Any
    on_error: OnError
    compensate: Operations


class MergeFields(AnyFields, total=False):
    """`sources` are two paths or more; `key` names the field by which objects in lists are the same."""

    sources: Required[Sequence[str]]
    strategy: Required[Literal["merge", "deepMerge", "concat", "union", "intersect"]]
    key: str


class NowFields(AnyFields, total=False):
    """`timezone` is an IANA name; `format_string` is for the format `custom`, as in strftime."""

    timezone: str
    format: DateFormat
    format_string: str


class ConvertTimezoneFields(InputFields, total=False):
    """`from_timezone` counts for a time that has none."""

    from_timezone: str
    to_timezone: Required[str]
    format: DateFormat
    format_string: str


class DateCalculationFields(InputFields, total=False):
    """`calendar=False` takes a month for 30 days and a year for 365."""

    operation: Required[Literal["add", "subtract"]]
    years: Any
    months: Any
    days: Any
    hours: Any
    minutes: Any
    seconds: Any
    timezone: str
    format: DateFormat
    format_string: str
    calendar: bool


class FormatTextFields(InputFields, total=False):
    """A `template` knows `{name}`, `{a.b}` and `{list[0]}`; `replacements` are done in order."""

    format: Required[Literal["template", "upper", "lower", "title", "capitalize", "trim", "replace"]]
    template: str
    replacements: Mapping[str, str]


class ExtractTextFields(InputFields, total=False):
    """`pattern` is a regular expression of RE2."""

    pattern: Required[str]
    extract_all: bool


class ValidateDataFields(InputFields, total=False):
    """`pattern` is for `custom`; the output is `{"valid": …, "value": …, "error"?: …}`."""

    validation_type: Required[Literal["email", "url", "number", "integer", "phone", "date", "custom"]]
    pattern: str


class CalculateFields(InputFields, total=False):
    """`precision` is for `round`."""

    operation: Required[
        Literal[
            "add",
            "subtract",
            "multiply",
            "divide",
            "power",
            "modulo",
            "round",
            "ceil",
            "floor",
            "abs",
            "max",
            "min",
            "sum",
            "average",
        ]
    ]
    operand: Any
    precision: int


class EncodeDecodeFields(InputFields, total=False):
    """There and back."""

    operation: Required[Literal["encode", "decode"]]
    encoding: Required[Literal["base64", "url", "html"]]


class ApproveFields(AnyFields, total=False):
    """`timeout` in milliseconds or ISO 8601 (PT30M); `approvers` are ids of agents, else whoever has the grant."""

    message: Required[str]
    details: Any
    approvers: Sequence[str]
    timeout: float | str
    on_timeout: Literal["fail", "approve", "reject"]
    on_reject: Literal["fail", "continue"]


class WaitForEventFields(AnyFields, total=False):
    """`type`, `source` and `subject` may have wildcards; `match` are conditions on the event's data by path."""

    type: Required[Any]
    source: Any
    subject: Any
    match: Mapping[str, Any]
    timeout: float | str
    on_timeout: Literal["fail", "continue"]


class EmitFields(AnyFields, total=False):
    """What kind of event, about what, and what there is to tell."""

    type: Required[str]
    subject: str
    data: Mapping[str, Any]


class RunWorkflowFields(AnyFields, total=False):
    """Which saved workflow, which version of it (a range or an alias, else latest), and its inputs."""

    workflow: Required[str]
    version: str
    inputs: Mapping[str, Any]
