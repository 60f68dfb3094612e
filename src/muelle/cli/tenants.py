"""`muelle tenants`: the boundary of data and limits."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console, plain
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal, Tenant

_COLUMNS = ("id", "name", "limits", "addresses", "created_at")
_OWN = "default"


@click.group(cls=MuelleGroup)
def tenants() -> None:
    """Add, show and change tenants: their limits, and the private networks that their calls may reach."""


@tenants.command()
@click.argument("tenant")
@click.option("--name", default="", help="What it is called; else its id.")
@click.pass_obj
def add(console: Console, tenant: str, name: str) -> None:
    """Add a tenant, and print the key of its owner, which is shown only now."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import tenant_shape  # noqa: PLC0415 - as above

    added = act(console, lambda app, owner: app.identity.tenants.add(owner, tenant, name=name))
    secret = added.key.text.reveal()
    if console.is_json:
        console.json(plain(tenant_shape(added.tenant, secret)))
        return
    console.note(f"Added the tenant '{tenant}'. The key of its owner, shown only now:")
    click.echo(secret)


@tenants.command("list")
@paged
@click.pass_obj
def list_tenants(console: Console, limit: int, cursor: str | None) -> None:
    """List tenants by id."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import tenant_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.identity.tenants.list(owner, limit, cursor))
    console.listing("tenants", map(tenant_shape, page.items), _COLUMNS, page.next)


@tenants.command()
@click.argument("tenant", default=_OWN)
@click.pass_obj
def show(console: Console, tenant: str) -> None:
    """Show a tenant, your own if none is named."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import tenant_shape  # noqa: PLC0415 - as above

    console.item(tenant_shape(act(console, lambda app, owner: app.identity.tenants.show(owner, tenant))))


@tenants.command()
@click.argument("tenant", default=_OWN)
@click.option("--name", help="What it is called.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="Set a limit of all its runs.")
@click.option("--unlimit", "unlimited", multiple=True, metavar="NAME", help="Take a limit away: the settings' holds.")
@click.option("--allow-address", "allowed", multiple=True, metavar="CIDR", help="Let calls reach a private network.")
@click.option("--deny-address", "denied", multiple=True, metavar="CIDR", help="Let calls reach it no more.")
@click.pass_obj
def update(console: Console, /, tenant: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Change what is given, and leave the rest."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import tenant_shape  # noqa: PLC0415 - as above

    console.item(tenant_shape(act(console, lambda app, owner: _updated(app, owner, tenant, given))))


async def _updated(app: "App", owner: "Principal", tenant: str, given: dict[str, Any]) -> "Tenant":
    from muelle.cli.arguments import merged_limits  # noqa: PLC0415 - loaded by now

    present = await app.identity.tenants.show(owner, tenant)
    return await app.identity.tenants.update(
        owner,
        tenant,
        name=given["name"],
        limits=merged_limits(present.limits, given["limits"], given["unlimited"]),
        addresses=_addresses(present.addresses, given["allowed"], given["denied"]),
    )


def _addresses(present: tuple[str, ...], allowed: tuple[str, ...], denied: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the networks as they are to be, None if they stay; raise InvalidArgument for one that is not there."""
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loaded by now

    for network in denied:
        if network not in present:
            raise InvalidArgument(
                f"'{network[:100]}' is not allowed as it is.", option="--deny-address", present=present
            )
    if not allowed and not denied:
        return None
    return (*(network for network in present if network not in denied), *allowed)
