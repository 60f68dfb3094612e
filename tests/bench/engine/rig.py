"""One process of Muelle as `muelle up` and `muelle worker` have it, but for HTTP: the app, its engine, its worker."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from muelle.app import App, open_app, read_configuration
from muelle.core import RunId
from muelle.engine import Entry, SqlJournal, Worker
from muelle.identity import Principal
from muelle.workflows import Outcome, Workflows
from muelle.workflows.runs import Wishes

QUEUES = ("default",)


def document(*first: dict[str, Any]) -> bytes:
    """Return a document that adds one four times, after some other operations."""
    operations = [
        {
            "id": f"add{number}",
            "operation": {
                "Calculate": {
                    "inputPath": f"/workflow/n{number}" if number else "/input/number",
                    "operation": "add",
                    "operand": 1,
                    "outputPath": f"/workflow/n{number + 1}",
                }
            },
        }
        for number in range(4)
    ]
    return json.dumps({"operationUpdate": {"workflowId": "four-steps", "operations": [*first, *operations]}}).encode()


FOUR_STEPS = document()
AFTER_A_WAIT = document({"id": "wait", "operation": {"Wait": {"until": {"path": "/input/until"}}}})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process keeps its runs: in memory without a `home`; on the server at `url`, or else in a file."""

    home: Path | None = None
    url: str = ""
    synchronous: str = "FULL"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the settings as a user gives them; `more` are of the room `engine`. Runs may take a day."""
        return {
            "MUELLE__STORES__URL": self.url,
            "MUELLE__STORES__SYNCHRONOUS": self.synchronous,
            "MUELLE__WORKFLOWS__LIMITS__RUN_SECONDS": "86400",
            **{f"MUELLE__ENGINE__{name.upper()}": value for name, value in more.items()},
        }


class NoJournal(SqlJournal):
    """Keeps nothing: what runs cost that nobody writes down."""

    def append(self, entries: Sequence[Entry], *, flush: bool = True, lease: str | None = None) -> Awaitable[None]:
        del entries, flush, lease
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Rig:
    """A process, and who asks it to run four steps."""

    def __init__(self, app: App, me: Principal, workflows: Workflows | None = None) -> None:
        self.app = app
        self.me = me
        self._workflows = workflows or app.workflows

    def without_journal(self) -> "Rig":
        """Return the same process, with runs at once that are not written down."""
        among = self.app.workflows.among
        silent = replace(among, journal=NoJournal(self.app.stores.database, self.app.stores.blobs))
        return Rig(self.app, self.me, Workflows(self.app.planner, silent, self.app.egress))

    async def submit(self) -> RunId:
        """Hand in a run; when this returns it is durable."""
        return (await self.app.runs.submit(self.me, FOUR_STEPS, {"number": 0}, Wishes())).run

    async def submit_sleeper(self, until: float) -> RunId:
        """Hand in a run that waits until so many seconds since 1970 before its four steps."""
        inputs = {"number": 0, "until": until}
        return (await self.app.runs.submit(self.me, AFTER_A_WAIT, inputs, Wishes())).run

    async def run(self) -> RunId:
        """Hand in a run and return it once it has ended, durably; a wrong result ends the benchmark."""
        run = await self.submit()
        ending = await self.app.engine.wait(self.me.tenant, run, 60)
        if ending is None:
            raise AssertionError("a run did not end within a minute")
        if isinstance(ending.result, Outcome):  # None: another process had it
            _check(ending.result)
        return run

    async def run_at_once(self) -> None:
        """Run as a caller does who waits for the answer: nothing is queued."""
        _check(await self._workflows.run(self.me, FOUR_STEPS, {"number": 0}))

    async def neighbour(self, tenant: str) -> "Rig":
        """Return the same process as the owner of another tenant sees it."""
        added = await self.app.identity.tenants.add(self.me, tenant)
        return Rig(self.app, await self.app.identity.authenticate(added.key.text.reveal()))

    def worker(self) -> Worker:
        """Return what advances queued runs here, once it is asked to."""
        return Worker(self.app.engine, QUEUES)


def _check(outcome: Outcome) -> None:
    if outcome.status != "success":
        raise AssertionError(f"four steps ended as {outcome.status}")


@asynccontextmanager
async def open_rig(place: Place, **engine: str) -> AsyncIterator[Rig]:
    """Open the app; `engine` has settings of that room, such as concurrency="512"."""
    async with AsyncExitStack() as stack:
        configuration = read_configuration(place.home, place.environment(engine))
        app = await stack.enter_async_context(open_app(configuration, place.home))
        yield Rig(app, await app.identity.operator())
