"""Muelle's HTTP API, for a client that does not give up: it submits until it is acknowledged, then looks."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import aiohttp

from chaos.checker import Seen

EXECUTE = "/api/v1/workflows/execute"
EXECUTIONS = "/api/v1/executions"
_PATIENCE = aiohttp.ClientTimeout(total=15)
_PAUSE = 0.2
_PAGE = 1_000
_MOST = 400  # characters of an error
_OK, _ACCEPTED, _UNAVAILABLE, _SERVER_ERROR = 200, 202, 503, 500
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError)
NOT_ENDED = frozenset({"queued", "running", "waiting", "paused"})


class Client:
    """Speaks to any of some servers, each time to one by chance. Open it by `open_client`.

    `answers` counts what came back, by status or kind of failure; `faults` are answers that should never be given.
    """

    def __init__(self, urls: Sequence[str], session: aiohttp.ClientSession, chance: Random) -> None:
        self._urls = urls
        self._session = session
        self._chance = chance
        self.answers: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    async def submit(self, ticket: str, body: bytes, *, is_waiting: bool = False) -> str:
        """Submit until it is acknowledged; return the run. `is_waiting`: the answer is the run's result."""
        headers = {"content-type": "application/json", "idempotency-key": f"submit-{ticket}"}
        if not is_waiting:
            headers["prefer"] = "respond-async"
        while True:
            answer = await self.ask("POST", EXECUTE, body, headers)
            if answer is not None:
                return str(answer["execution_id"])
            await asyncio.sleep(_PAUSE * (0.5 + self._chance.random()))

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of one answer, or None if there was none or it was refused."""
        url = self._chance.choice(self._urls) + path
        try:
            async with self._session.request(method, url, data=body or None, headers=headers) as answer:
                self.answers[str(answer.status)] += 1
                if answer.status in {_OK, _ACCEPTED}:
                    return await answer.json()
                await self._judge(answer, f"{method} {path.partition('?')[0]}")
        except _FAILURES as error:
            self.answers[type(error).__name__] += 1
        return None

    async def insist(self, method: str, path: str) -> Any:
        """Ask until there is an answer."""
        while True:
            answer = await self.ask(method, path)
            if answer is not None:
                return answer
            await asyncio.sleep(_PAUSE)

    async def runs(self) -> dict[str, Seen]:
        """Return every run that is listed, without its steps."""
        found: dict[str, Seen] = {}
        query = ""
        while True:
            page = await self.insist("GET", f"{EXECUTIONS}?limit={_PAGE}{query}")
            found |= {run["execution_id"]: _seen(run) for run in page["executions"]}
            if not page.get("next_cursor"):
                return found
            query = f"&cursor={page['next_cursor']}"

    async def show(self, run: str) -> Seen:
        """Return one run with its steps."""
        return _seen(await self.insist("GET", f"{EXECUTIONS}/{run}"))

    async def _judge(self, answer: aiohttp.ClientResponse, what: str) -> None:
        if answer.status == _UNAVAILABLE and answer.headers.get("retry-after", "").isdecimal():
            return
        text = (await answer.text())[:300]
        reason = "503 without Retry-After" if answer.status == _UNAVAILABLE else str(answer.status)
        self.faults[f"{what}: {reason}: {text}"] += 1


def _seen(run: Mapping[str, Any]) -> Seen:
    steps = tuple(
        (str(step["operation_id"]), str(step.get("iteration", "")), str(step["status"]))
        for step in run.get("operations", ())
    )
    faults = [run.get("error"), *(step.get("error") for step in run.get("operations", ()))]
    reason = "; ".join(json.dumps(fault)[:_MOST] for fault in faults if fault)
    return Seen(run["execution_id"], run["status"], steps, int(run.get("takeovers", 0)), reason)


@asynccontextmanager
async def open_client(urls: Sequence[str], key: str, seed: int) -> AsyncIterator[Client]:
    """Yield a client of these servers with this key."""
    connector = aiohttp.TCPConnector(limit=64)
    headers = {"x-api-key": key}
    async with aiohttp.ClientSession(headers=headers, timeout=_PATIENCE, connector=connector) as session:
        yield Client(urls, session, Random(seed))  # noqa: S311 - faults that can be repeated
