"""The schema: brought up to date at the start, under a lock, by whichever process comes first.

A new database gets a snapshot that is kept beside the migrations, and one that is up to date needs nothing, so that
the usual start does not load Alembic (500 ms). Alembic renders what lies between two revisions; the driver runs it.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path

from muelle.stores.errors import SchemaForeign, SchemaTooNew
from muelle.stores.model import Database, Dialect, Row

MIGRATIONS = Path(__file__).parent.parent / "migrations"

_SEPARATOR = "\n--;\n"
_REVISION = re.compile(r"(\d{4})_\w+\.py\Z")
_SECONDS = 3600.0  # a migration may rewrite a large table
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    " AND table_type = 'BASE TABLE'",
}


@cache
def head() -> str:
    """Return the newest revision that this code has."""
    return max(found[1] for file in (MIGRATIONS / "versions").iterdir() if (found := _REVISION.match(file.name)))


async def migrate(database: Database) -> None:
    """Bring the schema to this code's revision; raise SchemaTooNew or SchemaForeign where that cannot be."""
    if await revision(database.fetch, database.dialect) == head():
        return  # as it nearly always is: nobody who writes meanwhile is waited for
    async with database.transaction(_SECONDS) as transaction:  # serialised, on PostgreSQL too: that is the lock
        present = await revision(transaction.fetch, database.dialect)
        for statement in _missing(database.dialect, present):
            await transaction.execute(statement)


async def revision(fetch: Callable[[str], Awaitable[list[Row]]], dialect: Dialect) -> str:
    """Return the revision of the database, "" if it is empty."""
    tables = {row[0] for row in await fetch(_TABLES[dialect])}
    rows = await fetch("SELECT version_num FROM alembic_version") if "alembic_version" in tables else []
    if tables and not rows:
        raise SchemaForeign(tables=sorted(tables)[:10])
    return str(rows[0][0]) if rows else ""


async def unbound_role(database: Database) -> str:
    """Return as whom we are connected to PostgreSQL if its policies do not bind them, else nothing."""
    rows = await database.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"
    )
    return str(rows[0][0]) if rows else ""


def _missing(dialect: Dialect, present: str) -> Sequence[str]:
    if not present:
        return snapshot(dialect)
    if present > head():
        raise SchemaTooNew(database=present, code=head())
    return () if present == head() else render(dialect, present, head())


def snapshot_path(dialect: Dialect) -> Path:
    """Return where the snapshot of a dialect is kept."""
    return MIGRATIONS / f"schema.{dialect}.sql"


def snapshot(dialect: Dialect) -> list[str]:
    """Return the statements that make an empty database what this code expects."""
    return snapshot_path(dialect).read_text(encoding="utf-8").rstrip("\n").split(_SEPARATOR)


def write_snapshot(dialect: Dialect) -> None:
    """Write the snapshot anew from the migrations."""
    text = _SEPARATOR.join(render(dialect, "base", head())) + "\n"
    snapshot_path(dialect).write_text(text, encoding="utf-8")


class _Statements(list[str]):
    """Takes one statement for each write, which is how Alembic writes them."""

    def write(self, text: str) -> None:
        """Keep a statement; what is only a comment is none."""
        lines = [line for line in text.strip().splitlines() if not line.startswith("--")]
        if lines:
            self.append("\n".join(lines).rstrip(";"))

    def flush(self) -> None:
        """Nothing is held back."""


def render(dialect: Dialect, present: str, wanted: str) -> list[str]:
    """Return the statements that lead from one revision to another, up or down."""
    from alembic import command  # noqa: PLC0415 - loads in 500 ms, and the usual start does without
    from alembic.config import Config  # noqa: PLC0415 - as above

    statements = _Statements()
    config = Config(attributes={"dialect": dialect, "statements": statements})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    is_down = wanted == "base" or (present != "base" and wanted < present)
    turn = command.downgrade if is_down else command.upgrade
    turn(config, f"{present}:{wanted}", sql=True)
    if wanted == "base":
        statements.append("DROP TABLE alembic_version")  # so that "base" is an empty database again
    return list(statements)
