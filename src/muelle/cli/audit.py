"""`muelle audit`: who did, or tried to do, what, and when."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.auditing import cut, head, seal, verify
from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console
from muelle.cli.listing import every, paged, within

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Act, AuditFilter, Page, Principal

_COLUMNS = ("at", "agent_id", "action", "resource", "decision", "detail")


@click.group(cls=MuelleGroup)
def audit() -> None:
    """Read and verify the audit record: all acts, allowed or refused, of everybody."""


for _command in (cut, head, seal, verify):
    audit.add_command(_command)


def _filtered(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    principal = click.option("--principal", metavar="AGENT", shell_complete=agent_names, help="Who acted: name or id.")
    action = click.option("--action", metavar="NAME", help="What was done, such as grants.add.")
    decision = click.option("--decision", type=click.Choice(("allowed", "refused")), help="What was decided.")
    resource = click.option("--resource", metavar="TEXT", help="How the resource begins.")
    request = click.option("--request", metavar="ID", help="In which request.")
    return principal(action(resource(request(decision(within(command))))))


@audit.command("search")
@_filtered
@paged
@click.pass_obj
def list_acts(console: Console, /, limit: int, cursor: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """List acts, the newest first; `muelle audit list` does the same."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import act_shape  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "Page[Act]":
        return await app.identity.acts(owner, await _where(app, owner, given), limit, cursor)

    page = act(console, action)
    console.listing("acts", map(act_shape, page.items), _COLUMNS, page.next)


audit.add_command(list_acts, "list")


@audit.command()
@_filtered
@click.option("--format", "form", type=click.Choice(("jsonl", "csv")), default="jsonl", help="What a line is.")
@click.option("--output", metavar="FILE", help="Where to; else standard output.")
@click.pass_obj
def export(console: Console, /, form: str, output: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Write all acts, one a line, the newest first; in CSV no cell is a formula."""
    from muelle.cli.exporting import export_csv, export_lines  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.identity.shapes import act_shape  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> None:
        where = await _where(app, owner, given)
        acts = every(lambda limit, cursor: app.identity.acts(owner, where, limit, cursor))
        write = export_csv if form == "csv" else export_lines
        await write(console, output, (act_shape(act) async for act in acts))

    act(console, action)


async def _where(app: "App", owner: "Principal", given: dict[str, Any]) -> "AuditFilter":
    from muelle.cli.moments import ago  # noqa: PLC0415 - loaded by now
    from muelle.cli.session import principal_id  # noqa: PLC0415 - as above
    from muelle.identity import AuditFilter  # noqa: PLC0415 - as above

    return AuditFilter(
        principal=await principal_id(app, owner, given["principal"]),
        action=given["action"],
        resource=given["resource"],
        request=given["request"],
        decision=given["decision"],
        since=ago(given["since"], app.clock.now()),
        until=ago(given["until"], app.clock.now()),
    )
