"""What is written on the command line about schedules, as the fields of a body."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from muelle.cli.arguments import read_bytes, read_inputs
from muelle.cli.failures import InvalidArgument, UnreadableFile
from muelle.cli.moments import ahead

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.engine.schedules import Schedules

F = TypeVar("F", bound=Callable[..., Any])
_SPAN = re.compile(r"(\d{1,9})([smhdw]?)\Z")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPANS = ("every", "jitter", "deadline")
_MOMENTS = ("at", "anchor", "start", "end")
_PLAIN = ("cron", "time_zone", "workflow", "version", "description", "catch_up", "catch_up_most", "overlap")


def schedules_of(app: "App") -> "Schedules":
    """Return the verbs on schedules."""
    from muelle.rooms import schedules_of as opened  # noqa: PLC0415 - loaded with the app

    return opened(app)[0]


def timed(command: F) -> F:
    """Give a command the options that say when to fire."""
    options = (
        click.option("--cron", metavar="'M H D M W'", help="A cron expression; six fields have seconds first."),
        click.option("--time-zone", metavar="ZONE", help="Of the cron expression, as Europe/Madrid; else UTC."),
        click.option("--every", metavar="SPAN", help="An interval: 90, 15m, 12h, 1d."),
        click.option("--anchor", metavar="TIME", help="From when intervals are counted; else from now."),
        click.option("--at", metavar="TIME", help="Once: ISO 8601, or in how long: 30m, 12h, 7d."),
        click.option("--start", metavar="TIME", help="Fire from this time on."),
        click.option("--end", metavar="TIME", help="Fire before this time only."),
    )
    return _with(options, command)


def described(command: F) -> F:
    """Give a command the options that say what to run, and by which rules."""
    options = (
        click.option("--workflow", metavar="NAME", help="The saved workflow to run."),
        click.option("--workflow-version", "version", metavar="RANGE", help="Which versions: latest, ^2.1, 1.4.0."),
        click.option("--document", metavar="FILE", help="A document to run instead."),
        click.option("--input", "pairs", multiple=True, metavar="K=V", help="An input; V is JSON if it can be."),
        click.option("--inputs", metavar="FILE", help="A file with a JSON object of inputs."),
        click.option("--description", help="What it is for."),
        click.option(
            "--catch-up", type=click.Choice(["none", "last", "all"]), help="Which missed firings are made up for."
        ),
        click.option("--catch-up-most", type=int, metavar="N", help="How many of them at most, with 'all'."),
        click.option(
            "--overlap",
            type=click.Choice(["allow", "skip", "queue", "cancel"]),
            help="What a firing does while the run before goes on.",
        ),
        click.option("--jitter", metavar="SPAN", help="Fire later by up to so much."),
        click.option("--queue", metavar="NAME", help="Which queue the runs wait in."),
        click.option("--priority", type=click.IntRange(1, 5), help="Of the runs; 1 is first."),
        click.option("--deadline", metavar="SPAN", help="How long a run may take; 0: no limit."),
    )
    return _with(options, command)


def _with(options: tuple[Callable[[F], F], ...], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def fields(given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the fields of a body that options give; raise InvalidArgument or UnreadableFile."""
    found = {name: given[name] for name in (*_PLAIN, "queue", "priority") if given.get(name) is not None}
    found |= {name: _seconds(given[name], name) for name in _SPANS if given.get(name) is not None}
    found |= {name: ahead(given[name], now) for name in _MOMENTS if given.get(name) is not None}
    if given.get("document") is not None:
        found["document"] = _text(given["document"])
    if given.get("inputs") is not None or given.get("pairs"):
        found["inputs"] = read_inputs(given["inputs"], given["pairs"])
    return found


def _seconds(text: str, option: str) -> int:
    span = _SPAN.match(text)
    if span is None:
        raise InvalidArgument(
            f"--{option} takes seconds or a span such as 15m, 12h or 1d, not '{text[:100]}'.", option=option
        )
    return int(span[1]) * _UNITS[span[2]]


def _text(file: str) -> str:
    try:
        return read_bytes(file).decode()
    except UnicodeDecodeError as error:
        raise UnreadableFile(file=file, reason=f"not UTF-8 at byte {error.start}") from None
