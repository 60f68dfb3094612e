"""What a CEL expression may cost, judged from its text and the size of the data before anything is evaluated.

The evaluator cannot be interrupted and holds the process meanwhile, so whatever can multiply is counted here: macros
inside macros, lists that stand in the expression itself, comparisons that walk through whole lists, long texts looked
through again and again, and `+`. Over-counting refuses too early; under-counting would let one document stop a server.
"""

import re
from typing import Final, cast

from muelle.packs import Json
from muelle.workflows.operations.errors import ExpressionTooCostly

MOST_VALUES: Final = 200_000  # values handed over: 0.4 s
MOST_STEPS: Final = 5_000_000  # values to the power of nested macros: 1 s
MOST_WALKS: Final = 500_000_000  # values passed by `in` and by comparing lists: 1.6 to 3.3 ns each
MOST_READ: Final = 2_000_000_000  # characters read by functions of texts: about 1 ns each
# Whoever looks for words must not mistake what is code: texts (raw ones know no escapes) and comments go first.
_TEXT: Final = re.compile(
    r"""[rR](?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"[^"]*"|'[^']*')"""
    r"""|\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
    r"""|//[^\n]*"""
)
_MACRO: Final = re.compile(r"\b(all|exists|exists_one|existsOne|map|filter)\s*\(")
_WALK: Final = re.compile(r"\bin\b|(?:==|!=)(?!\s*(?:\"|-?\d|(?:true|false|null)\b))")  # not against one literal
_COPYING: Final = frozenset({"map", "filter"})  # they copy what they have gathered so far for every item


def renamed(expression: str, names: dict[str, str]) -> str:
    """Return the expression with other names for these words, without its comments; texts stay as they are.

    A name is a word of its own; behind a dot it is one only if it is called, for `x.loop` is a field.
    """
    words = re.compile(rf"(?<!\w)(\.\s*)?({'|'.join(names)})\b(?=(\s*\()?)")
    parts: list[str] = []
    at = 0
    for text in _TEXT.finditer(expression):
        parts += (expression[at : text.start()], "" if text[0].startswith("//") else text[0])
        at = text.end()
    parts.append(expression[at:])
    parts[::2] = [
        words.sub(lambda word: word[0] if word[1] and not word[3] else (word[1] or "") + names[word[2]], code)
        for code in parts[::2]
    ]
    return "".join(parts)


def afford(expression: str, variables: Json, most_bytes: int) -> None:
    """Raise ExpressionTooCostly if the expression could take too many steps or make too large a value."""
    code = _TEXT.sub(lambda text: " " if text[0].startswith("//") else '""', expression)
    values, characters, longest = _size(variables)
    values += code.count(",")  # the items of lists that stand in the expression
    names = _MACRO.findall(code)
    loops, joins = len(names), 1 + code.count("+")
    steps = values ** (loops + any(name in _COPYING for name in names))
    walks = loops and values ** (1 + loops) * len(_WALK.findall(code))
    comparisons = sum(map(code.count, "=<>"))  # of texts are some twenty times faster than looking through one
    read = loops and steps * longest * joins * (code.count("(") - loops + comparisons / 20)
    size = (values + characters + len(expression)) * joins ** (1 + loops)
    if values > MOST_VALUES or steps > MOST_STEPS or walks > MOST_WALKS or read > MOST_READ or size > most_bytes:
        raise ExpressionTooCostly(values=values, loops=loops, most_values=MOST_VALUES, most_steps=MOST_STEPS)


def _size(value: Json) -> tuple[int, int, int]:
    """Return how many values there are, how many characters they have, and how many the longest text has."""
    values, characters, longest, waiting = 0, 0, 0, [value]
    while waiting and values <= MOST_VALUES:
        item = waiting.pop()
        values += 1
        if type(item) is str:
            characters += len(item)
            longest = max(longest, len(item))
        elif type(item) is list:
            waiting += item
        elif type(item) is dict:
            characters += sum(map(len, item))
            waiting += cast("dict[str, Json]", item).values()
    return values, characters, longest
