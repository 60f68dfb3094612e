"""`muelle discover`: what there is for a task."""

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.completing import agent_names
from muelle.cli.console import Console

_KINDS = ("operation", "api", "endpoint", "credential", "query", "workflow", "knowledge")
_TEXTS = ("summary", "description", "title", "path", "text", "type")


@click.command(cls=MuelleCommand)
@click.argument("query", required=False, default="", metavar="[QUERY]")
@click.option("--budget", type=int, default=3000, show_default=True, help="How many tokens it may be worth in JSON.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only of this kind; may be repeated.")
@click.option("--as", "agent", metavar="AGENT", shell_complete=agent_names, help="What this agent would find.")
@click.pass_obj
def discover(console: Console, query: str, budget: int, kinds: tuple[str, ...], agent: str | None) -> None:
    """Find operations, APIs, credentials, queries, workflows and knowledge for what QUERY says, best first."""
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle
    from muelle.rooms import discovery_of  # noqa: PLC0415 - as above

    async def found(app, owner):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - as `act` has it
        return await discovery_of(app).discover(await acting_as(app, owner, agent), query, budget, kinds)

    answer = act(console, found)
    if console.is_json:
        console.json(answer)
        return
    rows = [
        {**item, "says": next((str(item[name])[:100] for name in _TEXTS if item.get(name)), "")}
        for item in answer.items
    ]
    console.listing("items", rows, ("kind", "id", "says"))
    if answer.left_out:
        console.note(f"{answer.left_out} more do not fit the budget of {budget} tokens.")
    if answer.note:
        console.note(answer.note)
