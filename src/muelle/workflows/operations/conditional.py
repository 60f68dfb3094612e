"""Conditional: one branch or the other, by a condition, several, or an expression."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from muelle.packs import MISSING, Json, Literally, OperationId, OperationType, SoftReadPath, Step
from muelle.workflows.operations.comparing import UNARY, Operator, test_of
from muelle.workflows.operations.errors import InvalidCondition
from muelle.workflows.operations.expressions import decide, fault_of, reads_of
from muelle.workflows.operations.filter_data import Operand, condition_faults
from muelle.workflows.operations.literals import plain_text


class Condition(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A condition on what the data model has at a path."""

    path: Annotated[
        SoftReadPath,
        Meta(
            description=(
                "Path of the value. If nothing is there, 'exists' and 'empty' say so, and any other operator fails "
                "with "
                "missing_data."
            )
        ),
    ]
    operator: Operator
    value: Operand = None


class Conditional(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Run some operations or others. Give one of condition, conditions and expression."""

    condition: Annotated[Condition | None, Meta(description="One condition.")] = None
    conditions: Annotated[
        Annotated[list[Condition], Meta(max_length=100)] | None,
        Meta(description="Several conditions, at most 100, of which 'match' says how many must hold."),
    ] = None
    match: Annotated[
        Literal["all", "any"], Meta(description="conditions: whether all must hold (the default), or any of them.")
    ] = "all"
    expression: (
        Annotated[
            Literally,
            Meta(
                description=(
                    'CEL expression that gives true or false, such as "workflow.total > 100 && has(input.user)"; it '
                    "knows workflow, config, input and loop. At most 2,000 characters."
                )
            ),
        ]
        | None
    ) = None
    if_true: Annotated[
        OperationId | list[OperationId],
        Meta(description="Id or ids of the operations to run, in order, if the condition holds. They run only here."),
    ]
    if_false: Annotated[
        OperationId | list[OperationId] | None,
        Meta(description="Id or ids of the operations to run, in order, if it does not."),
    ] = None


async def conditional(config: Conditional, step: Step[Any]) -> Json:
    """Decide, run the branch, and return whether the condition held."""
    holds = _holds(config, step)
    branch = ids_of(config.if_true if holds else config.if_false)
    if branch:
        await step.perform(branch)
    return holds


def ids_of(operations: str | Sequence[str] | None) -> list[str]:
    """Return the ids that a field names: one, several, or none."""
    if operations is None:
        return []
    return [operations] if isinstance(operations, str) else [*operations]


def _holds(config: Conditional, step: Step[Any]) -> bool:
    given = [config.condition is not None, config.conditions is not None, config.expression is not None]
    if sum(given) != 1:
        raise InvalidCondition
    if config.expression is not None:
        return decide(config.expression, step)
    if config.condition is not None:
        return _met(config.condition, step)
    met = (_met(condition, step) for condition in config.conditions or ())
    return any(met) if config.match == "any" else all(met)


def _met(condition: Condition, step: Step[Any]) -> bool:
    value = step.find(condition.path)
    if value is MISSING and condition.operator not in UNARY:
        value = step.read(condition.path)  # raises missing_data, naming what would have written it
    return test_of(condition.operator, condition.value)(value)


def check_condition(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find none or several ways of deciding, operators without value, and expressions that do not compile."""
    given = [name for name in ("condition", "conditions", "expression") if config.get(name) is not None]
    if len(given) != 1:
        return [("", InvalidCondition.suggestions[0])]
    return [*_expression_faults(config), *_condition_faults(config)]


def _expression_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    expression = plain_text(config, "expression")
    if expression is not None and (fault := fault_of(expression)):
        yield "/expression", fault


def _condition_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    condition, conditions = config.get("condition"), config.get("conditions")
    places = [("/condition", condition)] if isinstance(condition, dict) else []
    if isinstance(conditions, list):
        places += [(f"/conditions/{index}", item) for index, item in enumerate(conditions) if isinstance(item, dict)]
        if not conditions:
            yield "/conditions", "Give at least one condition"
    for place, item in places:
        for pointer, message in condition_faults(item):
            yield f"{place}{pointer}", message


def reads_of_conditional(config: Mapping[str, Json]) -> Sequence[tuple[str, ...]]:
    """Return the paths that the expression may read, beyond those of the typed fields."""
    return reads_of(plain_text(config, "expression") or "")


CONDITIONAL = OperationType(
    name="Conditional",
    summary="Run some operations or others, by what the data says.",
    config=Conditional,
    perform=conditional,
    check=check_condition,
    reads=reads_of_conditional,
    example={
        "condition": {"path": "/workflow/count", "operator": ">", "value": 0},
        "ifTrue": ["send"],
        "ifFalse": ["skip"],
    },
)
