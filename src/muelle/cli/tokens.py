"""`muelle tokens`: the keys that sign access tokens."""

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console

_COLUMNS = ("id", "algorithm", "created_at", "signs_from", "verifies_until")


@click.group(cls=MuelleGroup)
def tokens() -> None:
    """See and rotate the keys that sign the access tokens of users."""


@tokens.command()
@click.pass_obj
def keys(console: Console) -> None:
    """List the keys that sign or verify, now or later; their private halves are shown nowhere."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.tokens.shapes import token_key_shape  # noqa: PLC0415 - as above

    found = act(console, lambda app, _: app.people.tokens.ring.listed())
    console.listing("keys", map(token_key_shape, found), _COLUMNS)


@tokens.command("rotate-keys")
@click.option("--now", "is_urgent", is_flag=True, help="Sign with it at once, and take no token of the old keys.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def rotate_keys(console: Console, *, is_urgent: bool, yes: bool) -> None:
    """Make a new key: it signs once everybody can know it, and the old ones verify until their last token ends."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.tokens.shapes import token_key_shape  # noqa: PLC0415 - as above

    if is_urgent:
        console.confirm("Take no access token any more that was issued until now?", is_sure=yes)
    made = act(console, lambda app, _: app.people.tokens.ring.rotate(is_urgent=is_urgent))
    console.item(token_key_shape(made))
