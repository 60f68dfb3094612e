"""TransformData: a list or an object in another shape, order or summary."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta

from muelle.packs import MISSING, Json, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.errors import InvalidTransform, WrongInput
from muelle.workflows.operations.grouping import aggregate_rows, group_rows, reduce_values
from muelle.workflows.operations.literals import is_literal
from muelle.workflows.operations.ordering import SortKey, sort_rows
from muelle.workflows.operations.records import column
from muelle.workflows.operations.shaping import (
    distinct,
    extract,
    flatten,
    join_rows,
    join_text,
    keep_fields,
    pluck,
    rename_fields,
)

Transform = Literal[
    "map", "reduce", "sort", "group", "groupBy", "select", "aggregate", "distinct", "flatten", "slice", "join"
]
Order = Annotated[Literal["asc", "desc"], Meta(description="Ascending (the default) or descending.")]


class SortField(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One of several fields to sort by."""

    field: Annotated[str, Meta(description="Field to sort by, such as 'points' or 'address.city'.")]
    order: Order = "asc"


class TransformConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the transform needs to know; each says which transforms use it."""

    field: Annotated[
        str | None,
        Meta(
            description=(
                "sort, group, aggregate, reduce, distinct, join: the field of each item; without it the item itself. "
                "map: gives the list of this field's values. select: the part to take out, such as 'data.users'."
            )
        ),
    ] = None
    fields: Annotated[
        dict[str, str] | list[str | SortField] | None,
        Meta(
            description=(
                "map: {from: to} pairs, where 'from' may be dotted; a field that is missing becomes null. "
                "select: list of fields to keep. sort: list of fields, or of {field, order}."
            )
        ),
    ] = None
    order: Annotated[Order | None, Meta(description="sort: the direction; null and missing come last in both.")] = None
    operation: Annotated[
        Literal["count", "sum", "avg", "average", "min", "max", "product", "concat", "merge", "first", "last"] | None,
        Meta(
            description=(
                'aggregate: count, sum, avg, min or max, giving {"result": n}. reduce: any of them, giving the value '
                "itself. Sums and averages use numbers only; null and missing never count."
            )
        ),
    ] = None
    group_by: Annotated[
        str | None,
        Meta(description="aggregate: field to group by; the result is then an object with a value for each."),
    ] = None
    initial: Annotated[Any, Meta(description="reduce: the value to start from, counted like one more item.")] = UNSET
    depth: Annotated[int, Meta(ge=1, le=64, description="flatten: how many levels of lists to open (1).")] | None = None
    start: Annotated[int | None, Meta(description="slice: first index (0); negative counts from the end.")] = None
    end: Annotated[int | None, Meta(description="slice: index behind the last; negative counts from the end.")] = None
    step: Annotated[int, Meta(ge=1, description="slice: take every n-th item (1).")] | None = None
    separator: Annotated[
        str | None, Meta(description="join: joins the items, or their field, to one text with this between them.")
    ] = None
    with_: (
        Annotated[ReadPath, Meta(description="join: path of the other list, to be joined by the key 'on'.")] | None
    ) = msgspec.field(name="with", default=None)
    on: Annotated[str | None, Meta(description="join: the key's field; its value must be equal in both lists.")] = None
    on_other: Annotated[str | None, Meta(description="join: the key's field in the other list, if it differs.")] = None
    keep: Annotated[
        Literal["matches", "all"] | None,
        Meta(description="join: keep items that match (the default), or all of this list's items."),
    ] = None


class TransformData(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Bring a list or an object into another shape, order or summary."""

    input_path: Annotated[ReadPath, Meta(description="Path of the list (for select also an object) to transform.")]
    transform: Annotated[
        Transform,
        Meta(
            description=(
                "map: new objects from fields. reduce: one value. sort: stable, by one or many fields. group (or "
                "groupBy): an object of lists, keyed by a field's value. select: keep fields, or take out a part. "
                'aggregate: {"result": n}. distinct: first of each value. flatten: open lists inside. slice: a part '
                "by index. join: with 'separator' a text; with 'with' and 'on' two lists by key."
            )
        ),
    ]
    config: Annotated[TransformConfig | None, Meta(description="What the transform needs to know.")] = None
    output_path: Annotated[WritePath, Meta(description="Path that receives the result.")]


Shape = Callable[[list[Json], TransformConfig, Step[Any]], Json]


def _map(rows: list[Json], config: TransformConfig, _: Step[Any]) -> Json:
    if type(config.fields) is dict:
        return rename_fields(rows, config.fields)
    return pluck(rows, config.field or "")


def _sort(rows: list[Json], config: TransformConfig, _: Step[Any]) -> Json:
    return sort_rows(rows, sort_keys(config))


def sort_keys(config: TransformConfig) -> list[SortKey]:
    """Return the fields to sort by; `order` counts for those that have none of their own."""
    descending = config.order == "desc"
    if not config.fields:
        return [(config.field or "", descending)]
    return [
        (item.field, item.order == "desc") if isinstance(item, SortField) else (item, descending)
        for item in config.fields
    ]


def _group(rows: list[Json], config: TransformConfig, _: Step[Any]) -> Json:
    return group_rows(rows, config.field or "")


def _aggregate(rows: list[Json], config: TransformConfig, step: Step[Any]) -> Json:
    operation = config.operation or "count"
    if config.group_by is None:
        return {"result": aggregate_rows(rows, config.field, operation, step.limits)}
    groups = group_rows(rows, config.group_by)
    return {
        "result": {key: aggregate_rows(group, config.field, operation, step.limits) for key, group in groups.items()}
    }


