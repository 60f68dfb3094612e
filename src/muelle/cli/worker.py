"""`muelle worker`: a process that advances runs and answers nobody."""

import asyncio
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muelle.app import Configuration


@click.command(cls=MuelleCommand)
@click.option(
    "--concurrency", type=click.IntRange(1, 100_000), help="Runs advanced at once; else the setting engine.concurrency."
)
@click.option("--queues", help="Which queues to take from, separated by commas; else the setting engine.queues.")
@click.pass_obj
def worker(console: Console, concurrency: int | None, queues: str | None) -> None:
    """Advance what is queued until SIGTERM or Ctrl-C, beside other workers on the same database.

    When it is told to stop, it lets its runs come to the end of a step and gives them back.
    """
    from dataclasses import replace  # noqa: PLC0415 - as below

    from muelle.cli.session import configured  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.up import run_main  # noqa: PLC0415 - as above
    from muelle.core import log_to  # noqa: PLC0415 - as above

    configuration = configured(console)
    if concurrency is not None:
        engine = replace(configuration.settings.engine, concurrency=concurrency)
        configuration = replace(configuration, settings=replace(configuration.settings, engine=engine))
    log_to(sys.stderr, configuration.settings.telemetry.level)
    named = [name.strip() for name in (queues or "").split(",") if name.strip()]
    run_main(partial(_work, console, configuration, named))


async def _work(console: Console, configuration: "Configuration", queues: "Sequence[str]") -> None:
    from muelle.cli.session import opened_as  # noqa: PLC0415 - loaded by now
    from muelle.core.prometheus import PrometheusMetrics  # noqa: PLC0415 - only what runs on is measured
    from muelle.rooms import working  # noqa: PLC0415 - loaded by now

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with opened_as(console, configuration, PrometheusMetrics()) as app, working(app, queues):
        watching = asyncio.create_task(app.identity.watch())
        console.note(f"Advancing runs of: {', '.join(app.engine.queues)}. Ctrl-C stops it.")
        await stopping.wait()
        watching.cancel()
