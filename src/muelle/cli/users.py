"""`muelle users`: people who sign in."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console, plain
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal
    from muelle.identity.users.administration import UserDraft

_COLUMNS = ("name", "email", "disabled", "verified_at", "second_factor_at", "created_at")
_SESSIONS = ("id", "method", "address", "client", "created_at", "used_at", "expires_at")
_PRESET = "Grants to begin with: runner, reader, approver or operator."


@click.group(cls=MuelleGroup)
def users() -> None:
    """Add, invite, show and disable users: people who sign in with a password."""


@users.command()
@click.argument("name")
@click.option("--email", required=True, help="The address that they sign in with.")
@click.option("--description", default="", help="Who it is.")
@click.option("--preset", metavar="NAME", help=_PRESET)
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input, without its line break.")
@click.option("--unverified", is_flag=True, help="Let them confirm the address before they sign in.")
@click.pass_obj
def add(console: Console, /, name: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Add a user. Without a password, print a token that lets them choose one: POST /api/v1/auth/reset."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.users.administration import UserDraft  # noqa: PLC0415 - as above
    from muelle.identity.users.shapes import user_shape  # noqa: PLC0415 - as above

    password = sys.stdin.read().rstrip("\r\n") if given["password_stdin"] else None
    draft = UserDraft(
        name,
        given["email"],
        description=given["description"],
        preset=given["preset"],
        password=password,
        is_verified=not given["unverified"],
    )
    person, token = act(console, lambda app, owner: _added(app, owner, draft))
    if console.is_json:
        console.json({**plain(user_shape(person)), **({"reset_token": token} if token else {})})
        return
    console.note(f"Added the user '{name}'.")
    if token:
        console.note("A token to choose a password with, shown only now:")
        click.echo(token)


async def _added(app: "App", owner: "Principal", draft: "UserDraft") -> tuple[Any, str | None]:
    people = app.people.users.users
    person = await people.add(owner, draft)
    return person, None if draft.password is not None else await people.reset_token(owner, draft.name)


@users.command("list")
@paged
@click.pass_obj
def list_users(console: Console, limit: int, cursor: str | None) -> None:
    """List users, the oldest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.users.shapes import user_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.people.users.users.list(owner, limit, cursor))
    console.listing("users", map(user_shape, page.items), _COLUMNS, page.next)


@users.command()
@click.argument("name")
@click.pass_obj
def show(console: Console, name: str) -> None:
    """Show a user."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.users.shapes import user_shape  # noqa: PLC0415 - as above

    console.item(user_shape(act(console, lambda app, owner: app.people.users.users.show(owner, name))))


@users.command()
@click.argument("name")
@click.pass_obj
def disable(console: Console, name: str) -> None:
    """Let a user sign in no more, and end all their sessions."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.users.shapes import user_shape  # noqa: PLC0415 - as above

    console.item(user_shape(act(console, lambda app, owner: app.people.users.users.disable(owner, name))))


@users.command()
@click.argument("name")
@click.pass_obj
def enable(console: Console, name: str) -> None:
    """Let a user sign in again."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.users.shapes import user_shape  # noqa: PLC0415 - as above

    console.item(user_shape(act(console, lambda app, owner: app.people.users.users.enable(owner, name))))


@users.command()
@click.argument("email")
@click.option("--name", default="", help="The name they will have; else they choose.")
@click.option("--preset", metavar="NAME", help=_PRESET)
@click.pass_obj
def invite(console: Console, email: str, *, name: str, preset: str | None) -> None:
    """Mail somebody an invitation, where identity.users.sign_up allows it."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> None:
        await app.people.users.users.invite(owner, email, name=name, preset=preset)
        await app.people.users.post.deliver()

    act(console, action)
    if console.is_json:
        console.json({"email": email, "status": "mailed"})
    else:
        console.note(f"Mailed an invitation to {email}.")