def _reduce(rows: list[Json], config: TransformConfig, step: Step[Any]) -> Json:
    values = rows if config.field is None else column(rows, config.field)
    initial = MISSING if config.initial is UNSET else config.initial
    return reduce_values(values, config.operation or "sum", initial, step.limits)


def _distinct(rows: list[Json], config: TransformConfig, _: Step[Any]) -> Json:
    return distinct(rows, config.field)


def _flatten(rows: list[Json], config: TransformConfig, _: Step[Any]) -> Json:
    return flatten(rows, config.depth or 1)


def _slice(rows: list[Json], config: TransformConfig, _: Step[Any]) -> Json:
    return rows[config.start : config.end : config.step]


def _join(rows: list[Json], config: TransformConfig, step: Step[Any]) -> Json:
    if config.with_ is None or config.on is None:
        return join_text(rows, config.field, config.separator or "", step.limits)
    others = step.read(config.with_)
    if type(others) is not list:
        raise WrongInput("join needs another list", path=config.with_)
    on = (config.on, config.on_other or config.on)
    return join_rows(rows, others, on, step.limits, keep_all=config.keep == "all")


_SHAPES: Final[dict[str, Shape]] = {
    "map": _map,
    "reduce": _reduce,
    "sort": _sort,
    "group": _group,
    "groupBy": _group,
    "aggregate": _aggregate,
    "distinct": _distinct,
    "flatten": _flatten,
    "slice": _slice,
    "join": _join,
}
_USED: Final[dict[str, frozenset[str]]] = {
    "map": frozenset({"field", "fields"}),
    "reduce": frozenset({"field", "operation", "initial"}),
    "sort": frozenset({"field", "fields", "order"}),
    "group": frozenset({"field"}),
    "groupBy": frozenset({"field"}),
    "select": frozenset({"field", "fields"}),
    "aggregate": frozenset({"field", "operation", "groupBy"}),
    "distinct": frozenset({"field"}),
    "flatten": frozenset({"depth"}),
    "slice": frozenset({"start", "end", "step"}),
    "join": frozenset({"field", "separator", "with", "on", "onOther", "keep"}),
}
_NEEDED: Final[dict[str, tuple[frozenset[str], ...]]] = {
    "map": (frozenset({"fields"}), frozenset({"field"})),
    "reduce": (frozenset({"operation"}),),
    "group": (frozenset({"field"}),),
    "groupBy": (frozenset({"field"}),),
    "select": (frozenset({"fields"}), frozenset({"field"})),
    "aggregate": (frozenset({"operation"}),),
    "join": (frozenset({"separator"}), frozenset({"with", "on"})),
}
_AGGREGATES: Final = frozenset({"count", "sum", "avg", "average", "min", "max"})
_NOTHING = TransformConfig()


def transform_data(config: TransformData, step: Step[Any]) -> Json:
    """Return the transformed data."""
    value = step.read(config.input_path)
    shape = config.config or _NOTHING
    _verify(config)
    if config.transform == "select":
        return _select(value, shape)
    if type(value) is not list:
        raise WrongInput(f"The transform '{config.transform}' needs a list", path=config.input_path)
    return _SHAPES[config.transform](value, shape, step)


def _select(value: Json, config: TransformConfig) -> Json:
    if type(config.fields) is not list:
        return extract(value, config.field or "")
    fields = [field if isinstance(field, str) else field.field for field in config.fields]
    return [keep_fields(row, fields) for row in value] if type(value) is list else keep_fields(value, fields)


def _verify(config: TransformData) -> None:
    """Raise InvalidTransform for what `check` would have found, had there been no references in the config."""
    shape = config.config or _NOTHING
    values = {item.encode_name: getattr(shape, item.name) for item in msgspec.structs.fields(TransformConfig)}
    given = {key: value for key, value in values.items() if value is not None and value is not UNSET}
    for pointer, message in _faults(config.transform, given):
        raise InvalidTransform(message, field=f"/config{pointer}")


def _faults(transform: str, config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    used = _USED[transform]
    for key in config:
        if key not in used:
            yield f"/{key}", f"The transform '{transform}' has no '{key}'; it has {', '.join(sorted(used))}"
    needed = _NEEDED.get(transform)
    if needed and not any(keys <= config.keys() for keys in needed):
        ways = " or ".join(" and ".join(f"'{key}'" for key in sorted(keys)) for keys in needed)
        yield "", f"The transform '{transform}' needs {ways}"
    yield from _value_faults(transform, config)


def _value_faults(transform: str, config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    fields = config.get("fields")
    if transform == "map" and isinstance(fields, list):
        yield "/fields", "map needs {from: to} pairs, not a list"
    if transform in ("select", "sort") and isinstance(fields, dict) and is_literal(fields):
        yield "/fields", f"{transform} needs a list of fields"
    operation = config.get("operation")
    if (
        transform == "aggregate"
        and isinstance(operation, str)
        and is_literal(operation)
        and operation not in _AGGREGATES
    ):
        yield "/operation", f"aggregate has no '{operation}'; reduce has it"


def check_transform(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find settings that the transform does not use, and those that it lacks."""
    transform, shape = config.get("transform"), config.get("config") or {}
    if not isinstance(transform, str) or transform not in _USED or not isinstance(shape, dict) or not is_literal(shape):
        return []
    given = {key: value for key, value in shape.items() if value is not None}
    return [(f"/config{pointer}", message) for pointer, message in _faults(transform, given)]


TRANSFORM_DATA = OperationType(
    name="TransformData",
    summary="Bring a list or an object into another shape, order or summary.",
    config=TransformData,
    perform=transform_data,
    check=check_transform,
    example={
        "inputPath": "/workflow/users",
        "transform": "sort",
        "config": {"field": "points", "order": "desc"},
        "outputPath": "/workflow/sorted",
    },
)
