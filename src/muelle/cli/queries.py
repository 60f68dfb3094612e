"""`muelle databases` and `muelle queries`: registered databases, and queries that agents run by name."""

import os
from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.core import Secret
    from muelle.egress.queries import QueryDraft, SqlParameter

_DATABASES = ("id", "kind", "host", "database", "path", "description")
_QUERIES = ("id", "database", "writes", "description")


@click.group(cls=MuelleGroup)
def databases() -> None:
    """Register and remove databases that queries run on."""


@click.group(cls=MuelleGroup)
def queries() -> None:
    """Register, find and run queries; agents name them and write no SQL."""


@databases.command("add")
@click.argument("database", metavar="ID")
@click.option("--sqlite", "path", metavar="PATH", help="A file in the folder of the setting egress.sqlite_folder.")
@click.option("--host", metavar="HOST", help="A PostgreSQL server.")
@click.option("--port", type=int, default=5432, show_default=True, help="Its port.")
@click.option("--database", "named", metavar="NAME", help="The database on it.")
@click.option("--user", metavar="NAME", help="Who signs in there; one who may only read what queries need.")
@click.option("--no-tls", is_flag=True, help="Speak unencrypted, on a network of your own.")
@click.option("--from-env", metavar="VARIABLE", help="Take the password from this environment variable.")
@click.option("--description", default="", help="What it holds.")
@click.pass_obj
def add_database(console: Console, /, database: str, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Register a database: a SQLite file, or one on a PostgreSQL server."""
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.egress.queries import SqlDatabaseDraft  # noqa: PLC0415 - as above
    from muelle.egress.queries.model import DatabaseId  # noqa: PLC0415 - as above
    from muelle.egress.queries.shapes import database_shape  # noqa: PLC0415 - as above

    if bool(given["path"]) == bool(given["host"]):
        raise InvalidArgument("Give either --sqlite or --host.")
    draft = SqlDatabaseDraft(
        id=DatabaseId(database),
        kind="sqlite" if given["path"] else "postgresql",
        description=given["description"],
        path=given["path"] or "",
        host=given["host"] or "",
        port=given["port"],
        database=given["named"] or "",
        user=given["user"] or "",
        tls=not given["no_tls"],
    )
    password = _password(given["from_env"])
    act(console, lambda app, owner: app.egress.queries.add_database(owner, draft, password))
    console.item(database_shape(draft))


def _password(variable: str | None) -> "Secret | None":
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loaded by now
    from muelle.core import Secret  # noqa: PLC0415 - as above

    if variable is None:
        return None
    if variable not in os.environ:
        raise InvalidArgument(f"There is no environment variable '{variable[:100]}'.", option="--from-env")
    return Secret(os.environ[variable])


@databases.command("list")
@click.pass_obj
def list_databases(console: Console) -> None:
    """List databases by id."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.queries.shapes import database_shape  # noqa: PLC0415 - as above

    found = act(console, lambda app, owner: app.egress.queries.databases(owner))
    console.listing("databases", map(database_shape, found), _DATABASES)


@databases.command("remove")
@click.argument("database", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_database(console: Console, database: str, *, yes: bool) -> None:
    """Remove a database that no query stands on; the database itself is left as it is."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.queries.model import DatabaseId  # noqa: PLC0415 - as above

    console.confirm(f"Remove the database '{database}'?", is_sure=yes)
    act(console, lambda app, owner: app.egress.queries.remove_database(owner, DatabaseId(database)))
    _removed(console, database)


def _removed(console: Console, item: str) -> None:
    if console.is_json:
        console.json({"id": item, "removed": True})
    else:
        console.note(f"Removed '{item}'.")


@queries.command("add")
@click.argument("query", metavar="ID")
@click.option("--database", required=True, metavar="ID", help="The database that it runs on.")
@click.option("--sql", metavar="TEXT", help="One statement, with :name for each parameter.")
@click.option("--file", metavar="FILE", help="Take the statement from this file; '-' is standard input.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="NAME:TYPE",
    help="text, integer, number, boolean, date or timestamp; with '?' at its end it may be left out.",
)
@click.option("--description", default="", help="What it answers; agents read it.")
@click.option("--max-rows", type=int, default=1000, show_default=True, help="More are not answered.")
@click.option("--seconds", type=float, default=10.0, show_default=True, help="It is ended after that.")
@click.option("--writes", is_flag=True, help="Let it change data; else the database refuses that.")
@click.pass_obj
def add_query(console: Console, /, query: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Register a query on a database."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.queries.shapes import query_shape  # noqa: PLC0415 - as above

    draft = _draft(query, given)
    act(console, lambda app, owner: app.egress.queries.add(owner, draft))
    console.item(query_shape(draft))


def _draft(query: str, given: dict[str, Any]) -> "QueryDraft":
    from muelle.cli.arguments import read_bytes  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.failures import InvalidArgument, UnreadableFile  # noqa: PLC0415 - as above
    from muelle.egress.queries import QueryDraft  # noqa: PLC0415 - as above
    from muelle.egress.queries.model import DatabaseId, QueryId  # noqa: PLC0415 - as above

    if bool(given["sql"]) == bool(given["file"]):
        raise InvalidArgument("Give either --sql or --file.")
    try:
        sql = given["sql"] or read_bytes(given["file"]).decode()
    except UnicodeDecodeError:
        raise UnreadableFile(file=given["file"], reason="not UTF-8") from None
    return QueryDraft(
        id=QueryId(query),
        database=DatabaseId(given["database"]),
        sql=sql,
        description=given["description"],
        parameters=tuple(_parameter(text) for text in given["params"]),
        max_rows=given["max_rows"],
        seconds=given["seconds"],
        writes=given["writes"],
    )


def _parameter(text: str) -> "SqlParameter":
    import msgspec  # noqa: PLC0415 - loaded by now

    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above
    from muelle.egress.queries import SqlParameter  # noqa: PLC0415 - as above

    name, _, kind = text.partition(":")
    fields = {"name": name, "type": kind.rstrip("?") or "text", "required": not text.endswith("?")}
    try:
        return msgspec.convert(fields, SqlParameter)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"'{text[:100]}' is no parameter: {error}.", option="--param") from None


@queries.command("list")
@click.argument("words", required=False, default="")
@click.option("--database", default="", metavar="ID", help="Only queries on this database.")
@click.pass_obj
def list_queries(console: Console, words: str, database: str) -> None:
    """List queries by id, those that have all WORDS in their id or description."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.queries.shapes import query_shape  # noqa: PLC0415 - as above

    found = act(console, lambda app, owner: app.egress.queries.search(owner, words, database))
    console.listing("queries", map(query_shape, found), _QUERIES)


@queries.command()
@click.argument("query", metavar="ID")
@click.pass_obj
def show(console: Console, query: str) -> None:
    """Show a query with its SQL and what it takes."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.queries.model import QueryId  # noqa: PLC0415 - as above
    from muelle.egress.queries.shapes import query_shape  # noqa: PLC0415 - as above

    console.item(query_shape(act(console, lambda app, owner: app.egress.queries.show(owner, QueryId(query)))))


@queries.command()
@click.argument("query", metavar="ID")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A value: JSON, or a text.")
@click.pass_obj
def run(console: Console, query: str, params: tuple[str, ...]) -> None:
    """Run a query and print its rows."""
    from muelle.cli.arguments import json_or_text, pair  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.egress.queries.model import QueryId  # noqa: PLC0415 - as above

    values = {name: json_or_text(text) for name, text in (pair(each, "--param") for each in params)}
    rows = act(console, lambda app, owner: app.egress.queries.run(owner, QueryId(query), values))
    if console.is_json:
        console.json(rows)
        return
    console.listing("rows", rows.rows, rows.columns)
    if rows.truncated:
        console.note(f"There are more than these {rows.count} rows.")


@queries.command("remove")
@click.argument("query", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_query(console: Console, query: str, *, yes: bool) -> None:
    """Remove a query: nobody can run it any more."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.egress.queries.model import QueryId  # noqa: PLC0415 - as above

    console.confirm(f"Remove the query '{query}'?", is_sure=yes)
    act(console, lambda app, owner: app.egress.queries.remove(owner, QueryId(query)))
    _removed(console, query)
