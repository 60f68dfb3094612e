"""How many requests a second one process answers: runs of a one-operation document, with key, grants and journal.

`python tests/bench/bench_http.py [SECONDS]` starts a server on SQLite in a folder of its own, adds an agent with a key,
and drives `POST /api/v1/workflows/execute` over 8 kept connections from another process: wrk if it is there, else a
small client in Python. A line of JSON at the end is for programs.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from doors.door_process import open_process
from doors.door_world import document

CONNECTIONS = 8
EXECUTE = "/api/v1/workflows/execute"
NOW = {"timezone": "UTC", "outputPath": "/workflow/now"}
BODY = json.dumps({"workflow": document(("now", "GetCurrentDateTime", NOW))})
SCRIPT = """
wrk.method = "POST"
wrk.body = {body!r}
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = {key!r}
done = function(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("measured %d %d %f %f %f\\n", summary.requests, bad, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; `p50_ms` and `p99_ms` as the client saw it."""

    client: str
    requests: int
    failed: int
    rps: float
    p50_ms: float
    p99_ms: float


async def agent_key(url: str, owner_key: str) -> str:
    """Add an agent that may run documents; return its key."""
    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": owner_key}) as owner:
        await owner.post("/api/v1/agents", json={"name": "bench", "preset": "runner"})
        key: str = (await owner.post("/api/v1/agents/bench/keys", json={})).json()["key"]
    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": key}) as agent:
        answer = await agent.post(EXECUTE, content=BODY, headers={"content-type": "application/json"})
        if answer.json()["status"] != "success":
            raise SystemExit(answer.text)
    return key


def by_wrk(url: str, key: str, seconds: float, folder: Path) -> Measured:
    """Drive with wrk, which costs the least of the machine that is measured."""
    script = folder / "execute.lua"
    script.write_text(SCRIPT.format(body=BODY, key=key), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), f"{url}{EXECUTE}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"measured (\d+) (\d+) (\S+) (\S+) (\S+)", said)
    if found is None:
        raise SystemExit(said)
    took = float(found[3])
    return Measured("wrk", int(found[1]), int(found[2]), int(found[1]) / took, float(found[4]), float(found[5]))


def by_python(url: str, key: str, seconds: float) -> Measured:
    """Drive with a client in a process of its own."""
    command = [sys.executable, __file__, "--drive", url, key, str(seconds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Measured(**json.loads(said))


async def drive(url: str, key: str, seconds: float) -> Measured:
    """Send one request after the other over each connection until the time is up."""
    host, _, port = url.removeprefix("http://").partition(":")
    head = f"POST {EXECUTE} HTTP/1.1\r\nhost: m\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n"
    sent = f"{head}content-length: {len(BODY)}\r\n\r\n{BODY}".encode()
    times: list[float] = []
    failed = 0
    until = time.perf_counter() + seconds

    async def connection() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(host, int(port))
        while (began := time.perf_counter()) < until:
            writer.write(sent)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer)
            await reader.readexactly(int(length[1]) if length else 0)
            failed += not answer.startswith(b"HTTP/1.1 200")
            times.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    times.sort()
    p50, p99 = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
    return Measured("python", len(times), failed, len(times) / seconds, p50, p99)


async def measure(seconds: float) -> Measured:
    """Start a server, warm it up and measure."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()  # noqa: ASYNC240 - nothing is served yet
        async with open_process(home) as server:
            key = await agent_key(server.url, server.owner_key)
            if shutil.which("wrk"):
                by_wrk(server.url, key, 1, Path(folder))
                return await asyncio.to_thread(by_wrk, server.url, key, seconds, Path(folder))
            return await asyncio.to_thread(by_python, server.url, key, seconds)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--drive"]:
        print(json.dumps(asdict(asyncio.run(drive(sys.argv[2], sys.argv[3], float(sys.argv[4]))))))
        return
    measured = asyncio.run(measure(float(sys.argv[1]) if sys.argv[1:] else 5.0))
    print(f"{measured.rps:8.0f} requests/s over {CONNECTIONS} connections, by {measured.client}")
    print(
        f"{measured.p50_ms:8.2f} ms p50, {measured.p99_ms:.2f} ms p99; {measured.failed} of {measured.requests} failed"
    )
    print(json.dumps({"http": asdict(measured)}))


if __name__ == "__main__":
    main()
