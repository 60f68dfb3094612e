"""The peers: what each needs, how it is started, and how fast it does the same work on the same machine."""

import subprocess
from collections.abc import Callable
from contextlib import ExitStack

from bench.engine.clients import HERE, Clients, Rounds
from bench.engine.environments import Missing, environment
from bench.engine.figures import note
from bench.engine.servers import folder, free_port, postgres, postgres_version, redis, restate, started, wait_for_port


def dbos(rounds: Rounds) -> float:
    """Measure DBOS on PostgreSQL in one process, and in two that share the database; return the best in runs/s."""
    made = environment("dbos", ["dbos", "psycopg[binary]"])
    note(
        f"DBOS {made.version('dbos')}, PostgreSQL {postgres_version()} (its own settings, fsync on), 4 executor threads"
    )
    command = [made.program("python"), "peer_dbos.py"]
    with postgres() as server:
        return max(
            Clients(f"DBOS, processes: {count}", command, count).best(rounds, lambda: ["--url", server.create()])
            for count in (1, 2)
        )


def celery(rounds: Rounds) -> float:
    """Measure Celery on Redis with two worker processes; return the best of two ways, in chains/s.

    A chain keeps each task's result only if it is told to; without them it does less than the others do.
    """
    made = environment("celery", ["celery", "redis", "hiredis", "packaging"])
    note(f"Celery {made.version('celery')}, redis {made.version('redis')}, worker --pool prefork --concurrency 2")
    with ExitStack() as stack:
        url = {"MUELLE_BENCH_REDIS": stack.enter_context(redis())}
        place = stack.enter_context(folder())
        worker = ["worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"]
        command = [made.program("celery"), "-A", "peer_celery", *worker]
        stack.enter_context(started(command, place / "log", HERE, url))
        client = [made.program("python"), "peer_celery.py"]
        last = Clients("Celery + Redis, the last result kept", client, variables=url).best(rounds)
        every = [*client, "--keep-all"]
        return max(last, Clients("Celery + Redis, every result kept", every, variables=url).measure(rounds, 50))


def restate_server(rounds: Rounds) -> float:
    """Measure Restate with its Python SDK served by hypercorn, as its documentation has it; return runs/s."""
    made = environment("restate", ["restate-sdk", "hypercorn", "aiohttp"], ["@restatedev/restate-server"])
    asked = [made.npm_program("restate-server"), "--version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    note(f"{version}, restate-sdk {made.version('restate-sdk')}, hypercorn --workers 2, one node")
    with ExitStack() as stack:
        admin, ingress = stack.enter_context(restate(made))
        port = free_port()
        log = stack.enter_context(folder()) / "log"
        serve = [made.program("hypercorn"), "peer_restate:app", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
        service = stack.enter_context(started(serve, log, HERE, {}))
        wait_for_port(port, service, log)
        where = ["--admin", admin, "--ingress", ingress, "--service", f"http://127.0.0.1:{port}"]
        return Clients("Restate", [made.program("python"), "peer_restate.py", *where]).best(rounds)


PEERS: dict[str, Callable[[Rounds], float]] = {"dbos": dbos, "restate": restate_server, "celery": celery}


def measure_peer(name: str, rounds: Rounds) -> float | None:
    """Return runs/s, or None, said aloud, if the peer cannot be had here."""
    try:
        return PEERS[name](rounds)
    except Missing as missing:
        note(f"{name}: MISSING, and so null: {missing}")
        return None
