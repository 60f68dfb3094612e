"""The peers: what each needs, how it is started, and how fast it does the same work on the same machine."""

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.engine.environments import Missing, environment
from bench.engine.figures import Window, listed, median, note, side_by_side, spending, windows
from bench.engine.servers import folder, free_port, postgres, postgres_version, redis, restate, started, wait_for_port

HERE = Path(__file__).parent
IN_FLIGHT = 50


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long and how often each is measured."""

    seconds: float = 6
    count: int = 3

    def arguments(self, in_flight: int) -> list[str]:
        return ["--seconds", str(self.seconds), "--rounds", str(self.count), "--in-flight", str(in_flight)]


def dbos(rounds: Rounds) -> float | None:
    """Measure DBOS on PostgreSQL in one process, and in two that share the database; return the faster one's runs/s."""
    made = environment("dbos", ["dbos", "psycopg[binary]"])
    note(
        f"DBOS {made.version('dbos')}, PostgreSQL {postgres_version()} (its own settings, fsync on), 4 executor threads"
    )
    found: list[float] = []
    with postgres() as server:
        for processes in (1, 2):
            arguments = ["--url", server.create(), *rounds.arguments(IN_FLIGHT // processes)]
            command = [made.program("python"), "peer_dbos.py", *arguments]
            found.append(_measure(f"DBOS, {processes} process(es)", [command] * processes, {}))
    return max(found)


def celery(rounds: Rounds) -> float | None:
    """Measure Celery on Redis with two worker processes; return the faster of two ways, in chains/s.

    A chain keeps each task's result only if it is told to; without them it does less than the others do.
    """
    made = environment("celery", ["celery", "redis", "hiredis", "packaging"])
    note(f"Celery {made.version('celery')}, redis {made.version('redis')}, worker --pool prefork --concurrency 2")
    with ExitStack() as stack:
        url = {"MUELLE_BENCH_REDIS": stack.enter_context(redis())}
        place = stack.enter_context(folder())
        worker = ["worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"]
        log = place / "log"
        stack.enter_context(started([made.program("celery"), "-A", "peer_celery", *worker], log, HERE, url))
        command = [made.program("python"), "peer_celery.py", *rounds.arguments(IN_FLIGHT)]
        last = _measure("Celery + Redis, the last result kept", [command], url)
        every = _measure("Celery + Redis, every result kept", [[*command, "--keep-all"]], url)
    return max(last, every)


def restate_server(rounds: Rounds) -> float | None:
    """Measure Restate with its Python SDK served by hypercorn, as its documentation has it; return runs/s."""
    made = environment("restate", ["restate-sdk", "hypercorn", "aiohttp"], ["@restatedev/restate-server"])
    server = subprocess.run(
        [made.npm_program("restate-server"), "--version"], capture_output=True, text=True, check=True
    )
    note(f"{server.stdout.strip()}, restate-sdk {made.version('restate-sdk')}, hypercorn --workers 2, one node")
    with ExitStack() as stack:
        admin, ingress = stack.enter_context(restate(made))
        port = free_port()
        log = stack.enter_context(folder()) / "log"
        serve = [made.program("hypercorn"), "peer_restate:app", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
        service = stack.enter_context(started(serve, log, HERE, {}))
        wait_for_port(port, service, log)
        where = ["--admin", admin, "--ingress", ingress, "--service", f"http://127.0.0.1:{port}"]
        command = [made.program("python"), "peer_restate.py", *where]
        found = _measure("Restate", [[*command, *rounds.arguments(IN_FLIGHT)]], {})
        _measure("Restate, 200 in flight", [[*command, *rounds.arguments(200)]], {})
    return found


PEERS: dict[str, Callable[[Rounds], float | None]] = {"dbos": dbos, "restate": restate_server, "celery": celery}


def measure_peer(name: str, rounds: Rounds) -> float | None:
    """Return runs/s, or None, said aloud, if the peer cannot be had here."""
    try:
        return PEERS[name](rounds)
    except Missing as missing:
        note(f"{name}: MISSING, and so null: {missing}")
        return None


def _measure(title: str, commands: Sequence[list[str]], variables: dict[str, str]) -> float:
    """Run clients side by side and return the median of their rates added up."""
    note(f"$ {' '.join([Path(commands[0][0]).name, *commands[0][1:]])}{' (twice)' if len(commands) > 1 else ''}")
    with spending() as spent:
        found = _run(commands, variables)
    rates = side_by_side(found)
    middle = median(rates)
    if middle is None:
        raise Missing(f"{title} printed no figures")
    runs = sum(window.runs for process in found for window in process)
    cost = spent.ours / runs * 1000
    note(f"  {title}: {listed(rates)} runs/s; about {cost:.1f} ms of processor a run; others used {spent.others:.1f}")
    return middle


def _run(commands: Sequence[list[str]], variables: dict[str, str]) -> list[list[Window]]:
    extra = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    clients = [
        subprocess.Popen(command, cwd=HERE, env=extra, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    outputs = [client.communicate() for client in clients]
    for client, (_, errors) in zip(clients, outputs, strict=True):
        if client.returncode:
            raise Missing(f"{client.args!r} failed: {errors.strip()[-400:]}")
    return [windows(output) for output, _ in outputs]
