"""`muelle validate`: what is wrong with a document, without running it."""

from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.completing import agent_names
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal
    from muelle.workflows import Report

_INVALID = 2
_REFUSED = 3


@click.command(cls=MuelleCommand)
@click.argument("file", metavar="FILE")
@click.option("--as", "agent", metavar="AGENT", shell_complete=agent_names, help="Check the grants of this agent.")
@click.pass_obj
def validate(console: Console, file: str, agent: str | None) -> int:
    """Check the document in FILE ('-' is standard input); nothing runs.

    Ends with 0 if it is valid, 2 if not, and 3 if only grants are missing.
    """
    from muelle.cli.arguments import read_bytes  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.failures import tell_issues  # noqa: PLC0415 - as above
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    document = read_bytes(file)
    report = act(console, lambda app, owner: _validated(app, owner, document, agent))
    body = report.body()
    if console.is_json:
        console.json(body)
    else:
        tell_issues(console, body["issues"])
        verdict = "valid" if report.is_valid else f"not valid: {body['errors']} errors"
        click.echo(f"{verdict}, {body['warnings']} warnings" if body["warnings"] else verdict)
    return _code(report)


async def _validated(app: "App", owner: "Principal", document: bytes, agent: str | None) -> "Report":
    from muelle.cli.session import acting_as  # noqa: PLC0415 - loaded by now

    return await app.workflows.validate(await acting_as(app, owner, agent), document)


def _code(report: "Report") -> int:
    if report.is_valid:
        return 0
    errors = {issue.code for issue in report.issues if issue.severity == "error"}
    return _REFUSED if errors == {"refused"} else _INVALID
