"""`muelle agents`: who may act here."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console, plain
from muelle.cli.listing import every, paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Agent, IssuedKey, Principal, Rule

_COLUMNS = ("name", "kind", "description", "disabled", "created_at")


@click.group(cls=MuelleGroup)
def agents() -> None:
    """Add, show and change agents: programs that act, each with its own keys and grants."""


@agents.command()
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@click.option("--kind", type=click.Choice(("agent", "user", "service")), default="agent", help="What it is.")
@click.option("--preset", metavar="NAME", help="Grants to begin with: runner, reader, approver or operator.")
@click.option("--grant", "grants", multiple=True, metavar="SCOPE=PATTERN", help="A further grant; '*' is a wildcard.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="A limit of its runs, such as run_seconds=60.")
@click.option("--no-key", is_flag=True, help="Do not issue a first key.")
@click.pass_obj
def add(console: Console, /, name: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Add an agent, and print its first key, which is shown only now."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import agent_shape  # noqa: PLC0415 - as above

    agent, issued = act(console, lambda app, owner: _added(app, owner, name, given))
    if console.is_json:
        secret = {"key": issued.text.reveal(), "key_id": issued.key.id} if issued else {}
        console.json({**plain(agent_shape(agent)), **secret})
        return
    console.note(f"Added the {agent.kind} '{agent.name}'.")
    if issued is not None:
        console.note("Its key, shown only now:")
        click.echo(issued.text.reveal())


async def _added(app: "App", owner: "Principal", name: str, given: dict[str, Any]) -> "tuple[Agent, IssuedKey | None]":
    from muelle.cli.arguments import read_limits  # noqa: PLC0415 - loaded by now
    from muelle.identity import AgentDraft  # noqa: PLC0415 - as above

    rules = _rules(given["grants"], given["preset"])
    agent = await app.identity.agents.add(
        owner,
        AgentDraft(
            name,
            description=given["description"],
            kind=given["kind"],
            limits=read_limits(given["limits"]),
            preset=given["preset"],
        ),
    )
    for rule in rules:
        await app.identity.grants.add(owner, name, rule.scope, rule.pattern)
    return agent, None if given["no_key"] else await app.identity.keys.issue(owner, name)


def _rules(grants: tuple[str, ...], preset: str | None) -> "list[Rule]":
    """Return what is to be granted beyond the preset; raise what is wrong before there is an agent."""
    from muelle.cli.arguments import pair  # noqa: PLC0415 - loaded by now
    from muelle.identity.checks import checked_rule  # noqa: PLC0415 - as above
    from muelle.identity.presets import preset_rules  # noqa: PLC0415 - as above

    wanted = dict.fromkeys(checked_rule(*pair(text, "--grant")) for text in grants)
    return [rule for rule in wanted if rule not in preset_rules(preset)]


@agents.command("list")
@paged
@click.pass_obj
def list_agents(console: Console, limit: int, cursor: str | None) -> None:
    """List agents, the oldest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import agent_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.identity.agents.list(owner, limit, cursor))
    console.listing("agents", map(agent_shape, page.items), _COLUMNS, page.next)


@agents.command()
@click.argument("name", shell_complete=agent_names)
@click.pass_obj
def show(console: Console, name: str) -> None:
    """Show an agent with its grants and keys."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    view = act(console, lambda app, owner: _shown(app, owner, name))
    if not console.is_json:
        view["grants"] = [f"{grant['scope']}={grant['pattern']}" for grant in view["grants"]]
        view["keys"] = [key["id"] for key in view["keys"] if not key["revoked_at"]]
    console.item(view)


async def _shown(app: "App", owner: "Principal", name: str) -> dict[str, Any]:
    from muelle.identity.shapes import agent_shape, grant_shape, key_shape  # noqa: PLC0415 - loaded by now

    agent = await app.identity.agents.show(owner, name)
    grants = every(lambda limit, cursor: app.identity.grants.list(owner, name, limit, cursor))
    keys = every(lambda limit, cursor: app.identity.keys.list(owner, name, limit, cursor))
    return {
        **plain(agent_shape(agent)),
        "grants": [plain(grant_shape(grant)) async for grant in grants],
        "keys": [plain(key_shape(key)) async for key in keys],
    }


@agents.command()
@click.argument("name", shell_complete=agent_names)
@click.option("--description", help="What it is for.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="Set a limit of its runs.")
@click.option("--unlimit", "unlimited", multiple=True, metavar="NAME", help="Take a limit away: the tenant's holds.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether its keys open anything.")
@click.pass_obj
def update(console: Console, /, name: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Change what is given, and leave the rest."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import agent_shape  # noqa: PLC0415 - as above

    console.item(agent_shape(act(console, lambda app, owner: _updated(app, owner, name, given))))


async def _updated(app: "App", owner: "Principal", name: str, given: dict[str, Any]) -> "Agent":
    from muelle.cli.arguments import merged_limits  # noqa: PLC0415 - loaded by now

    agent = await app.identity.agents.show(owner, name)
    limits = merged_limits(agent.limits, given["limits"], given["unlimited"])
    agent = await app.identity.agents.update(owner, name, description=given["description"], limits=limits)
    if given["enabled"] is None:
        return agent
    turn = app.identity.agents.enable if given["enabled"] else app.identity.agents.disable
    return await turn(owner, name)


@agents.command()
@click.argument("name", shell_complete=agent_names)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(console: Console, name: str, *, yes: bool) -> None:
    """Disable an agent and revoke all its keys."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Disable '{name}' and revoke all its keys?", is_sure=yes)
    revoked = act(console, lambda app, owner: _revoked(app, owner, name))
    if console.is_json:
        console.json({"agent": name, "disabled": True, "revoked_keys": revoked})
    else:
        console.note(f"Disabled '{name}' and revoked {len(revoked)} of its keys.")


async def _revoked(app: "App", owner: "Principal", name: str) -> list[str]:
    await app.identity.agents.disable(owner, name)
    keys = every(lambda limit, cursor: app.identity.keys.list(owner, name, limit, cursor))
    open_keys = [key.id async for key in keys if key.revoked is None]
    for key in open_keys:
        await app.identity.keys.revoke(owner, name, key)
    return list(open_keys)
