"""The keel's numbers: HTTP, in process, planning, starting, memory, large lists. Ends with one line of JSON.

    make bench-keel            # about a minute
    make bench-keel ARGS=--quick

Everything runs on 127.0.0.1, is bounded, and ends by itself. Each number is the median of several rounds, and the
command or call behind it is printed. What cannot be measured here is null, with the reason.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from muelle.app import open_app, read_configuration
from muelle.packs import Limits
from muelle.workflows import Catalogue, encode_answer
from muelle.workflows.operations.pack import BUILT_IN
from muelle.workflows.planning import make_plan

ROOT = Path(__file__).parent.parent.parent
MUELLE = [sys.executable, "-m", "muelle"]
CLIENTS = 8
ONE_OPERATION = json.dumps(
    {
        "operationUpdate": {
            "workflowId": "bench",
            "operations": [
                {
                    "id": "now",
                    "operation": {"GetCurrentDateTime": {"timezone": "UTC", "outputPath": "/workflow/now"}},
                }
            ],
        }
    }
)
WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["X-API-Key"] = os.getenv("MUELLE_BENCH_KEY")
wrk.headers["Content-Type"] = "application/json"
wrk.body = os.getenv("MUELLE_BENCH_BODY")
function done(summary, latency, requests)
  io.write(string.format("bench %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(99), summary.errors.status + summary.errors.read + summary.errors.timeout))
end
"""


def note(text: str) -> None:
    print(text, flush=True)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "MUELLE_HOME": str(home), "NO_COLOR": "1"}


@contextmanager
def server(home: Path) -> Iterator[tuple[str, str, int, float]]:
    """Start `muelle up`; yield its URL, the agent's key, its process id, and the seconds until it was ready."""
    ready = home / "ready.json"
    command = [*MUELLE, "up", "--home", str(home), "--port", "0", "--ready-file", str(ready)]
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE) as process:
        while not ready.exists():
            if process.poll() is not None or time.perf_counter() - start > 30:
                sys.exit(f"the server did not start: {process.communicate()[1]!r}")
            time.sleep(0.005)
        seconds = time.perf_counter() - start
        told = json.loads(ready.read_text())
        key = Path(told["admin_key_file"]).read_text().strip()
        try:
            yield told["url"], key, process.pid, seconds
        finally:
            process.terminate()
            process.wait(20)


