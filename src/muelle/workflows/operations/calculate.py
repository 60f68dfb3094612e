"""Calculate: arithmetic, rounding, sums and averages. Results and messages are those of A2E."""

import math
import operator as py
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.packs import Json, Limits, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.errors import CalculationFailed, NumberOutOfRange
from muelle.workflows.operations.literals import is_literal, literal_text
from muelle.workflows.operations.numbers import afford_digits, afford_power, bounded_number

Number = int | float
_BINARY: Final[dict[str, Callable[[Number, Number], Number]]] = {
    "add": py.add,
    "subtract": py.sub,
    "multiply": py.mul,
    "divide": py.truediv,
    "power": py.pow,
    "modulo": py.mod,
    "max": max,
    "min": min,
}
_UNARY: Final[dict[str, Callable[[Number], Number]]] = {"ceil": math.ceil, "floor": math.floor, "abs": abs}
_LISTS: Final = frozenset({"sum", "average", "max", "min"})
_LONGEST_NUMERAL: Final = 4_000  # characters; more is no number that anybody means


class Calculate(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Calculate with a number, or over a list of numbers."""

    input_path: Annotated[
        ReadPath, Meta(description="Path of the number, or of the list for sum, average, max and min.")
    ]
    operation: Annotated[
        Literal[
            "add", "subtract", "multiply", "divide", "power", "modulo", "round", "ceil", "floor", "abs", "max", "min",
            "sum", "average",
        ],
        Meta(
            description=(
                "What to calculate. add, subtract, multiply, divide, power and modulo take the 'operand'; so do "
                "max and "
                "min, unless the input is a list. sum and average ignore text that is no number, count true as 1, and "
                "give 0 for nothing."
            )
        ),
    ]  # fmt: skip
    operand: Annotated[
        int | float | str | None, Meta(description="The second number: a number, a numeric text, or a reference.")
    ] = None
    precision: Annotated[int, Meta(ge=-300, le=300, description="round: digits after the decimal point (2).")] = 2
    output_path: Annotated[WritePath, Meta(description="Path that receives the number.")]


def calculate(config: Calculate, step: Step[Any]) -> Json:
    """Return the result; raise CalculationFailed or NumberOutOfRange if there is none that can be stored."""
    value = step.read(config.input_path)
    try:
        return bounded_number(_result(config, value, step.limits), step.limits)
    except OverflowError:
        raise NumberOutOfRange(operation=config.operation) from None


def _result(config: Calculate, value: Json, limits: Limits) -> Number:
    if type(value) is list and config.operation in _LISTS:
        return _over_list(config.operation, value)
    if config.operation in ("sum", "average"):
        return float(_number(value, "'{}'"))
    number = _number(value, "'{}'")
    afford_digits(number, limits)
    if config.operation == "round":
        return round(number, config.precision)
    if config.operation in _UNARY:
        return _UNARY[config.operation](number)
    if config.operand is None:
        raise CalculationFailed(_operand_needed(config.operation))
    return _binary(config.operation, number, _number(config.operand, "operand '{}'"), limits)


def _over_list(operation: str, values: list[Json]) -> Number:
    numbers = [number for value in values if (number := _number_or_none(value)) is not None]
    if operation in ("max", "min"):
        if not numbers:
            raise CalculationFailed(f"'{operation}' needs at least one number")
        return _BINARY[operation](*numbers) if len(numbers) > 1 else numbers[0]
    floats = [*map(float, numbers)]
    if operation == "sum":
        return sum(floats)
    return sum(floats) / len(floats) if floats else 0


def _binary(operation: str, left: Number, right: Number, limits: Limits) -> Number:
    afford_digits(right, limits)
    if operation == "power":
        afford_power(left, right, limits)
    try:
        result = _BINARY[operation](left, right)
    except ZeroDivisionError:
        raise CalculationFailed("Division by zero", operation=operation) from None
    if isinstance(result, complex):
        raise CalculationFailed("The power is not a real number")
    return result


def _number(value: Json, called: str) -> Number:
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        raise CalculationFailed(f"Input must be a number, got {type(value)}")
    number = _number_or_none(value)
    if number is None:
        raise CalculationFailed(f"Cannot convert {called.format(value[:100])} to number")
    return number


def _number_or_none(value: Json) -> Number | None:
    """Return the number that a value is or that a text spells, or None; raise NumberOutOfRange if it is not finite."""
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_NUMERAL:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number):
        raise NumberOutOfRange(value=value[:100])
    return number


def _operand_needed(operation: str) -> str:
    return f"operand is required for '{operation}' operation"


def check_calculation(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a missing operand, one that is no number, and a division by a written zero."""
    operation, operand = literal_text(config, "operation"), config.get("operand")
    if operation is None or operation not in _BINARY:
        return []
    if operand is None:
        return [] if operation in _LISTS else [("/operand", _operand_needed(operation))]
    if not is_literal(operand) or not isinstance(operand, int | float | str):
        return []
    try:
        number = _number(operand, "operand '{}'")
    except (CalculationFailed, NumberOutOfRange) as fault:
        return [("/operand", fault.message)]
    return [("/operand", "Division by zero")] if operation in ("divide", "modulo") and number == 0 else []


CALCULATE = OperationType(
    name="Calculate",
    summary="Calculate with a number, or over a list of numbers.",
    config=Calculate,
    perform=calculate,
    check=check_calculation,
    example={
        "inputPath": "/workflow/price",
        "operation": "multiply",
        "operand": 1.21,
        "outputPath": "/workflow/total",
    },
)
