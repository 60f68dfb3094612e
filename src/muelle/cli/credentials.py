"""`muelle credentials`: the secrets that calls out are made with. A secret is never an argument, and never shown."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import api_ids, credential_ids
from muelle.cli.console import Console
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from datetime import datetime

    from muelle.app import App
    from muelle.core import Secret
    from muelle.egress import Credential, CredentialDraft, Rekeyed
    from muelle.egress.shapes import CredentialShape
    from muelle.identity import Principal

_COLUMNS = ("id", "type", "status", "apis", "hosts", "expires_at", "last_used_at", "description")


@click.group(cls=MuelleGroup)
def credentials() -> None:
    """Keep, show, replace and remove credentials; agents name them and never see them."""


def _described(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    options = (
        click.option(
            "--type",
            "kind",
            metavar="NAME",
            help="bearer-token, basic, api-key, oauth2-…, aws-sigv4, hmac, or your own.",
        ),
        click.option("--description", help="What it is for; agents read it."),
        click.option(
            "--for-api", "apis", multiple=True, metavar="ID", shell_complete=api_ids, help="An API it is sent to."
        ),
        click.option("--for-host", "hosts", multiple=True, metavar="HOST", help="A host it is sent to."),
        click.option("--metadata", multiple=True, metavar="K=V", help="What agents may know; never a secret."),
        click.option("--option", "options", multiple=True, metavar="K=V", help="What its type needs; never a secret."),
        click.option("--expires", metavar="TIME", help="When its secret ends: in 90d, a time in ISO 8601, or 'never'."),
        click.option("--from-env", metavar="VARIABLE", help="Take the secret from this environment variable."),
        click.option("--from-file", metavar="FILE", help="Take it from this file; '-' is standard input."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@credentials.command()
@click.argument("credential", metavar="ID")
@_described
@click.option("--elsewhere", is_flag=True, help="Its secret is in another of the server's sources.")
@click.pass_obj
def add(console: Console, /, credential: str, *, elsewhere: bool, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Keep a credential. Its secret comes from a variable, a file or a prompt that shows nothing."""
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    secret = _secret(given)
    if elsewhere and secret:
        raise InvalidArgument("Give either a secret or --elsewhere.", option="--elsewhere")
    if not elsewhere:
        secret = secret or _prompted()
    console.item(act(console, lambda app, owner: _added(app, owner, credential, given, secret)))


async def _added(
    app: "App", owner: "Principal", credential: str, given: dict[str, Any], secret: "Secret | None"
) -> "CredentialShape":
    from muelle.egress import CredentialDraft, CredentialId  # noqa: PLC0415 - loaded by now

    draft = _changed(CredentialDraft(id=CredentialId(credential)), given, app.clock.now())
    return await _shaped(app, await app.egress.credentials.add(owner, draft, secret))


async def _shaped(app: "App", credential: "Credential") -> "CredentialShape":
    from muelle.egress.shapes import credential_shape  # noqa: PLC0415 - loaded by now

    (standing,) = await app.egress.credentials.standings([credential])
    return credential_shape(standing)


@credentials.command("list")
@paged
@click.pass_obj
def list_credentials(console: Console, limit: int, cursor: str | None) -> None:
    """List credentials by id, without their secrets."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    items, following = act(console, lambda app, owner: _listed(app, owner, limit, cursor))
    console.listing("credentials", items, _COLUMNS, following)


async def _listed(
    app: "App", owner: "Principal", limit: int, cursor: str | None
) -> "tuple[list[CredentialShape], str | None]":
    from muelle.egress.shapes import credential_shape  # noqa: PLC0415 - loaded by now

    page = await app.egress.credentials.list(owner, limit, cursor)
    return [credential_shape(each) for each in await app.egress.credentials.standings(page.items)], page.next


@credentials.command()
@click.argument("credential", metavar="ID", shell_complete=credential_ids)
@click.pass_obj
def show(console: Console, credential: str) -> None:
    """Show a credential without its secret, and how a document uses it."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.item(act(console, lambda app, owner: _shown(app, owner, credential)))


async def _shown(app: "App", owner: "Principal", credential: str) -> "CredentialShape":
    from muelle.egress import CredentialId  # noqa: PLC0415 - loaded by now

    return await _shaped(app, await app.egress.credentials.show(owner, CredentialId(credential)))


