"""`muelle apis import`, `endpoints` and `endpoint`: what APIs offer in detail."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.completing import api_ids, credential_ids
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.egress.definitions import ImportWish

_COLUMNS = ("api", "endpoint", "method", "path", "description")


@click.command("import", cls=MuelleCommand)
@click.argument("api", metavar="ID", shell_complete=api_ids)
@click.argument("source", metavar="FILE|URL")
@click.option("--base-url", metavar="URL", help="Where the API is, if the document does not say or says otherwise.")
@click.option("--path", "prefixes", multiple=True, metavar="PREFIX", help="Import only paths that begin so.")
@click.option("--strict/--lenient", default=None, help="Whether only the imported endpoints may be called.")
@click.option("--credential", metavar="ID", shell_complete=credential_ids, help="A credential for each of its calls.")
@click.option("--header", metavar="NAME", help="The header in which it stands; else Authorization.")
@click.pass_obj
def import_api(console: Console, /, api: str, source: str, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Register or update the API ID as an OpenAPI document or a Postman collection describes it.

    FILE may be '-' for standard input. Importing again keeps what you decided: credential, limits, strictness.
    """
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    wish = _wish(api, source, given)
    done = act(console, lambda app, owner: app.egress.definitions.import_(owner, wish))
    for note in done.notes if not console.is_json else ():
        console.note(note)
    console.item(done)


def _wish(api: str, source: str, given: dict[str, Any]) -> "ImportWish":
    from muelle.cli.arguments import read_bytes  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import ApiId, CredentialId, Placement  # noqa: PLC0415 - as above
    from muelle.egress.definitions import ImportWish  # noqa: PLC0415 - as above

    is_url = source.startswith(("http://", "https://"))
    placement = {"name": given["header"]} if given["header"] else {}
    return ImportWish(
        api=ApiId(api),
        content=None if is_url else read_bytes(source),
        url=source if is_url else "",
        base_url=given["base_url"] or "",
        prefixes=given["prefixes"],
        strict=given["strict"],
        credential=Placement(credential=CredentialId(given["credential"]), **placement)
        if given["credential"]
        else None,
    )


@click.command(cls=MuelleCommand)
@click.argument("query", required=False, default="", metavar="[WORDS]")
@click.option("--api", metavar="ID", shell_complete=api_ids, help="Only of this API.")
@click.option("--limit", type=int, default=20, show_default=True, help="How many at most.")
@click.option("--budget", type=int, default=3000, show_default=True, help="How many tokens they may be worth in JSON.")
@click.pass_obj
def endpoints(console: Console, query: str, api: str | None, limit: int, budget: int) -> None:
    """Find endpoints by WORDS, best first; without WORDS, all of them."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import ApiId  # noqa: PLC0415 - as above

    only = None if api is None else ApiId(api)
    found, left = act(
        console,
        lambda app, owner: app.egress.definitions.search(owner, query, api=only, limit=limit, budget=budget),
    )
    if console.is_json:
        console.json({"endpoints": found, "count": len(found), "left_out": left})
        return
    console.listing("endpoints", [{name: each.get(name, "") for name in _COLUMNS} for each in found], _COLUMNS)
    if left:
        console.note(f"{left} more do not fit the budget of {budget} tokens.")


@click.command(cls=MuelleCommand)
@click.argument("api", metavar="API", shell_complete=api_ids)
@click.argument("endpoint", metavar="ENDPOINT")
@click.pass_obj
def endpoint(console: Console, api: str, endpoint: str) -> None:
    """Show what an endpoint takes and answers; ENDPOINT is its id, or its method and path."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress import ApiId  # noqa: PLC0415 - as above

    console.item(act(console, lambda app, owner: app.egress.definitions.show(owner, ApiId(api), endpoint)))
