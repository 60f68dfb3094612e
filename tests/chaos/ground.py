"""Muelle as chaos runs it: servers and workers on one home, before a database that can be harmed."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp

from chaos.programs import Program, faketime
from chaos.proxy import Proxy, open_proxy
from fixtures.postgres import PostgresServer, binaries
from stories.terminal import free_port

_PATIENCE = 30.0
_READY = b"Ctrl-C stops it"  # what servers and workers print once they are there
_FORGIVING = 1_000_000  # workers that may die of a run: here they die of the storm
_CONCURRENCY = 32  # runs that die with a worker, and wait until its lease has run out
_CONNECTIONS = 4  # of each process; the server of the tests takes 60
_CLOCKS = ("", "+3600", "-3600", "+0 x1.2", "")  # of workers, to begin with; "" keeps the right time for ever


class Wanted(Protocol):
    """The options that matter here."""

    @property
    def database(self) -> str: ...
    @property
    def workers(self) -> int: ...
    @property
    def servers(self) -> int: ...
    @property
    def lease(self) -> float: ...


@dataclass
class Ground:
    """What was started. `urls` are where the servers answer, each time they are started."""

    home: Path
    urls: tuple[str, ...]
    owner_key: str
    servers: tuple[Program, ...]
    workers: tuple[Program, ...] = ()
    database: PostgresServer | None = None
    proxy: Proxy | None = None

    def repair(self) -> None:
        """Put everything right again; the database is, for a restart that has begun is finished."""
        if self.proxy is not None:
            self.proxy.thaw()
        for program in (*self.servers, *self.workers):
            program.thaw()
            program.start()


@dataclass
class _Plans:
    """Where things are to be."""

    home: Path
    environment: dict[str, str]
    has_clocks: bool = field(default_factory=lambda: faketime() is not None)

    def program(self, name: str, offset: str, *arguments: str) -> Program:
        command = (sys.executable, "-m", "muelle", *arguments, "--home", str(self.home))
        given = offset if self.has_clocks else ""
        return Program(name, command, self.environment, self.home.parent, given, _READY)


@asynccontextmanager
async def open_ground(wanted: Wanted, folder: Path) -> AsyncIterator[Ground]:
    """Start everything, with an owner whose calls may reach this machine; end it at the end of the block."""
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    async with AsyncExitStack() as stack:
        plans = _Plans(home, _settings(wanted))
        database = proxy = None
        if wanted.database == "postgresql":
            database = stack.enter_context(postgres())
            url = database.create()
            proxy = await stack.enter_async_context(open_proxy(database.port))
            plans.environment["MUELLE__STORES__URL"] = url.replace(str(database.port), str(proxy.port))
        ports = [free_port() for _ in range(wanted.servers if database else 1)]
        servers = tuple(
            plans.program(f"server{number}", _CLOCKS[1 + number] if database else "", "up", "--port", str(port))
            for number, port in enumerate(ports)
        )
        workers = tuple(
            plans.program(f"worker{number}", _CLOCKS[number % len(_CLOCKS)], "worker")
            for number in range(wanted.workers if database else 0)
        )
        stack.callback(_end, (*servers, *workers))
        urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
        servers[0].start()  # the first makes the schema and the key
        key = await _owner_key(servers[0], urls[0], home)
        for program in (*servers[1:], *workers):
            program.start()
        yield Ground(home, urls, key, servers, workers, database, proxy)


def _settings(wanted: Wanted) -> dict[str, str]:
    engine = {
        "lease_seconds": wanted.lease,
        "takeovers": _FORGIVING,
        "park_seconds": 1,
        "concurrency": _CONCURRENCY,
    }
    return {
        "PYTHONWARNINGS": "default",
        "MUELLE__STORES__CONNECTIONS": str(_CONNECTIONS),
        **{f"MUELLE__ENGINE__{name.upper()}": str(value) for name, value in engine.items()},
    }


def _end(programs: tuple[Program, ...]) -> None:
    for program in programs:
        program.kill()


async def _owner_key(server: Program, url: str, home: Path) -> str:
    """Wait until the server answers its owner, and let calls reach this machine."""
    deadline = time.monotonic() + _PATIENCE
    allowed: Mapping[str, list[str]] = {"addresses": ["127.0.0.1/32"]}
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and server.is_running:
            key = _read(home / "admin.key")
            try:
                async with session.patch(
                    f"{url}/api/v1/tenants/default", json=allowed, headers={"x-api-key": key}
                ) as answer:
                    if answer.ok:
                        return key
            except aiohttp.ClientError:
                pass  # it does not listen yet
            await asyncio.sleep(0.05)
    raise RuntimeError(f"The server does not answer: {server.tail()}")


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL of one's own, in a folder that the user `postgres` can enter."""
    programs = binaries()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="muelle-chaos-postgres-"))
    server = PostgresServer(programs, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
