import asyncio
import signal
import subprocess
import sys

import pytest

from fixtures.postgres import PostgresServer
from muelle.core import Secret
from muelle.stores import Database, DatabaseUnreachable, Statement, StoresSettings
from muelle.stores.errors import InvalidDatabaseUrl

pytest.importorskip("asyncpg")
from muelle.stores.adapters.postgres import open_postgres
from muelle.stores.adapters.postgres_server import translated

_PUT = "INSERT INTO things (name) VALUES (?)"
_BLOCKED = """
import sys
sys.modules["asyncpg"] = None
from muelle.stores.errors import PostgresMissing
try:
    import muelle.stores.adapters.postgres
except PostgresMissing as error:
    print(error.code)
"""


async def _create(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")


async def _write_until_refused(database: Database, caller: str) -> list[str]:
    """Commit names one after the other; return those that were acknowledged."""
    acknowledged = []
    for number in range(100_000):
        try:
            await database.commit([Statement(_PUT, [(f"{caller}{number}",)])])
        except DatabaseUnreachable:
            break
        acknowledged.append(f"{caller}{number}")
    return acknowledged


async def test_a_crash_of_the_server_loses_nothing_acknowledged_and_service_resumes(
    fragile_postgres_server: PostgresServer,
) -> None:
    server = fragile_postgres_server
    async with open_postgres(server.create(), StoresSettings(connect_seconds=0.5)) as database:
        await _create(database)
        writers = [asyncio.create_task(_write_until_refused(database, caller)) for caller in "abcd"]
        while not await database.fetch("SELECT name FROM things LIMIT 1"):
            pass
        await asyncio.to_thread(server.stop, signal.SIGQUIT)
        acknowledged = {name for writer in writers for name in await writer}
        with pytest.raises(DatabaseUnreachable):
            await database.fetch("SELECT name FROM things")
        await asyncio.to_thread(server.start)
        await database.commit([Statement(_PUT, [("after",)])])
        stored = {row[0] for row in await database.fetch("SELECT name FROM things")}
    assert acknowledged
    assert acknowledged | {"after"} <= stored


async def test_a_commit_outlasts_a_restart_of_the_server(fragile_postgres_server: PostgresServer) -> None:
    server = fragile_postgres_server
    async with open_postgres(server.create(), StoresSettings(connect_seconds=20)) as database:
        await _create(database)
        await asyncio.to_thread(server.stop)
        commit = database.commit([Statement(_PUT, [("meanwhile",)])])
        await asyncio.to_thread(server.start)
        await commit
        assert [row[0] for row in await database.fetch("SELECT name FROM things")] == ["meanwhile"]


async def test_a_start_waits_for_the_server(fragile_postgres_server: PostgresServer) -> None:
    server = fragile_postgres_server
    url = server.create()
    await asyncio.to_thread(server.stop)

    async def ask() -> object:
        async with open_postgres(url, StoresSettings(connect_seconds=20)) as database:
            return (await database.fetch("SELECT 1"))[0][0]

    asked = asyncio.create_task(ask())
    await asyncio.to_thread(server.start)
    assert await asked == 1


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    url = "postgresql://muelle:hidden@127.0.0.1:1/nothing"
    with pytest.raises(DatabaseUnreachable) as refused:
        async with open_postgres(url, StoresSettings(connect_seconds=0.1)):
            pass
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://u:hidden@h/d", "postgresql://u:hidden@h:port/d"])
async def test_what_is_no_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrl) as refused:
        async with open_postgres(url):
            pass
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("damage", ["muelle:wrong@", "stranger:x@"])
async def test_a_wrong_password_is_said_at_once_and_not_shown(postgres_url: str, damage: str) -> None:
    url = damage.join(["postgresql://", postgres_url.partition("@")[2]])
    with pytest.raises(DatabaseUnreachable) as refused:
        async with open_postgres(url, StoresSettings(connect_seconds=60)):
            pass
    assert refused.value.facts == {"reason": "InvalidPasswordError"}


async def test_a_database_that_does_not_exist_is_said_at_once(postgres_url: str) -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        async with open_postgres(postgres_url + "_not", StoresSettings(connect_seconds=60)):
            pass
    assert refused.value.facts == {"reason": "InvalidCatalogNameError"}


async def test_synchronous_commit_follows_the_setting(postgres_url: str) -> None:
    async with open_postgres(postgres_url, StoresSettings(synchronous="NORMAL")) as database:
        assert [tuple(row) for row in await database.fetch("SHOW synchronous_commit")] == [("off",)]
    async with open_postgres(postgres_url) as database:
        assert [tuple(row) for row in await database.fetch("SHOW synchronous_commit")] == [("on",)]


def test_without_its_driver_postgres_says_what_to_install() -> None:
    answer = subprocess.run([sys.executable, "-c", _BLOCKED], capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    assert (answer.stdout, answer.stderr) == ("postgres_missing\n", "")


def test_parameters_are_numbered_outside_of_quotes() -> None:
    assert translated("a = ? AND b = '?''?' AND \"c?\" = ?") == "a = $1 AND b = '?''?' AND \"c?\" = $2"


def test_the_url_does_not_show_in_settings() -> None:
    assert "hidden" not in repr(StoresSettings(url=Secret("postgresql://u:hidden@h/d")))


class Ear:
    """Keeps what was heard, and lets others wait for it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, said: str) -> None:
        self.heard.append(said)
        self._news.set()

    async def hears(self, said: str, times: int = 1) -> None:
        async with asyncio.timeout(30):
            while self.heard.count(said) < times:
                self._news.clear()
                await self._news.wait()


async def _say(database: Database, what: str) -> None:
    await database.commit([Statement("SELECT pg_notify(?, ?)", [("bell", what)])])


async def test_transactions_that_need_not_be_alone_go_side_by_side(postgres_url: str) -> None:
    async with open_postgres(postgres_url) as database:
        await _create(database)
        async with database.transaction(alone=False) as first, database.transaction(alone=False) as second:
            await first.execute(_PUT, "a")
            await second.execute(_PUT, "b")
        assert len(await database.fetch("SELECT name FROM things")) == 2


async def test_what_one_process_says_another_hears_once_it_is_committed(postgres_url: str) -> None:
    ear = Ear()
    async with open_postgres(postgres_url) as here, open_postgres(postgres_url) as there, here.listen("bell", ear):
        await ear.hears("")
        await _say(there, "there is work")
        await ear.hears("there is work")


async def test_whoever_listens_is_told_when_the_server_was_away_and_hears_again(
    fragile_postgres_server: PostgresServer,
) -> None:
    server, ear, patient = fragile_postgres_server, Ear(), StoresSettings(connect_seconds=20)
    async with open_postgres(server.create(), patient) as database, database.listen("bell", ear):
        await ear.hears("")
        await asyncio.to_thread(server.stop, signal.SIGQUIT)
        await asyncio.to_thread(server.start)
        await ear.hears("", 2)
        await _say(database, "again")
        await ear.hears("again")


async def test_whoever_does_not_listen_any_more_hears_nothing(postgres_url: str) -> None:
    ear = Ear()
    async with open_postgres(postgres_url) as database:
        async with database.listen("bell", ear):
            await ear.hears("")
        await _say(database, "too late")
        rows = await database.fetch("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert ear.heard == [""]
    assert rows[0][0] == 0
