"""A network between Muelle and its server that is cut or falls silent: every failure is one of ours, and passes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from random import Random

import pytest

from chaos.proxy import Proxy, open_proxy
from muelle.core import MuelleError
from muelle.stores import Database, Statement, StoresSettings
from muelle.stores.adapters.postgres import open_postgres

SETTINGS = StoresSettings(connect_seconds=1.0, transaction_seconds=1.0, connections=4)
INSERT = Statement("INSERT INTO t (n) VALUES (?)", [(1,)])
PATIENCE = 10.0
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    async with open_proxy(int(postgres_url.rpartition(":")[2].partition("/")[0])) as opened:
        yield opened


@pytest.fixture
async def database(postgres_url: str, proxy: Proxy) -> AsyncIterator[Database]:
    port = postgres_url.rpartition(":")[2].partition("/")[0]
    async with open_postgres(postgres_url.replace(port, str(proxy.port)), SETTINGS) as opened:
        await opened.commit([Statement("CREATE TABLE t (n BIGINT)", [()])])
        yield opened


async def fetch(database: Database) -> None:
    await database.fetch("SELECT count(*) FROM t")


async def commit(database: Database) -> None:
    await database.commit([INSERT])


async def transact(database: Database) -> None:
    async with database.transaction(alone=False) as transaction:
        await transaction.execute(INSERT.sql, 1)
        await transaction.fetch("SELECT count(*) FROM t")


VERBS: dict[str, Callable[[Database], Awaitable[None]]] = {"fetch": fetch, "commit": commit, "transact": transact}


async def works_again(database: Database, verb: str) -> None:
    """Return once it works; the first may still be told of a connection that was lost before."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await VERBS[verb](database)
            except MuelleError:
                continue
            return


@pytest.mark.parametrize("verb", VERBS)
async def test_a_connection_that_is_cut_anywhere_fails_with_an_error_of_ours_or_not_at_all(
    database: Database, proxy: Proxy, verb: str
) -> None:
    until = time.monotonic() + 1.5
    done = 0
    statuses: set[int] = set()

    async def ask() -> None:
        nonlocal done
        while time.monotonic() < until:
            try:
                await VERBS[verb](database)
                done += 1
            except MuelleError as error:
                statuses.add(error.status)

    async def cut() -> None:
        while time.monotonic() < until:
            await asyncio.sleep(0.1)
            proxy.cut()

    await asyncio.gather(cut(), *(ask() for _ in range(6)))
    assert done
    assert statuses <= {503}
    await works_again(database, verb)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_silent_network_holds_nobody_for_ever_and_is_used_again_when_it_speaks(
    database: Database, proxy: Proxy, verb: str
) -> None:
    await VERBS[verb](database)
    proxy.freeze()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(MuelleError):
            await VERBS[verb](database)
    proxy.thaw()

    await works_again(database, verb)


async def test_a_transaction_that_falls_silent_in_its_middle_ends(database: Database, proxy: Proxy) -> None:
    async def fall_silent() -> None:
        async with database.transaction(alone=False) as transaction:
            proxy.freeze()
            await transaction.execute(INSERT.sql, 1)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(MuelleError):
            await fall_silent()
    proxy.thaw()

    await works_again(database, "fetch")
    assert await database.fetch("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize("verb", VERBS)
async def test_who_gives_up_in_the_middle_leaves_nothing_that_others_stumble_over(
    database: Database, proxy: Proxy, verb: str
) -> None:
    until = time.monotonic() + 1.5
    chance = Random(1)  # noqa: S311 - faults that can be repeated

    async def ask() -> None:
        while time.monotonic() < until:
            with suppress(TimeoutError, MuelleError):
                async with asyncio.timeout(chance.uniform(0, 0.02)):
                    await VERBS[verb](database)

    async def cut() -> None:
        while time.monotonic() < until:
            await asyncio.sleep(chance.uniform(0, 0.2))
            proxy.cut()

    await asyncio.gather(cut(), *(ask() for _ in range(6)))
    for _ in range(SETTINGS.connections):
        await works_again(database, verb)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_server_that_ends_connections_with_a_word_is_away_and_nothing_worse(
    database: Database, postgres_url: str, verb: str
) -> None:
    until = time.monotonic() + 2.0
    statuses: set[int] = set()

    async def ask() -> None:
        while time.monotonic() < until:
            try:
                await VERBS[verb](database)
            except MuelleError as error:
                statuses.add(error.status)

    async def end() -> None:
        async with open_postgres(postgres_url, SETTINGS) as other:
            while time.monotonic() < until:
                await asyncio.sleep(0.02)
                await other.fetch(END_OTHERS)

    await asyncio.gather(end(), *(ask() for _ in range(6)))
    assert statuses <= {503}
    await works_again(database, verb)
