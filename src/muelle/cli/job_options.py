"""What is written on the command line about jobs: what they are handed, and how they are to be done."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from muelle.cli.completing import agent_names

if TYPE_CHECKING:
    from muelle.engine import Order

F = TypeVar("F", bound=Callable[..., Any])
_SPAN = re.compile(r"(\d{1,9})([smhdw]?)\Z")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RATE = re.compile(r"(\d{1,6})/(\S+)\Z")


def as_agent(command: F) -> F:
    """Give a command `--as`."""
    text = "Act as this agent, with its grants, not as the owner."
    return click.option("--as", "agent", metavar="AGENT", shell_complete=agent_names, help=text)(command)


def handed(command: F) -> F:
    """Give a command what a job is handed, and the keys under which it waits."""
    options = (
        click.option(
            "--input", "pairs", multiple=True, metavar="K=V", help="A field of the payload; V is JSON if it can be."
        ),
        click.option("--inputs", metavar="FILE", help="A file with a JSON object: the payload, or a part of it."),
        click.option("--priority", type=click.IntRange(1, 5), help="1 goes first, 5 last; else as the job has it."),
        click.option("--deadline", metavar="TIME", help="Give it up at this time; ISO 8601, or a span as 30m or 2h."),
        click.option(
            "--key", default="", metavar="TEXT", help="The same key and payload are one job, however often sent."
        ),
        click.option(
            "--concurrency-key", default="", metavar="TEXT", help="With --concurrency: a key that jobs share."
        ),
        click.option("--concurrency", type=int, default=0, metavar="N", help="How many of the key go on at once."),
        click.option("--rate-key", default="", metavar="TEXT", help="With --rate: a key that jobs share."),
        click.option("--rate", metavar="N/SPAN", help="How many of the key begin in a span: 100/1m."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def payload_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return the payload; raise InvalidArgument or UnreadableFile."""
    from muelle.cli.arguments import read_inputs  # noqa: PLC0415 - few commands need it

    return read_inputs(given["inputs"], given["pairs"])


def order_of(given: dict[str, Any], now: datetime, at: str | None = None) -> "Order":
    """Return how a job is to be done; raise InvalidArgument."""
    from muelle.cli.moments import ahead  # noqa: PLC0415 - few commands need it
    from muelle.engine import Order  # noqa: PLC0415 - loads the engine

    rate, seconds = _rate(given["rate"])
    return Order(
        run_at=ahead(at, now),
        deadline=ahead(given["deadline"], now),
        priority=given["priority"],
        key=given["key"],
        concurrency_key=given["concurrency_key"],
        concurrency=given["concurrency"],
        rate_key=given["rate_key"],
        rate=rate,
        rate_seconds=seconds,
    )


def seconds_of(text: str, option: str) -> int:
    """Return the seconds of a span as 90, 15m, 12h, 30d; raise InvalidArgument."""
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - only what is wrong needs it

    span = _SPAN.match(text)
    if span is None:
        raise InvalidArgument(
            f"{option} takes seconds or a span such as 15m, 12h or 30d, not '{text[:100]}'.", option=option
        )
    return int(span[1]) * _UNITS[span[2]]


def _rate(text: str | None) -> tuple[int, int]:
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - only what is wrong needs it

    if text is None:
        return 0, 0
    rate = _RATE.match(text)
    if rate is None:
        raise InvalidArgument(f"--rate takes a number and a span such as 100/1m, not '{text[:100]}'.", option="--rate")
    return int(rate[1]), seconds_of(rate[2], "--rate")
