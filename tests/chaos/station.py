"""One `muelle up` of its own, at one address for all its lives, to be hurt in ways that a storm does not know."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from chaos.client import EXECUTE, EXECUTIONS, NOT_ENDED
from chaos.programs import Program
from stories.terminal import free_port

PATIENCE = 30.0
_TICK = 0.05
_OK, _ACCEPTED = 200, 202
_DOCUMENT = msgspec.json.encode(
    {
        "type": "operationUpdate",
        "operationId": "shout",
        "operation": {"FormatText": {"inputPath": "/input/text", "format": "upper", "outputPath": "/workflow/shout"}},
    }
).decode()


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def is_acknowledged(self) -> bool:
        """Whether a submission was taken."""
        return self.status in {_OK, _ACCEPTED}


@dataclass
class Station:
    """A server with a client of its owner. `acknowledged` are the runs that were taken."""

    program: Program
    url: str
    home: Path
    session: aiohttp.ClientSession
    acknowledged: list[str] = field(default_factory=list)

    async def start(self) -> None:
        """Start it and wait until it answers its owner; AssertionError with its last words if it does not."""
        self.program.start()
        async with asyncio.timeout(PATIENCE):
            while not await self._answers():
                assert self.program.is_running, self.program.tail()
                await asyncio.sleep(_TICK)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """Ask once, as the owner."""
        key = (self.home / "admin.key").read_text(encoding="ascii").strip()
        async with self.session.request(
            method, self.url + path, json=body, headers={"x-api-key": key, **headers}
        ) as answer:
            return Said(answer.status, dict(answer.headers), msgspec.json.decode(await answer.read()))

    async def take(self, text: str) -> None:
        """Submit a run that must be taken."""
        said = await self.submit(text)
        assert said.is_acknowledged, said

    async def take_document(self, *operations: Any) -> None:
        """Submit a run of some operations that must be taken."""
        document = {"operationUpdate": {"workflowId": "own", "operations": list(operations)}}
        said = await self._submit({"workflow": msgspec.json.encode(document).decode()})
        assert said.is_acknowledged, said

    async def submit(self, text: str) -> Said:
        """Submit a run once, with some text as its input."""
        return await self._submit({"workflow": _DOCUMENT, "inputs": {"text": text}})

    async def _submit(self, body: Any) -> Said:
        said = await self.ask("POST", EXECUTE, body, prefer="respond-async")
        if said.is_acknowledged:
            self.acknowledged.append(said.body["execution_id"])
        return said

    async def unended(self) -> dict[str, str]:
        """Return the acknowledged runs that are not there or have not succeeded, once none is under way any more."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = {run: await self._status(run) for run in self.acknowledged}
                if not NOT_ENDED & set(found.values()):
                    return {run: status for run, status in found.items() if status != "success"}
                await asyncio.sleep(_TICK)

    async def _status(self, run: str) -> str:
        said = await self.ask("GET", f"{EXECUTIONS}/{run}")
        return str(said.body["status"]) if said.status == _OK else str(said.status)

    async def _answers(self) -> bool:
        try:
            return (await self.ask("GET", "/api/v1/capabilities")).status == _OK
        except (aiohttp.ClientError, FileNotFoundError):
            return False


@asynccontextmanager
async def open_station(home: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Station]:
    """Start a server on a home; end it at the end of the block."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing is served yet
    port = free_port()
    command = (sys.executable, "-m", "muelle", "up", "--port", str(port), "--home", str(home))
    program = Program(f"{home.name}-up", command, dict(environment or {}), home.parent)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        station = Station(program, f"http://127.0.0.1:{port}", home, session)
        try:
            await station.start()
            yield station
        finally:
            program.kill()
