"""FilterData: the items of a list that meet conditions."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from muelle.packs import Json, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.comparing import UNARY, Operator
from muelle.workflows.operations.errors import WrongInput
from muelle.workflows.operations.literals import is_literal
from muelle.workflows.operations.patterns import fault_of
from muelle.workflows.operations.row_filters import RowTest, keep_rows

FieldName = Annotated[
    str,
    Meta(
        description=(
            "Field of the item: 'points', dotted 'address.city', 'items[0].price', or a JSON Pointer '/address/city'. "
            "Empty means the item itself, for lists of numbers or texts."
        )
    ),
]
Operand = Annotated[
    Any,
    Meta(
        description=(
            "What to compare with: any JSON value or a reference. Not needed by 'exists' and 'empty', where false "
            "turns "
            "the meaning round."
        )
    ),
]


class FieldCondition(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A condition on one field of each item."""

    field: FieldName = ""
    operator: Operator
    value: Operand = None


class FilterData(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Keep the items of a list that meet the conditions."""

    input_path: Annotated[ReadPath, Meta(description="Path of the list to filter.")]
    conditions: Annotated[
        list[FieldCondition], Meta(min_length=1, max_length=100, description="Conditions on the fields of each item.")
    ]
    match: Annotated[
        Literal["all", "any"], Meta(description="Keep items that meet all conditions (the default), or any of them.")
    ] = "all"
    output_path: Annotated[WritePath, Meta(description="Path that receives the list of kept items, in their order.")]


def filter_data(config: FilterData, step: Step[Any]) -> Json:
    """Return the items that meet the conditions."""
    rows = step.read(config.input_path)
    if type(rows) is not list:
        raise WrongInput("FilterData needs a list", path=config.input_path)
    tests = [RowTest(item.field, item.operator, item.value) for item in config.conditions]
    return keep_rows(rows, tests, any_of=config.match == "any")


def check_filter(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find operators without the value that they need, and patterns that do not compile."""
    conditions = config.get("conditions")
    if not isinstance(conditions, list):
        return []
    return [
        (f"/conditions/{index}{pointer}", message)
        for index, condition in enumerate(conditions)
        if isinstance(condition, dict)
        for pointer, message in condition_faults(condition)
    ]


def condition_faults(condition: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the faults of one condition as (JSON pointer, message)."""
    operator, value = condition.get("operator"), condition.get("value")
    if "value" not in condition:
        if isinstance(operator, str) and operator not in UNARY:
            yield "/value", f"The operator '{operator}' needs a value"
        return
    if not is_literal(value):
        return
    if operator in ("in", "notIn") and not isinstance(value, list | str | dict):
        yield "/value", f"The operator '{operator}' needs a list"
    if operator in ("startsWith", "endsWith", "matches") and not isinstance(value, str):
        yield "/value", f"The operator '{operator}' needs a text"
    if operator == "matches" and isinstance(value, str) and (fault := fault_of(value)):
        yield "/value", fault


FILTER_DATA = OperationType(
    name="FilterData",
    summary="Keep the items of a list that meet conditions.",
    config=FilterData,
    perform=filter_data,
    check=check_filter,
    example={
        "inputPath": "/workflow/users",
        "conditions": [{"field": "points", "operator": ">", "value": 100}],
        "outputPath": "/workflow/vip",
    },
)
