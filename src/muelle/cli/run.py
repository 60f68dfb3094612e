"""`muelle run`: a document from a file to its answer, without a server."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal
    from muelle.workflows import Format, Outcome

_FORMATS = ("full", "summary", "minimal")
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
@click.pass_obj
def run(
    console: Console, file: str, pairs: tuple[str, ...], inputs: str | None, agent: str | None, form: "Format"
) -> int:
    """Run the document in FILE ('-' is standard input) and print its answer.

    Ends with 0 if it succeeded, 1 if it failed in whole or in part, 2 if the document or an input is not valid, and 3
    if it may not be run.
    """
    from muelle.cli.arguments import read_bytes, read_inputs  # noqa: PLC0415 - `muelle --help` needs neither
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle

    given = read_inputs(inputs, pairs)
    document = read_bytes(file)

    async def action(app: "App", owner: "Principal") -> "Outcome":
        actor = await acting_as(app, owner, agent)
        async with _progress(console):
            return await app.workflows.run(actor, document, given)

    outcome = act(console, action)
    _show(console, outcome, form)
    return 0 if outcome.status == "success" else 1


def _show(console: Console, outcome: "Outcome", form: "Format") -> None:
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
        click.echo(f"{click.style(name, bold=True)}: {text}")


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
