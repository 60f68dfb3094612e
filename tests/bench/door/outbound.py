"""What is measured of calls that leave: a kept answer given again, one call for a thousand, retries that pay off.

`measure(quick)` gives the figures; `python tests/bench/door/outbound.py` prints them. Everything stays on 127.0.0.1.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

from muelle.core import HttpCall, NoMetrics, PrincipalId, SystemClock, TenantId
from muelle.egress import ApiDraft, ApiId, Egress, EgressParts, EgressSettings, MemoryRegister, open_egress
from muelle.identity import MemoryAuditTrail, Principal, Rule, Rules
from muelle.resilience import PolicyChange, Retry
from muelle.resilience.policy import CacheChange
from muelle.stores import MemoryVault

TENANT = TenantId("acme")
BODY = json.dumps([{"id": number, "name": f"name {number}"} for number in range(40)]).encode()
FAILING = 0.3  # of the answers: as much as the retries' budget is made for
HANGING = 0.03  # of the answers, among them
TOLD = 0.1  # of the answers, among them: 503 with a Retry-After
TIMEOUT = 0.3  # seconds for one attempt
CALLERS = 50  # calls at a time


@dataclass
class Upstream:
    """A server that fails as it is told, and counts what it was asked."""

    failing: float = 0.0
    seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(4))  # noqa: S311 - the same failures each time
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.seen[head.partition(b"\r\n")[0].decode()] += 1
                await asyncio.sleep(self.seconds)
                answer = self._answer()
                if answer is None:
                    await reader.read()  # until the client gives up
                    return
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            writer.close()

    def _answer(self) -> bytes | None:
        drawn = self.chance.random()
        if drawn >= self.failing:
            return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
        if drawn < HANGING:
            return None
        told = b"Retry-After: 0\r\n" if drawn < HANGING + TOLD else b""
        return b"HTTP/1.1 503 Busy\r\n" + told + b"Content-Length: 0\r\n\r\n"


class Anywhere:
    """Lets calls reach this machine."""

    async def addresses(self, tenant: TenantId) -> tuple[str, ...]:
        del tenant
        return ("127.0.0.0/8",)


@asynccontextmanager
async def outbound(settings: EgressSettings, upstream: Upstream) -> AsyncIterator[Egress]:
    """Open egress beside an upstream."""
    parts = EgressParts(
        apis=MemoryRegister(),
        credentials=MemoryRegister(),
        vault=MemoryVault(),
        addresses=Anywhere(),
        trail=MemoryAuditTrail(),
        settings=settings,
        clock=SystemClock(),
        metrics=NoMetrics(),
    )
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, backlog=1000)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        async with open_egress(parts) as egress:
            yield egress
    finally:
        server.close()


def agent() -> Principal:
    """Return who may do everything."""
    rules = Rules((Rule("*", "*"),))
    return Principal(id=PrincipalId("agent_1"), kind="agent", name="a", tenant=TENANT, rules=rules, limits={})


async def cache_hit(count: int) -> float:
    """Return the median microseconds of a call to a registered Api that a kept answer serves, grants checked anew."""
    upstream = Upstream()
    async with outbound(EgressSettings(), upstream) as egress:
        base = f"http://127.0.0.1:{upstream.port}"
        policy = PolicyChange(cache=CacheChange(seconds=300))
        await egress.apis.register(agent(), ApiDraft(id=ApiId("crm"), base_url=base, policy=policy))
        call, who = HttpCall(method="GET", url=f"{base}/contacts", query={"page": 1}), agent()
        await egress.call(who, call)
        taken = []
        for _ in range(count):
            began = perf_counter()
            answer = await egress.call(who, call)
            taken.append(perf_counter() - began)
            if not answer.cached:
                raise AssertionError(answer.headers)
    return median(taken) * 1e6


async def coalesced(calls: int) -> float:
    """Return how many calls reach the upstream when so many identical ones are made at once."""
    upstream = Upstream(seconds=0.05)
    async with outbound(EgressSettings(), upstream) as egress:
        call = HttpCall(method="GET", url=f"http://127.0.0.1:{upstream.port}/prices", cache_seconds=60)
        answers = await asyncio.gather(*(egress.call(agent(), call) for _ in range(calls)))
    if {answer.body for answer in answers} != {BODY}:
        raise AssertionError("an answer is not what the upstream said")
    return float(upstream.seen.total())


async def retried(calls: int) -> tuple[float, float]:
    """Return the part of calls that succeed, and requests for each call, where three of ten answers are failures.

    One in ten calls is a POST without a key: it must not be sent twice, and counts only for that.
    """
    retry = Retry(attempts=10, first_seconds=0.02, longest_seconds=0.2)
    upstream = Upstream(failing=FAILING)
    statuses: list[int] = []
    async with outbound(EgressSettings(timeout_seconds=TIMEOUT, retry=retry), upstream) as egress:
        left = iter(range(calls))

        async def work() -> None:
            for number in left:
                statuses.append(await _called(egress, upstream, "GET", number))
                if number % 10 == 0:
                    await _called(egress, upstream, "POST", number)

        await asyncio.gather(*(work() for _ in range(CALLERS)))
    posts = {line: count for line, count in upstream.seen.items() if line.startswith("POST")}
    if max(posts.values()) > 1:
        raise AssertionError("an unsafe call was repeated")
    requests = upstream.seen.total() - sum(posts.values())
    return sum(status == 200 for status in statuses) / calls, requests / calls


async def _called(egress: Egress, upstream: Upstream, method: str, number: int) -> int:
    url = f"http://127.0.0.1:{upstream.port}/orders/{number}"
    try:
        return (await egress.call(agent(), HttpCall(method=method, url=url))).status
    except Exception as error:  # noqa: BLE001 - whatever it is, the call did not succeed
        return getattr(error, "status", 500)


def measure(quick: bool) -> dict[str, float | None]:  # noqa: FBT001 - as every measurement of the door is called
    """Return the figures of calls that leave."""
    success, load = asyncio.run(retried(2_000 if quick else 10_000))
    return {
        "cache_hit_us": round(asyncio.run(cache_hit(2_000 if quick else 20_000)), 1),
        "coalesced_upstream_calls": asyncio.run(coalesced(1_000)),
        "retry_success": round(success, 5),
        "retry_load": round(load, 4),
    }


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv)))
