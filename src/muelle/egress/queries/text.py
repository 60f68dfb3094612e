"""Parameters in SQL: `:name`, but not in texts, quoted names, comments, casts or dollar quotes."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*'            # a text
    | "(?:[^"]|"")*"          # a quoted name
    | --[^\n]*                # a comment
    | /\*.*?\*/               # a comment
    | (\$\w*\$).*?\1          # a text of PostgreSQL
    | ::                      # a cast
    | :(?P<name>[A-Za-z_]\w*)
    """,
    re.DOTALL | re.VERBOSE,
)


def names_in(sql: str) -> Iterator[str]:
    """Yield the names of parameters in the order in which they stand."""
    for found in _TOKEN.finditer(sql):
        if found["name"]:
            yield found["name"]


def numbered(sql: str, names: list[str]) -> str:
    """Return SQL with `$1` for the first of the names, as PostgreSQL has it."""

    def number(found: re.Match[str]) -> str:
        return f"${names.index(found['name']) + 1}" if found["name"] else found[0]

    return _TOKEN.sub(number, sql)
