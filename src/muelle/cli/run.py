"""`muelle run`: a document from a file to its answer, without a server."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console, readable

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.engine import Submitted
    from muelle.identity import Principal
    from muelle.workflows import Format, Outcome

_FORMATS = ("full", "summary", "minimal")
_USUAL = 3  # the priority of a run for which none is given
_PATIENCE = 0.5  # seconds after which somebody who watches wonders whether anything happens
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SIGNS = {"success": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("-", "yellow")}


@click.command(cls=MuelleCommand)
@click.argument("file", metavar="FILE")
@click.option(
    "--input", "pairs", multiple=True, metavar="K=V", help="An input; V is JSON if it can be, @FILE its file."
)
@click.option("--inputs", metavar="FILE", help="A file with a JSON object of inputs.")
@click.option("--as", "agent", metavar="AGENT", help="Run with the grants of this agent, not as the owner.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="full", help="How much the answer tells.")
@click.option("--detach", is_flag=True, help="Hand it in for a worker to do, and print its id.")
@click.option("--priority", type=click.IntRange(1, 5), help="With --detach: 1 goes first, 5 last, 3 if not given.")
@click.option("--at", metavar="TIME", help="With --detach: not before this time; ISO 8601, or a span as 30m or 2h.")
@click.option("--deadline", metavar="TIME", help="With --detach: cut it off at this time, written alike.")
@click.option("--key", metavar="TEXT", help="With --detach: the same key and document are one run, however often sent.")
@click.pass_obj
def run(  # noqa: PLR0913 - each is an option
    console: Console,
    /,
    file: str,
    pairs: tuple[str, ...],
    inputs: str | None,
    agent: str | None,
    form: "Format",
    *,
    detach: bool,
    **wishes: Any,  # noqa: ANN401 - click's values
) -> int:
    """Run the document in FILE ('-' is standard input) and print its answer.

    Ends with 0 if it succeeded, 1 if it failed in whole or in part, 2 if the document or an input is not valid, and 3
    if it may not be run.
    """
    from muelle.cli.arguments import read_bytes, read_inputs  # noqa: PLC0415 - `muelle --help` needs neither
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    _require_detached(wishes, detach=detach)
    given = read_inputs(inputs, pairs)
    document = read_bytes(file)
    if detach:
        _detach(console, document, given, agent, wishes)
        return 0

    async def action(app: "App", owner: "Principal") -> "Outcome":
        actor = await acting_as(app, owner, agent)
        async with _progress(console):
            return await app.workflows.run(actor, document, given)

    outcome = act(console, action)
    show_outcome(console, outcome, form)
    return 0 if outcome.status == "success" else 1


def _require_detached(wishes: dict[str, Any], *, detach: bool) -> None:
    for name, value in wishes.items():
        if value is not None and not detach:
            raise click.UsageError(f"--{name} goes with --detach.")


def _detach(
    console: Console, document: bytes, given: dict[str, Any], agent: str | None, wishes: dict[str, Any]
) -> None:
    from muelle.cli.moments import ahead  # noqa: PLC0415 - as below
    from muelle.cli.runs import note_idle, tell_submitted  # noqa: PLC0415 - only what is handed in needs them
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> "Submitted":
        from muelle.workflows.runs import Wishes  # noqa: PLC0415 - loaded by now

        now = app.clock.now()
        wished = Wishes(
            key=wishes["key"] or "",
            priority=wishes["priority"] or _USUAL,
            run_at=ahead(wishes["at"], now),
            deadline=ahead(wishes["deadline"], now),
        )
        submitted = await app.runs.submit(await acting_as(app, owner, agent), document, given, wished)
        await note_idle(console, app)
        return submitted

    tell_submitted(console, act(console, action))


def show_outcome(console: Console, outcome: "Outcome", form: "Format") -> None:
    """Print what became of a run: for people on a terminal, else as JSON."""
    from muelle.workflows import encode_answer  # noqa: PLC0415 - it is loaded by now

    encoded = encode_answer(outcome, form)
    if console.is_json or not console.is_terminal:
        click.echo(encoded)
        return
    import msgspec  # noqa: PLC0415 - as above

    answer = msgspec.json.decode(encoded)
    _tell_operations(console, answer)
    for name, output in answer.get("results", answer["data"]).items():
        text = (
            output if isinstance(output, str) else msgspec.json.format(msgspec.json.encode(output), indent=2).decode()
        )
        click.echo(readable(f"{click.style(name, bold=True)}: {text}"))


def _tell_operations(console: Console, answer: dict[str, Any]) -> None:
    for name, operation in answer.get("operations", {}).items():
        sign, color = _SIGNS[operation["status"]]
        took = f"{operation['duration_ms']:.1f} ms" if "duration_ms" in operation else "not reached"
        error = operation.get("error")
        console.note(f"{console.paint(sign, color)} {name}  {took}{'  ' + error['message'] if error else ''}")
        for suggestion in error["suggestions"] if error else ():
            console.note(f"    {console.paint('→', 'cyan')} {suggestion}")
    console.note(f"{answer['status']}  {answer['execution_id']}  {answer['duration_ms']:.1f} ms")
    if "error" in answer and not answer["error"]["operation_id"]:
        console.note(f"{console.paint('error:', 'red')} {answer['error']['message']}")


@asynccontextmanager
async def _progress(console: Console) -> AsyncIterator[None]:
    """Show that something happens, to somebody who watches, if it takes long."""
    if not (console.is_attended and console.is_terminal) or console.is_json:
        yield
        return
    spinner = asyncio.create_task(_spin())
    try:
        yield
    finally:
        spinner.cancel()
        await asyncio.gather(spinner, return_exceptions=True)


async def _spin() -> None:
    await asyncio.sleep(_PATIENCE)
    turn = 0
    try:
        while True:
            sys.stderr.write(f"\r{_FRAMES[turn % len(_FRAMES)]} running {_PATIENCE + turn / 10:.1f} s")
            sys.stderr.flush()
            turn += 1
            await asyncio.sleep(0.1)
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