@users.command("reset-password")
@click.argument("name")
@click.option("--second-factor", is_flag=True, help="Ask for no codes any more, too.")
@click.pass_obj
def reset_password(console: Console, name: str, *, second_factor: bool) -> None:
    """Print a token with which a user chooses a new password: POST /api/v1/auth/reset."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", owner: "Principal") -> str:
        if second_factor:
            await app.people.users.users.remove_factor(owner, name)
        return await app.people.users.users.reset_token(owner, name)

    token = act(console, action)
    if console.is_json:
        console.json({"name": name, "reset_token": token})
        return
    console.note("The token, shown only now:")
    click.echo(token)


@users.command()
@click.argument("name")
@click.option("--end", is_flag=True, help="End them all.")
@click.pass_obj
def sessions(console: Console, name: str, *, end: bool) -> None:
    """List the open sessions of a user, or end them."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.tokens.shapes import session_shape  # noqa: PLC0415 - as above

    if end:
        ended = act(console, lambda app, owner: app.people.users.users.end_sessions(owner, name))
        console.item({"name": name, "ended": ended})
        return
    found = act(console, lambda app, owner: app.people.users.users.sessions(owner, name))
    console.listing("sessions", map(session_shape, found), _SESSIONS)


@users.command()
@click.argument("name")
@click.argument("provider")
@click.argument("subject")
@click.pass_obj
def link(console: Console, name: str, provider: str, subject: str) -> None:
    """Let the account SUBJECT (its `sub`) of PROVIDER sign in as the user NAME."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.identity.federation.members import Account  # noqa: PLC0415 - as above
    from muelle.identity.federation.members import link as join  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> None:
        person = await app.people.users.users.show(owner, name)
        doors = app.people.federation
        account = Account(doors.federation.provider(provider).settings.issuer, subject)
        await join(app.identity.registry, doors.logins, owner, person.user, account)

    act(console, action)
    if console.is_json:
        console.json({"name": name, "provider": provider, "subject": subject})
    else:
        console.note(f"'{subject}' of {provider} signs in as '{name}'.")


@users.command("import")
@click.argument("file")
@click.pass_obj
def import_users(console: Console, file: str) -> None:
    """Add users from FILE, one JSON object a line: name, email, password_hash, preset, description, is_verified.

    Who is there already is left as they are, so that an import can be repeated. Hashes may be argon2, bcrypt,
    PBKDF2-SHA256 (Django's too) and scrypt; at the next sign-in the password is hashed anew.
    """
    from muelle.cli.arguments import read_bytes  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    drafts = list(_read(read_bytes(file)))
    added, present = act(console, lambda app, owner: _imported(app, owner, drafts))
    if console.is_json:
        console.json({"added": added, "present": present})
    else:
        console.note(f"Added {added} users; {present} were there already.")


def _read(text: bytes) -> "Iterator[UserDraft]":
    """Yield what to add; raise what is wrong with a line, which is named, before anybody is added."""
    from muelle.core import Body, Invalid  # noqa: PLC0415 - loaded by now
    from muelle.identity.users.administration import UserDraft  # noqa: PLC0415 - as above
    from muelle.identity.users.foreign import checked_hash  # noqa: PLC0415 - as above
    from muelle.identity.users.model import checked_email  # noqa: PLC0415 - as above
    from muelle.identity.users.shapes import NewUser  # noqa: PLC0415 - as above

    body = Body(NewUser)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = body.read(line, "")
            email = checked_email(row.email)
            _ = row.password_hash and checked_hash(row.password_hash)
        except Invalid as error:
            error.facts["line"] = number
            raise
        yield UserDraft(
            row.name,
            email,
            description=row.description,
            preset=row.preset,
            password=row.password,
            password_hash=row.password_hash,
            is_verified=row.is_verified,
        )


async def _imported(app: "App", owner: "Principal", drafts: "Sequence[UserDraft]") -> tuple[int, int]:
    from muelle.core import Conflict  # noqa: PLC0415 - loaded by now

    added = 0
    for draft in drafts:
        try:
            await app.people.users.users.add(owner, draft)
            added += 1
        except Conflict:
            continue
    return added, len(drafts) - added
