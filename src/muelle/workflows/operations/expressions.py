"""CEL expressions over the data model, with a bound on what they may cost.

CEL always ends, but nested `all` and `map` can take time with the power of their number, and `+` can double a text at
each step: expression_costs bounds both before anything is evaluated. `matches` is ours, for the evaluator's own
compiles its pattern anew at each call, which takes up to 60 ms. Only those keys of the data that the expression names
are handed over.
"""

import importlib.machinery
import importlib.util
import re
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, Protocol, cast

from muelle.packs import MISSING, Json, Step
from muelle.workflows.operations.errors import (
    ExpressionFailed,
    InvalidExpression,
    InvalidPattern,
    PatternTooCostly,
    PatternTooSlow,
)
from muelle.workflows.operations.expression_costs import afford, renamed
from muelle.workflows.operations.patterns import MOST_SECONDS, compile_pattern
from muelle.workflows.operations.patterns import afford as afford_pattern

LONGEST_EXPRESSION: Final = 2_000  # characters
ROOTS: Final = ("workflow", "config", "input", "loop")
_READ: Final = re.compile(
    r"\b(workflow|config|input|loop)\b(?:\s*\.\s*([A-Za-z_]\w*)(?!\w*\s*\()|\s*\[\s*(?:\"([^\"\\]+)\"|'([^'\\]+)')\s*\])?"
)
_OURS: Final = {"loop": "loop_", "matches": "matches_"}  # CEL reserves the one; of the other it has its own
_FAULTS: Final = (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError)


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: Mapping[str, Json], /) -> Json:
        """Evaluate it with these variables."""
        ...


def _cel() -> ModuleType:
    """Return the extension module of `cel` without its package, whose command line costs 600 ms to import."""
    if "cel.cel" in sys.modules:
        return sys.modules["cel.cel"]
    package = importlib.util.find_spec("cel")
    places = package.submodule_search_locations if package else None
    spec = importlib.machinery.PathFinder.find_spec("cel.cel", places)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("No module named 'cel.cel'; install common-expression-language", name="cel")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["cel.cel"] = module
    return module


@lru_cache(maxsize=256)
def compile_expression(expression: str) -> Program:
    """Return the compiled expression; raise InvalidExpression with the reason."""
    if len(expression) > LONGEST_EXPRESSION:
        raise InvalidExpression(
            f"The expression is longer than {LONGEST_EXPRESSION} characters", length=len(expression)
        )
    try:
        return cast("Program", _cel().compile(renamed(expression, _OURS)))
    except ValueError as fault:
        reason = str(fault).partition("ERROR: ")[2] or str(fault)
        raise InvalidExpression(reason=reason.partition("\n")[0][:200]) from None


def fault_of(expression: str) -> str | None:
    """Return why an expression cannot be used, or None."""
    try:
        compile_expression(expression)
    except InvalidExpression as fault:
        reason = fault.facts.get("reason")
        return f"{fault.message} {reason}" if reason else fault.message
    return None


@lru_cache(maxsize=256)
def reads_of(expression: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths that an expression may read: (workflow, x), or a whole root where no key is named."""
    paths: dict[tuple[str, ...], None] = {}
    for match in _READ.finditer(expression):
        paths[tuple(filter(None, match.groups()))] = None
    return tuple(paths)


def decide(expression: str, step: Step[Any]) -> bool:
    """Return what an expression says of the data model; raise ExpressionFailed unless that is true or false."""
    return decide_on(expression, _variables(expression, step), step.limits.data_bytes)


def decide_on(expression: str, variables: Mapping[str, Json], most_bytes: int) -> bool:
    """Return what an expression says of these variables, making no value of more bytes; raise as `decide`."""
    program = compile_expression(expression)
    afford(expression, variables, most_bytes)
    matching = _Matching()
    ours = {_OURS["loop"]: variables.get("loop", {}), _OURS["matches"]: matching}
    result = _execute(program, {**variables, **ours})
    if matching.fault is not None:
        raise matching.fault
    if not isinstance(result, bool):
        raise ExpressionFailed(f"The expression must give true or false, not {type(result).__name__}")
    return result


class _Matching:
    """What `matches` does: RE2, some seconds for all calls together. It never raises, for CEL would print that."""

    __slots__ = ("_give_up", "fault")

    def __init__(self) -> None:
        self.fault: ExpressionFailed | PatternTooCostly | PatternTooSlow | None = None
        self._give_up = time.perf_counter() + MOST_SECONDS

    def __call__(self, *given: Json) -> bool:
        if self.fault is not None:
            return False
        if time.perf_counter() > self._give_up:
            self.fault = PatternTooSlow(seconds=MOST_SECONDS)
            return False
        return self._matches(*given)

    def _matches(self, *given: Json) -> bool:
        try:
            text, pattern = given
            compiled = compile_pattern(pattern)
            afford_pattern(compiled, text)
            return compiled.search(text) is not None
        except PatternTooCostly as fault:
            self.fault = fault
        except (TypeError, ValueError):
            self.fault = ExpressionFailed("'matches' takes a text and a pattern")
        except InvalidPattern as fault:
            self.fault = ExpressionFailed(reason=f"{fault.message} {fault.facts.get('reason', '')}".rstrip()[:200])
        return False


def _execute(program: Program, variables: Mapping[str, Any]) -> Json:
    try:
        return program.execute(variables)
    except KeyError as fault:
        raise ExpressionFailed(f"The data has no {str(fault)[:100]}; has(…) tells whether it is there") from None
    except _FAULTS as fault:
        raise ExpressionFailed(reason=str(fault).partition("\n")[0][:200]) from None
    except BaseException as fault:
        if type(fault).__name__ == "PanicException":  # a fault of the extension, which derives from BaseException
            raise ExpressionFailed(reason="the evaluator failed") from None
        raise


def _variables(expression: str, step: Step[Any]) -> dict[str, Json]:
    variables: dict[str, Json] = {root: {} for root in ROOTS}
    for root, *keys in reads_of(expression):
        found = step.find("/".join(("", root, *map(_escape, keys))))
        if found is not MISSING:
            variables[root] = {**variables[root], keys[0]: found} if keys else found
    return variables


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1").replace("[", "~2")