@credentials.command()
@click.argument("credential", metavar="ID", shell_complete=credential_ids)
@click.option("--prompt", "asks", is_flag=True, help="Ask for a new secret, showing nothing.")
@_described
@click.pass_obj
def update(console: Console, /, credential: str, *, asks: bool, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Change what is given, and leave the rest; the secret stays unless a new one is given."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    secret = _secret(given) or (_prompted() if asks else None)
    console.item(act(console, lambda app, owner: _updated(app, owner, credential, given, secret)))


async def _updated(
    app: "App", owner: "Principal", credential: str, given: dict[str, Any], secret: "Secret | None"
) -> "CredentialShape":
    from muelle.egress import CredentialId  # noqa: PLC0415 - loaded by now

    present = await app.egress.credentials.show(owner, CredentialId(credential))
    draft = _changed(present, given, app.clock.now())
    return await _shaped(app, await app.egress.credentials.update(owner, draft, secret))


@credentials.command()
@click.argument("credential", metavar="ID", shell_complete=credential_ids)
@click.option("--grace", metavar="SPAN", help="How long the secret before may do where the new one is refused: 1h.")
@click.option("--expires", metavar="TIME", help="When the new secret ends: in 90d, or a time in ISO 8601; else never.")
@click.option("--from-env", metavar="VARIABLE", help="Take the secret from this environment variable.")
@click.option("--from-file", metavar="FILE", help="Take it from this file; '-' is standard input.")
@click.pass_obj
def rotate(console: Console, /, credential: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Put a new secret in the place of the present one; it comes from a variable, a file or a prompt."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    secret = _secret(given) or _prompted()
    console.item(act(console, lambda app, owner: _rotated(app, owner, credential, given, secret)))


async def _rotated(
    app: "App", owner: "Principal", credential: str, given: dict[str, Any], secret: "Secret"
) -> "CredentialShape":
    from muelle.cli.moments import ahead  # noqa: PLC0415 - loaded by now
    from muelle.egress import CredentialId  # noqa: PLC0415 - as above

    now = app.clock.now()
    grace = (ahead(given["grace"], now) or now) - now
    expires = ahead(given["expires"], now)
    rotated = await app.egress.credentials.rotate(owner, CredentialId(credential), secret, grace, expires)
    return await _shaped(app, rotated)


@credentials.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def rekey(console: Console, *, yes: bool) -> None:
    """Change the vault's master key while Muelle runs. What was interrupted goes on where it stopped.

    On several machines, put the file 'vault.key.next' beside each key file first; see the guide.
    """
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm("Change the master key of all secrets?", is_sure=yes)
    done = act(console, _rekeyed)
    if console.is_json:
        console.json({"data_keys": done.data_keys, "secrets": done.secrets, "resumed": done.was_resumed})
    else:
        console.note(f"The master key was changed: {done.data_keys} data keys, {done.secrets} secrets of old format.")


async def _rekeyed(app: "App", owner: "Principal") -> "Rekeyed":
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loaded by now
    from muelle.egress import EnvelopeVault  # noqa: PLC0415 - as above
    from muelle.identity import Acts  # noqa: PLC0415 - as above

    vault = app.stores.vault
    if not isinstance(vault, EnvelopeVault):
        raise InvalidArgument("There is no key file to change.")
    done = await vault.rekey()
    await app.stores.trail.record([Acts(app.clock, app.ids).allowed(owner, "credentials.rekey", "vault")])
    return done


def _expiry(text: str | None, present: "datetime | None", now: "datetime") -> "datetime | None":
    from muelle.cli.moments import ahead  # noqa: PLC0415 - loaded by now

    if text is None:
        return present
    return None if text == "never" else ahead(text, now)


def _changed(present: "CredentialDraft", given: dict[str, Any], now: "datetime") -> "CredentialDraft":
    """Return a draft with what options give: bindings and metadata replace all that were there."""
    from muelle.cli.arguments import json_or_text, pair  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import ApiId, CredentialDraft  # noqa: PLC0415 - as above

    metadata = dict(pair(text, "--metadata") for text in given["metadata"])
    options = dict(pair(text, "--option") for text in given["options"])
    is_bound = bool(given["apis"] or given["hosts"])
    return CredentialDraft(
        id=present.id,
        type=given["kind"] or present.type,
        description=present.description if given["description"] is None else given["description"],
        metadata={name: json_or_text(value) for name, value in metadata.items()} or present.metadata,
        apis=tuple(map(ApiId, given["apis"])) if is_bound else present.apis,
        hosts=given["hosts"] if is_bound else present.hosts,
        options={name: _option(value) for name, value in options.items()} or present.options,
        expires=_expiry(given["expires"], present.expires, now),
    )


def _option(value: str) -> Any:  # noqa: ANN401 - text, or a list of texts
    """Return the value of an option: a list if it is written as one in JSON, else the text as it is."""
    from muelle.cli.arguments import json_or_text  # noqa: PLC0415 - loaded by now

    return json_or_text(value) if value.startswith("[") else value


def _secret(given: dict[str, Any]) -> "Secret | None":
    """Return the secret of a variable or a file, if options name one; one line break at its end is not part of it."""
    from muelle.cli.arguments import read_bytes  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.failures import InvalidArgument, UnreadableFile  # noqa: PLC0415 - as above
    from muelle.core import Secret  # noqa: PLC0415 - as above

    variable, file = given["from_env"], given["from_file"]
    if variable and file:
        raise InvalidArgument("Give either --from-env or --from-file.")
    if variable:
        if variable not in os.environ:
            raise InvalidArgument(f"There is no environment variable '{variable[:100]}'.", option="--from-env")
        return Secret(os.environ[variable])
    if not file:
        return None
    try:
        return Secret(read_bytes(file).decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise UnreadableFile(file=file, reason="not UTF-8") from None


def _prompted() -> "Secret":
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loads all of Muelle
    from muelle.core import Secret  # noqa: PLC0415 - as above

    if not sys.stdin.isatty():
        raise InvalidArgument("Where does the secret come from? Give --from-env or --from-file.", option="--from-env")
    return Secret(click.prompt("Secret", hide_input=True, err=True))


@credentials.command()
@click.argument("credential", metavar="ID", shell_complete=credential_ids)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(console: Console, credential: str, *, yes: bool) -> None:
    """Remove a credential and its secret."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import CredentialId  # noqa: PLC0415 - as above

    console.confirm(f"Remove the credential '{credential}' and its secret?", is_sure=yes)
    act(console, lambda app, owner: app.egress.credentials.remove(owner, CredentialId(credential)))
    if console.is_json:
        console.json({"id": credential, "revoked": True})
    else:
        console.note(f"Removed the credential '{credential}'.")


credentials.add_command(revoke, "remove")
