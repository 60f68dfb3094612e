"""A Redis of a test's own, on a free port of this machine."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[str]:
    """Start one and yield its URL; skip where none is installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    pytest.importorskip("redis", reason="the extra 'redis' is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen([*command, "--dir", str(folder), *options], stdout=subprocess.DEVNULL) as server:  # noqa: S603 - our own words
        try:
            _wait(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def _wait(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)  # another process's start cannot be awaited otherwise
        else:
            return
