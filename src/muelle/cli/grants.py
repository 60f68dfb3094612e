"""`muelle grants`: what agents may do."""

from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names, scope_names
from muelle.cli.console import Console, plain
from muelle.cli.listing import every, paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Grant, Principal

_COLUMNS = ("id", "scope", "pattern", "created_at")


@click.group(cls=MuelleGroup)
def grants() -> None:
    """Add, list, explain and revoke what agents may do; nothing is allowed that no grant allows."""


@grants.command()
@click.argument("agent", shell_complete=agent_names)
@click.argument("scope", shell_complete=scope_names)
@click.argument("pattern")
@click.pass_obj
def add(console: Console, agent: str, scope: str, pattern: str) -> None:
    """Let AGENT do SCOPE on all that PATTERN covers, in which '*' stands for anything."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import grant_shape  # noqa: PLC0415 - as above

    grant = act(console, lambda app, owner: app.identity.grants.add(owner, agent, scope, pattern))
    console.item({**plain(grant_shape(grant)), "agent": agent})


@grants.command("list")
@click.argument("agent", shell_complete=agent_names)
@paged
@click.pass_obj
def list_grants(console: Console, agent: str, limit: int, cursor: str | None) -> None:
    """List what AGENT may do, the oldest grant first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import grant_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.identity.grants.list(owner, agent, limit, cursor))
    console.listing("grants", map(grant_shape, page.items), _COLUMNS, page.next)


@grants.command()
@click.argument("agent", shell_complete=agent_names)
@click.argument("grant", nargs=-1, required=True, metavar="GRANT | SCOPE PATTERN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(console: Console, agent: str, grant: tuple[str, ...], *, yes: bool) -> None:
    """Take a grant of AGENT away, named by its id or by scope and pattern."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Revoke the grant {' '.join(grant)} of '{agent}'?", is_sure=yes)
    revoked = act(console, lambda app, owner: _revoked(app, owner, agent, grant))
    if console.is_json:
        console.json({"agent": agent, "grant_id": revoked, "revoked": True})
    else:
        console.note(f"Revoked the grant {' '.join(grant)} of '{agent}'.")


async def _revoked(app: "App", owner: "Principal", agent: str, named: tuple[str, ...]) -> str:
    grant = await _found(app, owner, agent, named)
    await app.identity.grants.revoke(owner, agent, grant)
    return grant


async def _found(app: "App", owner: "Principal", agent: str, named: tuple[str, ...]) -> str:
    """Return the id of a grant that is named by id, or by scope and pattern."""
    from muelle.identity import Rule  # noqa: PLC0415 - loaded by now
    from muelle.identity.errors import GrantNotFound  # noqa: PLC0415 - as above

    if len(named) == 1:
        return named[0]
    present = every(lambda limit, cursor: app.identity.grants.list(owner, agent, limit, cursor))
    matching: list[Grant] = [grant async for grant in present if (grant.rule.scope, grant.rule.pattern) == named]
    if not matching:
        raise GrantNotFound(agent=agent, grant=str(Rule(named[0], " ".join(named[1:])))[:100])
    return matching[0].id


@grants.command()
@click.argument("agent", shell_complete=agent_names)
@click.argument("scope", shell_complete=scope_names)
@click.argument("resource")
@click.pass_obj
def explain(console: Console, agent: str, scope: str, resource: str) -> int:
    """Tell whether AGENT may do SCOPE on RESOURCE, and which grant decides; ends with 3 if it may not."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import explanation_shape  # noqa: PLC0415 - as above

    told = act(console, lambda app, owner: app.identity.grants.explain(owner, agent, scope, resource))
    console.item(explanation_shape(told))
    if not told.allowed and not console.is_json:
        console.note(f"This would allow it: muelle grants add {agent} {scope} '{resource}'")
    return 0 if told.allowed else 3


@grants.command()
@click.pass_obj
def scopes(console: Console) -> None:
    """List the scopes that there are."""
    from muelle.identity import SCOPES  # noqa: PLC0415 - loads identity

    rows = [{"scope": scope, "meaning": meaning} for scope, meaning in SCOPES.items()]
    console.listing("scopes", rows, ("scope", "meaning"))


@grants.command()
@click.pass_obj
def presets(console: Console) -> None:
    """List the presets that an agent can begin with, and their grants."""
    from muelle.identity import PRESETS  # noqa: PLC0415 - loads identity

    rows = [
        {"preset": name, "scope": rule.scope, "pattern": rule.pattern}
        for name, rules in PRESETS.items()
        for rule in rules
    ]
    console.listing("presets", rows, ("preset", "scope", "pattern"))
