"""Compare HTTP clients for calls that leave: requests a second, latency, import time, memory, and Egress itself.

Run: `python tests/bench/bench_egress.py`. Everything stays on 127.0.0.1; it takes about a minute. A server process
answers 1 KB of JSON over kept-alive connections; each client runs in a process of its own with one pool.
"""

import argparse
import asyncio
import importlib
import importlib.util
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

ANSWER = msgspec.json.encode({"items": [{"id": n, "name": f"name {n}", "ok": True} for n in range(24)]})[:1024]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
REPLY = HEAD % len(ANSWER) + ANSWER
CLIENTS = ("aiohttp", "httpx", "pyreqwest", "egress")
LOADS = (("GET", 50, 4000), ("GET", 1, 1500), ("POST", 50, 4000))

Once = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one client did under one load: latencies in milliseconds, CPU of its process in microseconds a call."""

    rate: float
    median: float
    p99: float
    cpu: float


class Answers(asyncio.Protocol):
    """The smallest server that keeps connections alive and reads bodies by Content-Length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape alone
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = self._seen[:end].lower()
            mark = head.find(b"content-length:")
            size = int(head[mark + 15 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0
            if len(self._seen) < end + 4 + size:
                return
            self._seen = self._seen[end + 4 + size :]
            self._transport.write(REPLY)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def load(once: Once, concurrency: int, calls: int) -> Measured:
    taken: list[float] = []
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            await once()
            taken.append(time.perf_counter() - began)

    began, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    rate = calls / (time.perf_counter() - began)
    cpu = (time.process_time() - worked) / calls * 1e6
    taken.sort()
    return Measured(rate, taken[len(taken) // 2] * 1000, taken[len(taken) * 99 // 100] * 1000, cpu)


async def measure(open_client: Callable[[str, str, bytes], Awaitable[tuple[Once, Once]]], url: str) -> None:
    payload = msgspec.json.encode({"name": "x" * 200, "values": list(range(40))})
    for method, concurrency, calls in LOADS:
        once, close = await open_client(method, url, payload)
        await load(once, concurrency, calls // 10)
        result = await load(once, concurrency, calls)
        await close()
        print(method, concurrency, result.rate, result.median, result.p99, result.cpu)
    print("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


async def with_aiohttp(method: str, url: str, payload: bytes) -> tuple[Once, Once]:
    import aiohttp  # noqa: PLC0415 - only the measured client is loaded

    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def once() -> None:
        async with session.request(method, url, data=payload if method == "POST" else None) as answer:
            assert len(await answer.read()) == len(ANSWER)

    return once, session.close


async def with_httpx(method: str, url: str, payload: bytes) -> tuple[Once, Once]:
    import httpx  # noqa: PLC0415 - only the measured client is loaded

    client = httpx.AsyncClient(trust_env=False)

    async def once() -> None:
        answer = await client.request(method, url, content=payload if method == "POST" else None)
        assert len(answer.content) == len(ANSWER)

    return once, client.aclose


async def with_pyreqwest(method: str, url: str, payload: bytes) -> tuple[Once, Once]:
    # No dependency of Muelle: install it to measure it.
    client = importlib.import_module("pyreqwest.client").ClientBuilder().no_proxy().build()

    async def once() -> None:
        request = client.request(method, url)
        answer = await (request.body_bytes(payload) if method == "POST" else request).build().send()
        assert len(await answer.bytes()) == len(ANSWER)

    return once, client.close


async def with_egress(method: str, url: str, payload: bytes) -> tuple[Once, Once]:
    """Measure what an operation pays: a registered Api, its credential, the guard, the scrubbing."""
    from egress.egress_world import agent, open_world  # noqa: PLC0415 - only the measured client is loaded
    from muelle.core import HttpCall  # noqa: PLC0415 - as above
    from muelle.egress import CredentialId, EgressSettings, Placement  # noqa: PLC0415 - as above

    stack = AsyncExitStack()
    world = await stack.enter_async_context(open_world(EgressSettings()))
    base = url.rsplit("/", 1)[0]
    await world.credential(type="bearer-token", hosts=(base,))
    await world.api(base_url=base, credential=Placement(credential=CredentialId("key")))
    call = HttpCall(method=method, url=url, body=payload if method == "POST" else None)
    principal = agent()

    async def once() -> None:
        answer = await world.egress.call(principal, call)
        assert len(answer.body) == len(ANSWER)

    return once, stack.aclose


OPENERS = {"aiohttp": with_aiohttp, "httpx": with_httpx, "pyreqwest": with_pyreqwest, "egress": with_egress}


def is_installed(client: str) -> bool:
    """Tell whether a client can be measured, and say so if not."""
    if importlib.util.find_spec(MODULES[client].partition(".")[0]):
        return True
    print(f"{client} is not installed")
    return False


def import_seconds(module: str) -> float:
    """Return the least of five imports in fresh processes, over a bare start with asyncio."""
    return min(_start(f"import asyncio, {module}") for _ in range(5)) - min(_start("import asyncio") for _ in range(5))


def _start(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def compare(clients: tuple[str, ...], loop: str) -> None:
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/things"
        rows = {client: _measured(client, url, loop) for client in clients}
    finally:
        server.terminate()
        server.wait()
    _print_table(rows)


def _measured(client: str, url: str, loop: str) -> dict[str, list[float]]:
    command = [sys.executable, __file__, "--client", client, "--url", url, "--loop", loop]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    lines = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    loads = {" ".join(parts[:2]): [float(value) for value in parts[2:]] for parts in map(str.split, lines[:-1])}
    return {**loads, "memory": [float(lines[-1].split()[1])], "import": [import_seconds(MODULES[client]) * 1000]}


MODULES = {
    "aiohttp": "aiohttp",
    "httpx": "httpx",
    "pyreqwest": "pyreqwest.client",
    "egress": "muelle.egress",
}


def _print_table(rows: dict[str, dict[str, list[float]]]) -> None:
    first = next(iter(rows.values()))
    print(f"{'client':<10} {'load':<8} {'calls/s':>9} {'of best':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU us':>7}")
    for name in [key for key in first if key not in {"memory", "import"}]:
        best = max(row[name][0] for row in rows.values())
        for client, row in rows.items():
            rate, median, p99, cpu = row[name]
            print(f"{client:<10} {name:<8} {rate:>9.0f} {rate / best:>8.2f} {median:>8.2f} {p99:>8.2f} {cpu:>7.0f}")
    for client, row in rows.items():
        print(f"{client:<10} import {row['import'][0]:.0f} ms, peak memory {row['memory'][0]:.0f} MiB")


def _runner(loop: str) -> asyncio.Runner:
    if loop == "asyncio":
        return asyncio.Runner()
    import uvloop  # noqa: PLC0415 - the other loop runs without it

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--client", choices=CLIENTS)
    parser.add_argument("--url", default="")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    parser.add_argument("clients", nargs="*", default=CLIENTS)
    options = parser.parse_args()
    with _runner("uvloop" if options.serve else options.loop) as runner:
        if options.serve:
            runner.run(serve())
        elif options.client:
            runner.run(measure(OPENERS[options.client], options.url))
    if not options.serve and not options.client:
        compare(tuple(client for client in options.clients if is_installed(client)), options.loop)


if __name__ == "__main__":
    main()
