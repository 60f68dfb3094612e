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
    from muelle.app import App
    from muelle.core import Secret
    from muelle.egress import Credential, CredentialDraft
    from muelle.identity import Principal

_COLUMNS = ("id", "type", "apis", "hosts", "description", "updated_at")


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
        click.option("--from-env", metavar="VARIABLE", help="Take the secret from this environment variable."),
        click.option("--from-file", metavar="FILE", help="Take it from this file; '-' is standard input."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@credentials.command()
@click.argument("credential", metavar="ID")
@_described
@click.pass_obj
def add(console: Console, /, credential: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Keep a credential. Its secret comes from a variable, a file or a prompt that shows nothing."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import CredentialDraft, CredentialId  # noqa: PLC0415 - as above
    from muelle.egress.shapes import credential_shape  # noqa: PLC0415 - as above

    secret = _secret(given) or _prompted()
    draft = _changed(CredentialDraft(id=CredentialId(credential)), given)
    kept = act(console, lambda app, owner: app.egress.credentials.add(owner, draft, secret))
    console.item(credential_shape(kept))


@credentials.command("list")
@paged
@click.pass_obj
def list_credentials(console: Console, limit: int, cursor: str | None) -> None:
    """List credentials by id, without their secrets."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.shapes import credential_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.egress.credentials.list(owner, limit, cursor))
    console.listing("credentials", map(credential_shape, page.items), _COLUMNS, page.next)


@credentials.command()
@click.argument("credential", metavar="ID", shell_complete=credential_ids)
@click.pass_obj
def show(console: Console, credential: str) -> None:
    """Show a credential without its secret, and how a document uses it."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import CredentialId  # noqa: PLC0415 - as above
    from muelle.egress.shapes import credential_shape  # noqa: PLC0415 - as above

    shown = act(console, lambda app, owner: app.egress.credentials.show(owner, CredentialId(credential)))
    console.item(credential_shape(shown))


@credentials.command()
@click.argument("credential", metavar="ID", shell_complete=credential_ids)
@click.option("--prompt", "asks", is_flag=True, help="Ask for a new secret, showing nothing.")
@_described
@click.pass_obj
def update(console: Console, /, credential: str, *, asks: bool, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Change what is given, and leave the rest; the secret stays unless a new one is given."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.shapes import credential_shape  # noqa: PLC0415 - as above

    secret = _secret(given) or (_prompted() if asks else None)
    changed = act(console, lambda app, owner: _updated(app, owner, credential, given, secret))
    console.item(credential_shape(changed))


async def _updated(
    app: "App", owner: "Principal", credential: str, given: dict[str, Any], secret: "Secret | None"
) -> "Credential":
    from muelle.egress import CredentialId  # noqa: PLC0415 - loaded by now

    present = await app.egress.credentials.show(owner, CredentialId(credential))
    return await app.egress.credentials.update(owner, _changed(present, given), secret)


def _changed(present: "CredentialDraft", given: dict[str, Any]) -> "CredentialDraft":
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
