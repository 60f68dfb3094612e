"""`muelle domains`: the domains that are yours, shown by a DNS record."""

from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.identity.domains.model import Domain

_COLUMNS = ("domain", "verified_at", "record", "value")


@click.group(cls=MuelleGroup)
def domains() -> None:
    """Add, verify, list and remove domains of your tenant; one counts once its TXT record was seen."""


@domains.command()
@click.argument("domain")
@click.pass_obj
def add(console: Console, domain: str) -> None:
    """Add a domain, and print the TXT record that shows that it is yours."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    added = act(console, lambda app, owner: app.identity.domains.add(owner, domain))
    _shown(console, added)
    if not console.is_json:
        console.note(f"Have the TXT record {added.record} say that value, then: muelle domains verify {added.id}")


@domains.command("list")
@paged
@click.pass_obj
def list_domains(console: Console, limit: int, cursor: str | None) -> None:
    """List domains by name."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.domains.shapes import domain_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.identity.domains.list(owner, limit, cursor))
    console.listing("domains", map(domain_shape, page.items), _COLUMNS, page.next)


@domains.command()
@click.argument("domain")
@click.pass_obj
def verify(console: Console, domain: str) -> None:
    """Look for the record of a domain; from then on the domain counts."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    _shown(console, act(console, lambda app, owner: app.identity.domains.verify(owner, domain)))


@domains.command()
@click.argument("domain")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(console: Console, domain: str, *, yes: bool) -> None:
    """Remove a domain, which counts no more."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Remove the domain '{domain}'?", is_sure=yes)
    act(console, lambda app, owner: app.identity.domains.remove(owner, domain))
    if console.is_json:
        console.json({"domain": domain, "removed": True})
    else:
        console.note(f"Removed the domain '{domain}'.")


def _shown(console: Console, domain: "Domain") -> None:
    from muelle.identity.domains.shapes import domain_shape  # noqa: PLC0415 - loaded by now

    console.item(domain_shape(domain))
