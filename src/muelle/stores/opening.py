"""Opening the database that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from muelle.stores.adapters.sqlite import open_sqlite
from muelle.stores.model import Database
from muelle.stores.schema import migrate
from muelle.stores.settings import StoresSettings


@asynccontextmanager
async def open_database(home: Path, settings: StoresSettings = StoresSettings()) -> AsyncIterator[Database]:  # noqa: B008 - frozen
    """Open PostgreSQL if the settings have a URL, else the file under `home`; bring the schema up to date."""
    url = settings.url.reveal()
    if not url:
        async with open_sqlite(home / settings.path, settings) as file:
            await migrate(file)
            yield file
        return
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - asyncpg loads in 130 ms

    async with open_postgres(url, settings) as server:
        await migrate(server)
        yield server
