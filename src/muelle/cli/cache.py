"""`muelle cache`: answers that are kept and given again."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import api_ids
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.egress.policies import Clearing
    from muelle.identity import Principal

_SERVER = click.option("--server", metavar="URL", help="The server to ask; else the one that the settings say.")


@click.group(cls=MuelleGroup)
def cache() -> None:
    """Show how often kept answers are given again, and throw them away."""


@cache.command()
@_SERVER
@click.pass_obj
def show(console: Console, server: str | None) -> None:
    """Show hits, misses, evictions and bytes of the running server's cache."""
    from muelle.cli.asking import asked  # noqa: PLC0415 - loads all of Muelle

    told = asked(console, "GET", "/api/v1/cache", server)
    if not console.is_json:
        told |= told.pop("fill") or {}
    console.item(told)


@cache.command()
@click.option("--api", metavar="ID", shell_complete=api_ids, help="Only answers of this API.")
@click.option("--tag", metavar="NAME", help="Only answers with this tag, which calls give them.")
@click.option("--url", metavar="URL", help="Only answers of this URL, whatever its query.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_SERVER
@click.pass_obj
def clear(console: Console, /, *, yes: bool, server: str | None, **which: str | None) -> None:
    """Throw kept answers away; all of the tenant's if nothing is named."""
    from muelle.cli.session import configured  # noqa: PLC0415 - loads all of Muelle

    given = {name: value for name, value in which.items() if value is not None}
    if not given:
        console.confirm("Throw all kept answers away?", is_sure=yes)
    kind = configured(console).settings.egress.store.kind
    is_elsewhere = kind == "memory" or server is not None
    dropped = _cleared_there(console, given, server) if is_elsewhere else _cleared_here(console, given)
    if console.is_json:
        console.json({"dropped": dropped})
    else:
        console.note(f"Threw {dropped} kept answers away.")


def _cleared_there(console: Console, given: dict[str, str], server: str | None) -> int:
    from muelle.cli.asking import asked  # noqa: PLC0415 - loads all of Muelle

    told: dict[str, Any] = asked(console, "DELETE", f"/api/v1/cache?{urlencode(given)}", server)
    return int(told["dropped"])


def _cleared_here(console: Console, given: dict[str, str]) -> int:
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.policies import Clearing  # noqa: PLC0415 - as above

    tag = given.get("tag")
    clearing = Clearing(api=given.get("api"), tags=() if tag is None else (tag,), url=given.get("url"))
    return act(console, lambda app, owner: _clear(app, owner, clearing))


async def _clear(app: "App", owner: "Principal", clearing: "Clearing") -> int:
    return await app.egress.policies.clear(owner, clearing)
