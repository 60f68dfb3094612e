"""A server of its own process: on SQLite in a folder, with all its logs on stderr. `python door_process.py HOME LEVEL`.

It prints its address and, at the first start, the owner's key.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 30


@dataclass
class ServerProcess:
    """A running server, and what it has logged once it has ended."""

    process: asyncio.subprocess.Process
    url: str
    owner_key: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def memory(self) -> int:
        """Return how many bytes the process has had at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    async def stop(self) -> str:
        """End it; return what it logged."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        _, logged = await self.process.communicate()
        return logged.decode()


@asynccontextmanager
async def open_process(
    home: Path, level: str = "WARNING", environment: Mapping[str, str] | None = None
) -> AsyncIterator[ServerProcess]:
    """Start a server on a free port and wait until it answers."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, str(home), level),
        env={**os.environ, **(environment or {})},
        stdout=pipe,
        stderr=pipe if level == "DEBUG" else None,
        limit=1 << 24,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            url, _, key = (await process.stdout.readline()).decode().strip().partition(" ")
        yield ServerProcess(process, url, key)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.communicate()


async def serve_home(home: Path) -> None:
    """Serve until a signal ends it."""
    from muelle.app import open_app, read_configuration  # noqa: PLC0415 - the parent needs none of it
    from muelle.core.prometheus import PrometheusMetrics  # noqa: PLC0415 - the same
    from muelle.doors.http.serve import bind, serve, url_of  # noqa: PLC0415 - the same

    async with open_app(read_configuration(home), home, metrics=PrometheusMetrics()) as app:
        listener = bind("127.0.0.1", 0, app.settings.http.backlog)
        key = app.admin_key.reveal() if app.admin_key else ""
        await serve(app, listener, lambda: print(url_of(listener), key, flush=True))  # noqa: T201 - told to the parent


def main() -> None:
    """Serve the folder that the command names."""
    from muelle.core import log_to  # noqa: PLC0415 - the parent needs none of it

    log_to(sys.stderr, sys.argv[2])
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        asyncio.run(serve_home(Path(sys.argv[1])))
    else:
        uvloop.run(serve_home(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
