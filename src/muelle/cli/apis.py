"""`muelle apis`: which HTTP APIs agents may call."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import api_ids, credential_ids
from muelle.cli.console import Console
from muelle.cli.definitions import endpoint, endpoints, import_api
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.egress import Api, ApiDraft
    from muelle.identity import Principal

_COLUMNS = ("id", "base_url", "strict", "credential", "description")


@click.group(cls=MuelleGroup)
def apis() -> None:
    """Register, show and change the APIs that agents may call."""


def _described(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    options = (
        click.option("--description", help="What it is for; agents read it."),
        click.option(
            "--endpoint",
            "endpoints",
            multiple=True,
            metavar='"METHOD /path"',
            help="What it offers, as 'GET /contacts/{id} What it does'; the ones given replace all others.",
        ),
        click.option("--strict/--lenient", default=None, help="Whether only the listed endpoints may be called."),
        click.option(
            "--credential", metavar="ID", shell_complete=credential_ids, help="A credential for each of its calls."
        ),
        click.option("--header", metavar="NAME", help="The header in which it stands; else Authorization."),
        click.option("--query", metavar="NAME", help="The parameter in which it stands, instead of a header."),
        click.option("--timeout", type=float, metavar="SECONDS", help="How long an attempt may take."),
        click.option("--policy", metavar="JSON", help='What is other in its policy: \'{"retry": {"attempts": 4}}\'.'),
    )
    for option in reversed(options):
        command = option(command)
    return command


@apis.command()
@click.argument("api", required=False, metavar="ID")
@click.argument("base_url", required=False, metavar="BASE_URL")
@click.option("--file", metavar="FILE", help="Register what a JSON file describes, A2E's api_definitions too.")
@_described
@click.pass_obj
def add(console: Console, /, api: str | None, base_url: str | None, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Register an API under an id, or all that a file describes."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.shapes import api_shape  # noqa: PLC0415 - as above

    drafts = _drafts(console, api, base_url, given)
    added = act(console, lambda app, owner: _added(app, owner, drafts))
    if given["file"] is None:
        console.item(_readable(console, api_shape(added[0])))
    else:
        console.listing("apis", map(api_shape, added), _COLUMNS)


def _drafts(console: Console, api: str | None, base_url: str | None, given: dict[str, Any]) -> "list[ApiDraft]":
    from muelle.cli.api_files import read_drafts  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above
    from muelle.egress.shapes import NewApi, api_draft  # noqa: PLC0415 - as above

    if given["file"] is not None and api is None:
        return read_drafts(console, given["file"])
    if given["file"] is not None or api is None or base_url is None:
        raise InvalidArgument("Give either an id and a base URL, or --file.")
    return [api_draft(_checked({"id": api, "base_url": base_url, **_fields(given, None)}, NewApi))]


async def _added(app: "App", owner: "Principal", drafts: "list[ApiDraft]") -> "list[Api]":
    return [await app.egress.apis.register(owner, draft) for draft in drafts]


@apis.command("list")
@paged
@click.pass_obj
def list_apis(console: Console, limit: int, cursor: str | None) -> None:
    """List APIs by id."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.shapes import api_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: app.egress.apis.list(owner, limit, cursor))
    console.listing("apis", map(api_shape, page.items), _COLUMNS, page.next)


@apis.command()
@click.argument("api", metavar="ID", shell_complete=api_ids)
@click.pass_obj
def show(console: Console, api: str) -> None:
    """Show an API with its endpoints."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import ApiId  # noqa: PLC0415 - as above
    from muelle.egress.shapes import api_shape  # noqa: PLC0415 - as above

    view = _readable(console, api_shape(act(console, lambda app, owner: app.egress.apis.show(owner, ApiId(api)))))
    console.item(view)


def _readable(console: Console, shape: Any) -> Any:  # noqa: ANN401 - a shape, or its fields
    """Return an Api's fields with its endpoints as people write them, unless JSON is wanted."""
    from muelle.cli.console import plain  # noqa: PLC0415 - beside the other one

    if console.is_json:
        return shape
    fields = plain(shape)
    fields["endpoints"] = [f"{endpoint['method']} {endpoint['path']}" for endpoint in fields["endpoints"]]
    return fields


@apis.command()
@click.argument("api", metavar="ID", shell_complete=api_ids)
@click.option("--base-url", metavar="URL", help="Where it is.")
@click.option("--no-credential", is_flag=True, help="Put no credential into its calls any more.")
@_described
@click.pass_obj
def update(console: Console, /, api: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Change what is given, and leave the rest."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.shapes import api_shape  # noqa: PLC0415 - as above

    console.item(_readable(console, api_shape(act(console, lambda app, owner: _updated(app, owner, api, given)))))


async def _updated(app: "App", owner: "Principal", api: str, given: dict[str, Any]) -> "Api":
    from muelle.egress import ApiId  # noqa: PLC0415 - loaded by now
    from muelle.egress.shapes import ApiUpdate, updated_api  # noqa: PLC0415 - as above

    present = await app.egress.apis.show(owner, ApiId(api))
    fields = _fields(given, present)
    if given["base_url"] is not None:
        fields["base_url"] = given["base_url"]
    if given["no_credential"]:
        fields["credential"] = None
    return await app.egress.apis.update(owner, updated_api(present, _checked(fields, ApiUpdate)))


def _fields(given: dict[str, Any], present: "Api | None") -> dict[str, Any]:
    """Return the fields of a body that options give."""
    fields = {name: given[name] for name in ("description", "strict", "timeout") if given[name] is not None}
    if given["policy"] is not None:
        fields["policy"] = _policy(given["policy"])
    if given["endpoints"]:
        fields["endpoints"] = [_endpoint(text) for text in given["endpoints"]]
    placement = {"place": "query", "name": given["query"]} if given["query"] else {}
    placement |= {"place": "header", "name": given["header"]} if given["header"] else {}
    credential = given["credential"] or (present.credential.credential if present and present.credential else None)
    if given["credential"] or placement:
        fields["credential"] = {"credential": credential, **placement}
    return fields


def _policy(text: str) -> Any:  # noqa: ANN401 - any JSON value, checked with the rest
    import msgspec  # noqa: PLC0415 - loaded by now

    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above

    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidArgument(f"--policy is not JSON: {error}.", option="--policy") from None


def _endpoint(text: str) -> dict[str, str]:
    method, _, rest = text.strip().partition(" ")
    path, _, description = rest.strip().partition(" ")
    return {"method": method.upper(), "path": path, "description": description.strip()}


def _checked(fields: dict[str, Any], body: Any) -> Any:  # noqa: ANN401 - a type of body, and such a body
    import msgspec  # noqa: PLC0415 - loaded by now

    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above

    try:
        return msgspec.convert(fields, body)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"This describes no Api: {error}.") from None


@apis.command()
@click.argument("api", metavar="ID", shell_complete=api_ids)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(console: Console, api: str, *, yes: bool) -> None:
    """Remove an API: nobody can call it any more."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import ApiId  # noqa: PLC0415 - as above

    console.confirm(f"Remove the API '{api}'?", is_sure=yes)
    act(console, lambda app, owner: app.egress.apis.remove(owner, ApiId(api)))
    if console.is_json:
        console.json({"id": api, "revoked": True})
    else:
        console.note(f"Removed the API '{api}'.")


apis.add_command(revoke, "remove")
apis.add_command(import_api)
apis.add_command(endpoints)
apis.add_command(endpoint)
