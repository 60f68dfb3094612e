"""A million finished runs: how long lists, searches and a timeline take, and what a run takes on disk.

Half of all tenants' runs belong to one tenant, and the rest to nine others. What is timed is asked of the large one,
through the journal's port, with pages of 50, each query twenty times; its median counts, and the worst of these.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from bench.engine.apart import apart
from bench.engine.clients import Rounds
from bench.engine.figures import note
from bench.engine.servers import folder
from muelle.core import Ids, PrincipalId, RunId, SystemClock, TenantId
from muelle.engine import Entry, RunFilter, RunFinished, RunStarted, RunStatus, SqlJournal, StepFinished
from muelle.stores import MemoryBlobs, StoresSettings, open_database

_LARGE = TenantId("tenant_large")
_AT_ONCE = 2_000  # runs
_BACK = timedelta(days=60)  # the oldest run
_NOBODY = PrincipalId("agent_none")
_PAGE = 50
_TIMES = 20
_SAMPLED = 0.001  # of the runs, to look at some
_STATUSES: tuple[RunStatus, ...] = ("success",) * 90 + ("error",) * 7 + ("partial_success",) * 2 + ("cancelled",)


def workflow(number: int) -> str:
    return f"workflow-{number}"


def some_workflow() -> str:
    """Return one of a hundred names, of which the first are used much more than the last."""
    return workflow(int(random.paretovariate(0.5)) % 100)


class Past:
    """Makes runs of sixty days, one after the other, each with its own time."""

    def __init__(self, count: int) -> None:
        self._ids = Ids(SystemClock())
        self._pace = _BACK / count
        self._next = datetime.now(UTC) - _BACK
        self.some: list[RunId] = []  # of the large tenant, spread over all of the time

    def entries(self) -> list[Entry]:
        """Return a run of four steps."""
        self._next += self._pace
        tenant = _LARGE if random.random() < 0.5 else TenantId(f"tenant_{random.randrange(9)}")  # noqa: S311 - no secret
        run, at = RunId(self._ids.mint("run")), self._next
        if tenant == _LARGE and random.random() < _SAMPLED:  # noqa: S311 - no secret
            self.some.append(run)
        started = RunStarted(
            run=run,
            tenant=tenant,
            principal=PrincipalId(f"agent_{random.randrange(200)}"),  # noqa: S311 - no secret
            workflow=some_workflow(),
            plan="a" * 64,
            document=b"{}",
            inputs=b'{"number": 0}',
            at=at,
        )
        ended = RunFinished(
            run=run,
            tenant=tenant,
            status=random.choice(_STATUSES),  # noqa: S311 - no secret
            at=at + timedelta(milliseconds=3),
            took=3000,
            succeeded=4,
            failed=0,
            skipped=0,
            error=None,
        )
        return [started, *(_step(run, tenant, number, at) for number in range(4)), ended]


def _step(run: RunId, tenant: TenantId, number: int, at: datetime) -> StepFinished:
    return StepFinished(
        run=run,
        tenant=tenant,
        sequence=number,
        operation=f"add_{number}",
        type="Calculate",
        iteration="",
        status="success",
        at=at + timedelta(microseconds=500 * number),
        took=40,
        attempts=1,
        cached=False,
        output=b"%d" % (number + 1),
        error=None,
    )


async def fill(journal: SqlJournal, count: int) -> list[RunId]:
    """Write so many runs, and return some of them."""
    past = Past(count)
    for _ in range(count // _AT_ONCE):
        await asyncio.gather(*[journal.append(past.entries(), flush=False) for _ in range(_AT_ONCE)])
    return past.some


def queries(journal: SqlJournal, runs: Sequence[RunId], cursor: str) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return what is timed, by name."""
    now = datetime.now(UTC)
    wheres = {
        "newest": RunFilter(),
        "by workflow, often used": RunFilter(workflow=workflow(1)),
        "by workflow, rarely used": RunFilter(workflow=workflow(97)),
        "by an unknown workflow": RunFilter(workflow="none"),
        "by agent": RunFilter(principal=PrincipalId("agent_7")),
        "by status error": RunFilter(status="error"),
        "by status success": RunFilter(status="success"),
        "by status cancelled": RunFilter(status="cancelled"),
        "still running": RunFilter(status="running"),
        "of a day a month ago": RunFilter(since=now - timedelta(days=30), until=now - timedelta(days=29)),
        "by agent and status error": RunFilter(principal=PrincipalId("agent_7"), status="error"),
        "by workflow and status cancelled": RunFilter(workflow=workflow(97), status="cancelled"),
        "by workflow, often used, and status cancelled": RunFilter(workflow=workflow(1), status="cancelled"),
        "by workflow, often used, and an unknown agent": RunFilter(workflow=workflow(1), principal=_NOBODY),
        "by status success and an unknown agent": RunFilter(status="success", principal=_NOBODY),
        "by a status that no run has": RunFilter(status="dead"),
        "by agent and workflow": RunFilter(principal=PrincipalId("agent_7"), workflow=workflow(97)),
        "by agent, workflow, status and week": RunFilter(
            principal=PrincipalId("agent_7"), workflow=workflow(1), status="error", since=now - timedelta(days=7)
        ),
    }
    found: dict[str, Callable[[], Awaitable[object]]] = {
        f"list {name}": lambda where=where: journal.runs(_LARGE, where, _PAGE)  # type: ignore[misc]  # a default
        for name, where in wheres.items()
    }
    found["list a page half-way"] = lambda: journal.runs(_LARGE, RunFilter(), _PAGE, cursor)

    async def timeline() -> None:
        run = random.choice(runs)  # noqa: S311 - no secret
        await journal.run(_LARGE, run)
        await journal.steps(_LARGE, run)

    found["timeline of a run"] = timeline
    return found


async def median_ms(ask: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def size_of(home: Path) -> int:
    return sum(file.stat().st_size for file in home.glob("muelle.db*"))


async def measure(home: Path, count: int) -> float:
    """Fill a file with so many runs and return the worst of the medians in ms."""
    settings = StoresSettings(synchronous="NORMAL")
    start = time.perf_counter()
    async with open_database(home, settings) as database:
        runs = await fill(SqlJournal(database, MemoryBlobs()), count)
    note(f"  {count:,} runs of four steps written in {time.perf_counter() - start:.0f} s")
    size = size_of(home)
    note(f"  storage: {size / 1e6:,.0f} MB, {size / count:,.0f} bytes a run with its journal and indexes")
    async with open_database(home, settings) as database:
        journal = SqlJournal(database, MemoryBlobs())
        middle = RunFilter(until=datetime.now(UTC) - _BACK / 2)
        page = await journal.runs(_LARGE, middle, _PAGE)
        worst = 0.0
        for name, ask in queries(journal, runs, page.cursor or "").items():
            taken = await median_ms(ask)
            worst = max(worst, taken)
            note(f"  {name}: {taken:.2f} ms")
    return worst


def stored(rounds: Rounds) -> dict[str, float]:
    """Return the worst median of all lists, searches and a timeline, in ms."""
    count = rounds.of(1_000_000)
    note(f"stored: {count:,} finished runs, SQLite")
    with folder() as home:
        return {"million_list_ms": round(apart(lambda: uvloop.run(measure(home, count))), 2)}
