"""`muelle discover`: what there is for a task."""

from typing import TYPE_CHECKING, NamedTuple

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.completing import agent_names
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal
    from muelle.memory.discovery import Discovered

_KINDS = ("operation", "api", "endpoint", "credential", "query", "workflow", "knowledge")
_TEXTS = ("summary", "description", "title", "path", "text", "type")


class Wish(NamedTuple):
    """What is to be found."""

    query: str
    budget: int
    kinds: tuple[str, ...]


@click.command(cls=MuelleCommand)
@click.argument("query", required=False, default="", metavar="[QUERY]")
@click.option("--budget", type=int, default=3000, show_default=True, help="How many tokens it may be worth in JSON.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only of this kind; may be repeated.")
@click.option("--as", "agent", metavar="AGENT", shell_complete=agent_names, help="What this agent would find.")
@click.pass_obj
def discover(console: Console, query: str, budget: int, kinds: tuple[str, ...], agent: str | None) -> None:
    """Find operations, APIs, credentials, queries, workflows and knowledge for what QUERY says, best first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    answer = act(console, lambda app, owner: _found(app, owner, agent, Wish(query, budget, kinds)))
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


async def _found(app: "App", owner: "Principal", agent: str | None, wish: Wish) -> "Discovered":
    from muelle.cli.session import acting_as  # noqa: PLC0415 - loaded by now
    from muelle.rooms import discovery_of  # noqa: PLC0415 - as above

    who = await acting_as(app, owner, agent)
    return await discovery_of(app).discover(who, wish.query, wish.budget, wish.kinds)
