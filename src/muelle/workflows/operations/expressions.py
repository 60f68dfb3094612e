"""CEL expressions over the data model, with a bound on what they may cost.

CEL always ends, but nested `all` and `map` can take time with the power of their number, and `+` can double a text at
each step. Both are bounded from the expression's text and the size of the data before anything is evaluated. Only those
keys of the data that the expression names are handed over.
"""

import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, Protocol, cast

from muelle.packs import MISSING, Json, Step
from muelle.workflows.operations.errors import ExpressionFailed, ExpressionTooCostly, InvalidExpression

LONGEST_EXPRESSION: Final = 2_000  # characters
MOST_VALUES: Final = 200_000  # values handed over: 0.4 s
MOST_STEPS: Final = 5_000_000  # values to the power of nested macros: 1 s
ROOTS: Final = ("workflow", "config", "input", "loop")
_READ: Final = re.compile(
    r"\b(workflow|config|input|loop)\b(?:\s*\.\s*([A-Za-z_]\w*)(?!\w*\s*\()|\s*\[\s*(?:\"([^\"\\]+)\"|'([^'\\]+)')\s*\])?"
)
_LOOP: Final = "loop_"
_WORDS: Final = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![\w.])loop(?!\w)""")
_LOOPS: Final = re.compile(r"\.\s*(all|exists|exists_one|existsOne|map|filter)\s*\(")
_COPYING: Final = frozenset({"map", "filter"})  # they copy what they have gathered so far for every item
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
        return cast("Program", _cel().compile(_WORDS.sub(_without_loop, expression)))
    except ValueError as fault:
        reason = str(fault).partition("ERROR: ")[2] or str(fault)
        raise InvalidExpression(reason=reason.partition("\n")[0][:200]) from None


def _without_loop(word: re.Match[str]) -> str:
    """Write another name for `loop`, which CEL reserves; texts in quotes stay."""
    return word.group(1) or _LOOP


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
    program = compile_expression(expression)
    variables = _variables(expression, step)
    _afford(expression, variables, step.limits.data_bytes)
    result = _execute(program, variables)
    if not isinstance(result, bool):
        raise ExpressionFailed(f"The expression must give true or false, not {type(result).__name__}")
    return result


def _execute(program: Program, variables: Mapping[str, Json]) -> Json:
    try:
        return program.execute({**variables, _LOOP: variables["loop"]})
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


def _afford(expression: str, variables: Json, most_bytes: int) -> None:
    """Raise ExpressionTooCostly if the expression could take too many steps or make too large a value."""
    values, characters = _size(variables)
    names = _LOOPS.findall(expression)
    loops = len(names)
    steps = values ** (loops + any(name in _COPYING for name in names))
    size = (values + characters + len(expression)) * (1 + expression.count("+")) ** (1 + loops)
    if values > MOST_VALUES or steps > MOST_STEPS or size > most_bytes:
        raise ExpressionTooCostly(values=values, loops=loops, most_values=MOST_VALUES, most_steps=MOST_STEPS)


def _size(value: Json) -> tuple[int, int]:
    """Return how many values there are, and how many characters they have."""
    values, characters, waiting = 0, 0, [value]
    while waiting and values <= MOST_VALUES:
        item = waiting.pop()
        values += 1
        if type(item) is str:
            characters += len(item)
        elif type(item) is list:
            waiting += item
        elif type(item) is dict:
            characters += sum(map(len, item))
            waiting += item.values()
    return values, characters
