"""`muelle roles`: named sets of what agents and users may do, and who has which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal

_COLUMNS = ("name", "description", "built_in")
_RULE = "What it allows: SCOPE PATTERN, in which '*' stands for anything. Give it several times."


@click.group(cls=MuelleGroup)
def roles() -> None:
    """Add, show, change and remove roles, and give them to agents and users."""


@roles.command()
@click.argument("role")
@click.option("--rule", "rules", nargs=2, multiple=True, required=True, metavar="SCOPE PATTERN", help=_RULE)
@click.option("--description", default="", help="What it is for.")
@click.pass_obj
def add(console: Console, role: str, rules: Sequence[tuple[str, str]], description: str) -> None:
    """Add a role; nobody has it yet."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.roles.shapes import role_shape  # noqa: PLC0415 - as above

    added = act(console, lambda app, owner: app.identity.roles.add(owner, role, rules, description))
    console.item(role_shape(added))


@roles.command("list")
@paged
@click.pass_obj
def list_roles(console: Console, limit: int, cursor: str | None) -> None:
    """List roles: those that are built in, then your own."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.roles.model import BUILT_IN  # noqa: PLC0415 - as above
    from muelle.identity.roles.shapes import RoleShape, role_shape  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> tuple[list[RoleShape], str | None]:
        built_in = () if cursor else [await app.identity.roles.show(owner, name) for name in BUILT_IN]
        page = await app.identity.roles.list(owner, limit, cursor)
        return list(map(role_shape, (*built_in, *page.items))), page.next

    found, following = act(console, action)
    console.listing("roles", found, _COLUMNS, following)


@roles.command()
@click.argument("role")
@click.pass_obj
def show(console: Console, role: str) -> None:
    """Show a role and its rules."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.roles.shapes import role_shape  # noqa: PLC0415 - as above

    console.item(role_shape(act(console, lambda app, owner: app.identity.roles.show(owner, role))))


@roles.command()
@click.argument("role")
@click.option("--rule", "rules", nargs=2, multiple=True, metavar="SCOPE PATTERN", help="These replace all others.")
@click.option("--description", help="What it is for.")
@click.pass_obj
def update(console: Console, role: str, rules: Sequence[tuple[str, str]], description: str | None) -> None:
    """Change what is given, for all who have the role."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.roles.shapes import role_shape  # noqa: PLC0415 - as above

    changed = act(
        console,
        lambda app, owner: app.identity.roles.update(owner, role, rules=rules or None, description=description),
    )
    console.item(role_shape(changed))


@roles.command()
@click.argument("role")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(console: Console, role: str, *, yes: bool) -> None:
    """Remove a role, also from all who have it."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Remove the role '{role}' from all who have it?", is_sure=yes)
    act(console, lambda app, owner: app.identity.roles.remove(owner, role))
    _said(console, {"role": role, "removed": True}, f"Removed the role '{role}'.")


@roles.command()
@click.argument("agent", shell_complete=agent_names)
@click.argument("role")
@click.pass_obj
def give(console: Console, agent: str, role: str) -> None:
    """Let AGENT, or a user, do all that ROLE allows."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    act(console, lambda app, owner: app.identity.roles.give(owner, agent, role))
    _said(console, {"agent": agent, "role": role, "given": True}, f"'{agent}' has the role '{role}'.")


@roles.command()
@click.argument("agent", shell_complete=agent_names)
@click.argument("role")
@click.pass_obj
def take(console: Console, agent: str, role: str) -> None:
    """Take ROLE from AGENT, or a user."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    act(console, lambda app, owner: app.identity.roles.take(owner, agent, role))
    _said(console, {"agent": agent, "role": role, "taken": True}, f"'{agent}' has the role '{role}' no more.")


@roles.command()
@paged
@click.pass_obj
def members(console: Console, limit: int, cursor: str | None) -> None:
    """List who has which role."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.roles.shapes import membership_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.identity.roles.members(owner, limit, cursor))
    console.listing("members", map(membership_shape, page.items), ("agent_id", "role"), page.next)


def _said(console: Console, told: dict[str, object], sentence: str) -> None:
    if console.is_json:
        console.json(told)
    else:
        console.note(sentence)
