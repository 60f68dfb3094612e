"""Where a command's answer goes: JSON, a table on a terminal, plain aligned text elsewhere. Notes go to stderr."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

_HOME = "MUELLE_HOME"
_DEBUG = "MUELLE_DEBUG"
_FOLDER = ".muelle"
_GAP = "  "
# What moves the cursor, clears the screen or turns the direction of writing: names and answers of others may hold it.
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
_UNSEEN = re.compile(_CONTROL)
_PAINT_OR_CONTROL = re.compile(rf"(?P<kept>\x1b\[[0-9;]*m|\n|\t)|{_CONTROL}")


class Console:
    """One invocation: which home, which form of answer. stdout holds the answer and nothing else."""

    def __init__(self) -> None:
        self.chosen_home: Path | None = None
        self.is_json = False

    @property
    def home(self) -> Path:
        """Muelle's folder: `--home`, else MUELLE_HOME, else `.muelle` in the user's own folder."""
        if self.chosen_home is not None:
            return self.chosen_home.absolute()
        named = os.environ.get(_HOME)
        return Path(named).absolute() if named else Path.home() / _FOLDER

    @property
    def is_terminal(self) -> bool:
        """Whether somebody reads stdout as it comes."""
        return sys.stdout.isatty()

    @property
    def is_attended(self) -> bool:
        """Whether somebody reads stderr as it comes."""
        return sys.stderr.isatty()

    @property
    def is_debugging(self) -> bool:
        """Whether tracebacks and every log line are wanted."""
        return bool(os.environ.get(_DEBUG))

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        click.echo(readable(text), err=True)

    def paint(self, text: str, color: str) -> str:
        """Return text for stderr in a colour, where colours are wanted."""
        return click.style(text, fg=color) if self.is_attended and not os.environ.get("NO_COLOR") else text

    def json(self, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Print a value as one line of JSON, indented on a terminal."""
        import msgspec  # noqa: PLC0415 - `muelle --help` needs none

        self.encoded(msgspec.json.encode(value))

    def encoded(self, document: bytes) -> None:
        """Print what is JSON already."""
        if self.is_terminal:
            import msgspec  # noqa: PLC0415 - as above

            document = msgspec.json.format(document, indent=2)
        click.echo(document)

    def item(self, thing: Any) -> None:  # noqa: ANN401 - a shape, or a mapping of JSON values
        """Print one thing: its fields, one a line."""
        if self.is_json:
            self.json(thing)
            return
        fields = plain(thing)
        width = max(map(len, fields), default=0)
        for name, value in fields.items():
            click.echo(f"{name:<{width}}{_GAP}{text_of(value)}".rstrip())

    def listing(self, name: str, things: Iterable[Any], columns: Sequence[str], following: str | None = None) -> None:
        """Print things of one kind: as JSON `{name: […], count, next_cursor}`, else `columns` of them as a table."""
        rows = [plain(thing) for thing in things]
        if self.is_json:
            self.json({name: rows, "count": len(rows), "next_cursor": following})
            return
        if not rows:
            self.note(f"No {name}.")
            return
        cells = [[text_of(row.get(column)) for column in columns] for row in rows]
        if self.is_terminal:
            _rich_table(columns, cells)
        else:
            _plain_table(columns, cells)
        if following:
            self.note(f"There are more: --cursor {following}")

    def confirm(self, question: str, *, is_sure: bool) -> None:
        """Ask before what cannot be undone, where somebody is there to answer; end the command if it is declined."""
        if is_sure or not sys.stdin.isatty():
            return
        click.confirm(question, abort=True, err=True)


def plain(thing: Any) -> dict[str, Any]:  # noqa: ANN401 - a shape, or a mapping of JSON values
    """Return the fields of a thing as JSON has them."""
    import msgspec  # noqa: PLC0415 - `muelle --help` needs none

    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(thing))  # what is JSON already is read, too
    return fields


def visible(text: str) -> str:
    """Return a text for a terminal: what would act on it, rather than be seen on it, is written out."""
    return _UNSEEN.sub(_escaped, text)


def readable(text: str) -> str:
    """Return a text likewise, with its lines and colours."""
    return _PAINT_OR_CONTROL.sub(_kept_or_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _kept_or_escaped(found: re.Match[str]) -> str:
    return found["kept"] or _escaped(found)


def text_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as it stands in a table."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return visible(", ".join(value))
    if isinstance(value, dict) and all(isinstance(each, str | int | float) for each in value.values()):
        fields = (f"{key}={each:g}" if isinstance(each, float) else f"{key}={each}" for key, each in value.items())
        return visible(", ".join(fields))
    if isinstance(value, dict | list | tuple):
        import msgspec  # noqa: PLC0415 - few tables have such cells

        return msgspec.json.encode(value).decode()
    return visible(" ".join(str(value).split("\n")))


def _plain_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (columns, *cells):
        click.echo(_GAP.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console as Screen  # noqa: PLC0415 - loads in 150 ms, and only a terminal is worth it
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for line in cells:
        table.add_row(*map(Text, line))  # as it is: what was stored is no markup
    Screen().print(table)
