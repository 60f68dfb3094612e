"""Servers that the benchmark starts for itself: on free ports of 127.0.0.1, in a folder that is gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.engine.environments import Environment, Missing
from fixtures.postgres import PostgresServer, binaries

_PATIENCE = 30  # seconds

# What PostgreSQL has by itself, fsync and synchronous_commit among it; only where it listens, and room for all pools.
POSTGRES = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "lc_messages": "C",
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that other users may enter, as PostgreSQL's must."""
    with tempfile.TemporaryDirectory(prefix="muelle-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def started(
    command: Sequence[str], log: Path, cwd: Path, extra: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block. What it says goes into the log."""
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **extra}
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=cwd, env=variables)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once somebody answers there; raise Missing if the process ends first, or nobody ever does."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Missing(f"{process.args!r} did not start: {log.read_text()[-400:]}")


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Start a PostgreSQL that flushes what it commits; raise Missing where it is not installed."""
    programs = binaries()
    if programs is None:
        raise Missing("PostgreSQL is not installed (Debian's package postgresql)")
    with folder() as place:
        server = PostgresServer(programs, place, POSTGRES)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def postgres_version() -> str:
    programs = binaries()
    command = [str(programs / "postgres"), "--version"] if programs else ["echo", "not installed"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(") ")[-1].split()[0]


@contextmanager
def redis() -> Iterator[str]:
    """Start a Redis with its own defaults (no append-only file) and yield its URL; raise Missing without one."""
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("Redis is not installed (Debian's package redis-server)")
    port = free_port()
    with folder() as place:
        log = place / "log"
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(place)]
        with started(command, log, place, {}) as process:
            wait_for_port(port, process, log)
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def restate(made: Environment) -> Iterator[tuple[str, str]]:
    """Start a Restate server of one node with its own defaults; yield the URLs of its admin and its ingress."""
    admin, ingress = free_port(), free_port()
    with folder() as place:
        log = place / "log"
        settings = {
            "RESTATE_BASE_DIR": str(place / "data"),
            "RESTATE_NODE_NAME": "bench",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_IP": "127.0.0.1",
            "RESTATE_BIND_PORT": str(free_port()),
            "RESTATE_ADMIN__BIND_PORT": str(admin),
            "RESTATE_INGRESS__BIND_PORT": str(ingress),
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "warn",
        }
        with started([made.npm_program("restate-server"), "--no-logo"], log, place, settings) as process:
            wait_for_port(admin, process, log)
            wait_for_port(ingress, process, log)
            time.sleep(2)  # its partitions elect leaders; until then the ingress answers slowly
            yield f"http://127.0.0.1:{admin}", f"http://127.0.0.1:{ingress}"
