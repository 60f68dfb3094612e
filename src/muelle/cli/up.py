"""`muelle up`: the server."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

if TYPE_CHECKING:
    import socket

    from muelle.app import App, Configuration

_PRIVATE = 0o600
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@click.command(cls=MuelleCommand)
@click.option("--host", help="The address to listen on; else the setting http.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port, 0 for a free one; else the setting http.port.")
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Written once it answers: JSON with url, admin_key_file and pid. Removed at the end.",
)
@click.option("--no-worker", is_flag=True, help="Only answer: 'muelle worker' processes do what is queued.")
@click.pass_obj
def up(console: Console, host: str | None, port: int | None, ready_file: Path | None, *, no_worker: bool) -> None:
    """Start the server and answer until SIGTERM or Ctrl-C."""
    from muelle.cli.session import configured  # noqa: PLC0415 - loads all of Muelle
    from muelle.core import log_to  # noqa: PLC0415 - as above
    from muelle.doors.http.serve import bind  # noqa: PLC0415 - loads the web framework

    configuration = configured(console)
    settings = configuration.settings
    log_to(sys.stderr, settings.telemetry.level)
    given = settings.http.port if port is None else port
    listener = bind(host or settings.http.host, given, settings.http.backlog)
    with listener, _ready_file(ready_file) as announce, _signals_kept() as pending:
        run_main(partial(_serve, console, configuration, listener, announce, pending, is_working=not no_worker))


def run_main(main: Callable[[], Any]) -> None:
    """Run a server's main coroutine on the fastest loop that there is."""
    import asyncio  # noqa: PLC0415 - `muelle --help` needs none

    try:
        import uvloop  # noqa: PLC0415 - only a server is worth its 20 ms
    except ImportError:  # there is none for this platform
        asyncio.run(main())
        return
    uvloop.run(main())


async def _serve(
    console: Console,
    configuration: "Configuration",
    listener: "socket.socket",
    announce: Callable[[bytes], None],
    pending: list[int],
    *,
    is_working: bool,
) -> None:
    from contextlib import nullcontext  # noqa: PLC0415 - as below

    from muelle.cli.session import opened_as  # noqa: PLC0415 - loaded by now
    from muelle.core.prometheus import PrometheusMetrics  # noqa: PLC0415 - only a server is asked for metrics
    from muelle.doors.http.serve import serve  # noqa: PLC0415 - loaded by now
    from muelle.rooms import working  # noqa: PLC0415 - loaded by now

    async with opened_as(console, configuration, PrometheusMetrics()) as app:

        def is_ready() -> None:
            _greet(console, app, listener, announce)
            gc.collect()
            gc.freeze()  # what is loaded by now stays; requests are not to pay for looking through it
            gc.enable()
            for number in pending:
                signal.raise_signal(number)

        async with working(app) if is_working else nullcontext():
            await serve(app, listener, is_ready)


def _greet(console: Console, app: "App", listener: "socket.socket", announce: Callable[[bytes], None]) -> None:
    import msgspec  # noqa: PLC0415 - loaded by now

    from muelle.cli.home import ADMIN_KEY  # noqa: PLC0415 - loaded by now
    from muelle.doors.http.serve import url_of  # noqa: PLC0415 - loaded by now

    url, key_file = url_of(listener), console.home / ADMIN_KEY
    ready = msgspec.json.encode({"url": url, "admin_key_file": str(key_file), "pid": os.getpid()})
    announce(ready)
    if console.is_json:
        click.echo(ready)
        return
    console.note(f"Muelle answers at {console.paint(url, 'green')}")
    if key_file.exists():
        console.note(f"The owner's key is in {key_file}")
    else:
        console.note(f"There is no {key_file}; 'muelle keys recover' makes a new key for the owner.")
    if app.admin_key is not None and console.is_terminal:
        click.echo(f"The owner's key, shown this once: {app.admin_key.reveal()}")
    console.note(f'Try: curl -H "X-API-Key: $(cat {key_file})" {url}/api/v1/capabilities')
    console.note("Ctrl-C stops it.")


@contextmanager
def _ready_file(path: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Yield what writes the file, whole or not at all; remove it at the end."""
    if path is None:
        yield lambda _: None
        return
    _require_writable(path)
    path.unlink(missing_ok=True)  # one of an earlier start that was killed would be believed
    try:
        yield partial(_write_whole, path)
    finally:
        path.unlink(missing_ok=True)


def _require_writable(path: Path) -> None:
    from muelle.cli.failures import UnwritableFile  # noqa: PLC0415 - loaded by now

    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UnwritableFile(file=str(path))


def _write_whole(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as opened:
        opened.write(content + b"\n")
    fresh.replace(path)


@contextmanager
def _signals_kept() -> Iterator[list[int]]:
    """Remember signals to stop that come before the server takes them over, and ignore those that it passes on.

    Uvicorn puts the former handlers back when it has stopped and raises the signal once more: with the usual handlers
    that would end the process before what is open is closed, and not with 0.
    """
    pending: list[int] = []
    former = {number: signal.signal(number, lambda caught, _: pending.append(caught)) for number in _STOPPING}
    try:
        yield pending
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
