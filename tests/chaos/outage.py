"""The database is gone for as long as one likes, under clients that go on: `make chaos ARGS="--outage 60"`.

What was acknowledged before, and what is refused meanwhile, is counted; then the database comes back.
"""

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.client import EXECUTIONS
from chaos.station import PATIENCE, Said, Station, open_station
from fixtures.postgres import PostgresServer

CLIENTS = 4
_BEFORE = 40
_PAUSE = 0.05  # seconds between a client's submissions
# Half of the runs are in the middle of something when the database goes.
_NAP = {"id": "nap", "operation": {"Wait": {"duration": 1500}}}


@dataclass
class Outage:
    """What was seen: `refusals` are all answers while the database was gone."""

    seconds: float
    refusals: list[Said] = field(default_factory=list)
    acknowledged: int = 0
    unended: dict[str, str] = field(default_factory=dict)
    back_after: float = 0.0

    @property
    def badly_refused(self) -> list[Said]:
        """The refusals that do not say: not now, try again then, and what is to be done."""
        return [said for said in self.refusals if not is_refused_for_now(said, "database_unreachable")]

    def summary(self) -> dict[str, Any]:
        """Return the figures, for programs."""
        return {
            "outage_seconds": round(self.seconds, 1),
            "acknowledged": self.acknowledged,
            "lost": len(self.unended),
            "refused": len(self.refusals),
            "badly_refused": len(self.badly_refused),
            "back_after_s": round(self.back_after, 2),
        }


def is_refused_for_now(said: Said, *codes: str) -> bool:
    """Tell whether an answer says: not now, try again then, and what is to be done."""
    is_telling = said.body["code"] in codes and bool(said.body["suggestions"]) and said.body["recoverable"]
    return said.status == 503 and int(said.headers["Retry-After"]) >= 1 and is_telling


async def outage(server: PostgresServer, home: Path, seconds: float, connect_seconds: str = "0.5") -> Outage:
    """Crash the database under a server that works, keep it away, start it again; return what was seen."""
    environment = {"MUELLE__STORES__CONNECT_SECONDS": connect_seconds, "MUELLE__STORES__URL": server.create()}
    seen = Outage(seconds)
    async with open_station(home, environment) as station:
        await asyncio.gather(*(station.take(f"before {number}") for number in range(_BEFORE)))
        await asyncio.gather(*(station.take_document(_NAP) for _ in range(_BEFORE)))
        server.stop(signal.SIGQUIT)
        gone = time.monotonic()
        clients = [asyncio.create_task(_go_on(station, seen, gone + seconds)) for _ in range(CLIENTS)]
        await asyncio.gather(*clients)
        seen.refusals.append(await station.ask("GET", EXECUTIONS))
        await asyncio.to_thread(server.start)
        back = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while not (await station.submit("again")).is_acknowledged:  # noqa: ASYNC110 - it mends itself
                await asyncio.sleep(_PAUSE)
        seen.back_after = time.monotonic() - back
        seen.unended = await station.unended()
        seen.acknowledged = len(station.acknowledged)
    return seen


async def _go_on(station: Station, seen: Outage, until: float) -> None:
    """Submit, and keep what is refused; what is not is acknowledged, and must end."""
    while True:
        said = await station.submit("meanwhile")
        if not said.is_acknowledged:
            seen.refusals.append(said)
        if time.monotonic() >= until:
            return
        await asyncio.sleep(_PAUSE)
