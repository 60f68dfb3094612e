"""`muelle keys`: what agents show to be let in."""

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console, plain
from muelle.cli.listing import paged

_COLUMNS = ("id", "hint", "created_at", "expires_at", "revoked_at")


@click.group(cls=MuelleGroup)
def keys() -> None:
    """Issue, list and revoke the keys of agents."""


@keys.command()
@click.argument("agent", shell_complete=agent_names)
@click.option("--expires", metavar="TIME", help="When it ends: in 30d, 12h, or a time in ISO 8601; else never.")
@click.option(
    "--only", multiple=True, metavar="SCOPE=PATTERN", help="What it is confined to; else all that the agent may do."
)
@click.pass_obj
def add(console: Console, agent: str, expires: str | None, only: tuple[str, ...]) -> None:
    """Issue a key for AGENT and print it; it is shown only now."""
    from muelle.cli.arguments import pair  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.moments import ahead  # noqa: PLC0415 - as above
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.identity import Rule  # noqa: PLC0415 - as above
    from muelle.identity.shapes import issued_shape  # noqa: PLC0415 - as above

    rules = [Rule(*pair(text, "--only")) for text in only]
    issued = act(
        console,
        lambda app, owner: app.identity.keys.issue(
            owner, agent, expires=ahead(expires, app.clock.now()), rules=rules or None
        ),
    )
    if console.is_json:
        console.json({**plain(issued_shape(issued)), "agent": agent})
        return
    console.note(f"A key of '{agent}' ({issued.key.id}), shown only now:")
    click.echo(issued.text.reveal())


@keys.command("list")
@click.argument("agent", shell_complete=agent_names)
@paged
@click.pass_obj
def list_keys(console: Console, agent: str, limit: int, cursor: str | None) -> None:
    """List the keys of AGENT, the oldest first; only their last characters are known."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.shapes import key_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.identity.keys.list(owner, agent, limit, cursor))
    console.listing("keys", map(key_shape, page.items), _COLUMNS, page.next)


@keys.command()
@click.argument("agent", shell_complete=agent_names)
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(console: Console, agent: str, key: str, *, yes: bool) -> None:
    """Let a key of AGENT open nothing any more; KEY is its id."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Revoke the key {key} of '{agent}'?", is_sure=yes)
    act(console, lambda app, owner: app.identity.keys.revoke(owner, agent, key))
    if console.is_json:
        console.json({"agent": agent, "key_id": key, "revoked": True})
    else:
        console.note(f"Revoked the key {key} of '{agent}'.")


@keys.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def recover(console: Console, *, yes: bool) -> None:
    """Make a new key for the owner, for whoever lost it; all former keys of the owner are revoked."""
    from muelle.cli.home import keep_admin_key  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    console.confirm("Revoke all keys of the owner and make a new one?", is_sure=yes)
    secret = act(console, lambda app, _: app.identity.owner.replace_key())
    path = keep_admin_key(console.home, secret.reveal(), replace=True)
    if console.is_json:
        console.json({"admin_key_file": str(path)})
        return
    console.note(f"The owner's new key is in {path}; all former ones are revoked.")
    if console.is_terminal:
        click.echo(f"The owner's key, shown this once: {secret.reveal()}")