def memory_of(pid: int) -> float:
    """Return the resident megabytes of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure_server(rounds: int, seconds: int) -> dict[str, Any]:
    wrk = shutil.which("wrk")
    rates: list[float] = []
    tails: list[float] = []
    readies: list[float] = []
    memories: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            with server(home) as (url, key, pid, ready):
                readies.append(ready)
                time.sleep(1)  # let start-up's garbage be collected: idle is what it is when nobody asks
                memories.append(memory_of(pid))
                if wrk:
                    rate, tail = load(wrk, home, url, key, seconds)
                    rates.append(rate)
                    tails.append(tail)
    note(f"up: muelle up, ready after: {', '.join(f'{item:.2f} s' for item in readies)}")
    note(f"idle memory: {', '.join(f'{item:.0f} MB' for item in memories)}")
    if not wrk:
        note("http: null, for wrk is not installed (Debian's package wrk)")
    return {
        "http_rps": round(statistics.median(rates)) if rates else None,
        "http_p99_ms": round(statistics.median(tails), 2) if tails else None,
        "up_ready_s": round(statistics.median(readies), 2),
        "idle_rss_mb": round(statistics.median(memories)),
    }


def load(wrk: str, home: Path, url: str, key: str, seconds: int) -> tuple[float, float]:
    """Return requests a second and the 99th percentile in ms of 8 clients."""
    script = home / "load.lua"
    script.write_text(WRK_SCRIPT)
    command = [wrk, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", str(script), f"{url}/api/v1/workflows/execute"]
    body = json.dumps({"workflow": ONE_OPERATION})
    keyed = {**os.environ, "MUELLE_BENCH_KEY": key, "MUELLE_BENCH_BODY": body}
    subprocess.run([*command[:3], "-d1s", *command[4:]], env=keyed, capture_output=True, check=True)  # warm up
    done = subprocess.run(command, env=keyed, capture_output=True, check=True, text=True)
    found = re.search(r"^bench (\d+) (\d+) (\d+) (\d+)$", done.stdout, re.MULTILINE)
    if found is None:
        sys.exit(done.stdout)
    requests, micros, tail, errors = map(int, found.groups())
    if errors:
        sys.exit(f"{errors} of {requests} requests failed")
    rate = requests / micros * 1_000_000
    note(f"http: {' '.join(['wrk', *command[1:4]])}: {rate:.0f} requests/s, p99 {tail / 1000:.2f} ms")
    return rate, tail / 1000


async def in_process(home: Path | None, callers: int, runs: int) -> float:
    """Return microseconds a run: principal to encoded answer, on an App whose plan is cached."""
    document = ONE_OPERATION.encode()
    async with open_app(read_configuration(home, {}), home) as app:
        me = await app.identity.operator()

        async def call(times: int) -> None:
            for _ in range(times):
                encode_answer(await app.workflows.run(me, document))

        await call(200)
        start = time.perf_counter()
        await asyncio.gather(*(call(runs // callers) for _ in range(callers)))
        return (time.perf_counter() - start) / (runs // callers * callers) * 1_000_000


def measure_in_process(rounds: int) -> dict[str, Any]:
    def once(callers: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            return uvloop.run(in_process(Path(folder), callers, 4000))

    memory = statistics.median(uvloop.run(in_process(None, CLIENTS, 4000)) for _ in range(rounds))
    disk = statistics.median(once(CLIENTS) for _ in range(rounds))
    many = statistics.median(once(64) for _ in range(rounds))
    note(f"in process: Workflows.run + encode_answer; memory twins {memory:.1f} us")
    note(f"in process, journal and audit on SQLite: {disk:.1f} us with 8 callers, {many:.1f} us with 64")
    return {"inprocess_us": round(memory, 1), "inprocess_sqlite_us": round(many, 1)}


def thousand_operations() -> bytes:
    """Return a chain: each operation reads what the one before it wrote."""
    operations = [
        {
            "id": f"op{number}",
            "operation": {
                "Calculate": {
                    "inputPath": f"/workflow/v{number - 1}" if number else "/input/start",
                    "operation": "add",
                    "operand": {"path": "/input/step"},
                    "outputPath": f"/workflow/v{number}",
                }
            },
        }
        for number in range(1000)
    ]
    return json.dumps({"operationUpdate": {"workflowId": "thousand", "operations": operations}}).encode()


def measure_planning(rounds: int) -> dict[str, Any]:
    catalogue = Catalogue({operation.name: operation for operation in BUILT_IN.operations})
    document = thousand_operations()
    plan_once = lambda: make_plan(document, catalogue, Limits())  # noqa: E731 - what is timed, by name
    times = timed(plan_once, rounds * 5)
    note(f"plan: make_plan of 1,000 operations with references, {len(document)} bytes: {times:.1f} ms")
    return {"plan_1000_ms": round(times, 1)}


def timed(work: Callable[[], Any], rounds: int) -> float:
    """Return the median milliseconds of some rounds, after one that does not count."""
    work()
    taken: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def measure_first_answer(rounds: int) -> dict[str, Any]:
    example = ROOT / "examples" / "order-total.jsonl"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command = [*MUELLE, "run", str(example), "--inputs", str(example.with_suffix(".inputs.json")), "--json"]

        def run() -> None:
            subprocess.run(command, env=environment(home), check=True, capture_output=True)

        seconds = timed(run, rounds * 5) / 1000
    note(f"first answer: muelle run examples/order-total.jsonl, process and all: {seconds:.3f} s")
    return {"first_answer_s": round(seconds, 3)}


def measure_large_lists() -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "tests" / "bench" / "bench_transform.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    note(done.stdout.rstrip())
    found = re.search(r"^million_rows_ratio ([\d.]+)$", done.stdout, re.MULTILINE)
    return {"million_rows_ratio": float(found[1]) if found else None}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one short round of each")
    rounds, seconds = (1, 2) if options.parse_args().quick else (3, 6)
    figures = {
        **measure_server(rounds, seconds),
        **measure_in_process(rounds),
        **measure_planning(rounds),
        **measure_first_answer(rounds),
        **measure_large_lists(),
    }
    names = ("http_rps", "http_p99_ms", "inprocess_us", "plan_1000_ms", "first_answer_s", "up_ready_s", "idle_rss_mb")
    ordered = {name: figures.pop(name) for name in names}
    print(json.dumps({**ordered, **figures}))


if __name__ == "__main__":
    main()
