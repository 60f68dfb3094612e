"""`muelle policies`: how calls are made, and how their upstreams stand."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import api_ids
from muelle.cli.console import Console, plain

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.egress.policy_shapes import PolicyShape
    from muelle.identity import Principal

_BREAKERS = ("upstream", "kind", "state", "calls", "errors", "slow", "held_back", "opened", "retry_after")
_SERVER = click.option("--server", metavar="URL", help="The server to ask; else the one that the settings say.")


@click.group(cls=MuelleGroup)
def policies() -> None:
    """Show how calls are limited, kept, repeated and held back."""


@policies.command()
@click.argument("api", required=False, metavar="[API]", shell_complete=api_ids)
@click.option("--operation", default="", metavar="TYPE", help="As operations of this type call, such as ApiCall.")
@click.pass_obj
def show(console: Console, api: str | None, operation: str) -> None:
    """Show the policy of an API, or of hosts that none describes: what a call passes, in order, and each rule."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    shape = act(console, lambda app, owner: _shown(app, owner, api, operation))
    if console.is_json:
        console.item(shape)
        return
    fields: dict[str, Any] = plain(shape)
    order = " > ".join(fields.pop("order"))
    rules: dict[str, Any] = {}
    for name, value in fields.items():
        rules |= {f"{name}.{part}": each for part, each in value.items()} if isinstance(value, dict) else {name: value}
    console.item({"order": order, **{name: value for name, value in rules.items() if value is not None}})


async def _shown(app: "App", owner: "Principal", api: str | None, operation: str) -> "PolicyShape":
    from muelle.egress import ApiId  # noqa: PLC0415 - loaded by now
    from muelle.egress.policy_shapes import policy_shape  # noqa: PLC0415 - as above

    policy = await app.egress.policies.show(owner, None if api is None else ApiId(api), operation)
    return policy_shape(policy, api, operation)


@policies.command()
@_SERVER
@click.pass_obj
def breakers(console: Console, server: str | None) -> None:
    """List the breakers of the running server: which upstreams it leaves alone, and why."""
    from muelle.cli.asking import asked  # noqa: PLC0415 - loads all of Muelle

    console.listing("breakers", asked(console, "GET", "/api/v1/breakers", server)["breakers"], _BREAKERS)


@policies.command()
@click.argument("api", metavar="API", shell_complete=api_ids)
@_SERVER
@click.pass_obj
def reset(console: Console, api: str, server: str | None) -> None:
    """Close the breaker of an API in the running server: it is called again at once."""
    from muelle.cli.asking import asked  # noqa: PLC0415 - loads all of Muelle

    asked(console, "DELETE", f"/api/v1/breakers/{quote(api, safe='')}", server)
    if console.is_json:
        console.json({"api": api, "reset": True})
    else:
        console.note(f"Closed the breaker of '{api}'.")
