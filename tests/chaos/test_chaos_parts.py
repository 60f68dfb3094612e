"""What chaos is made of, tried by itself: the judge, the world outside, the proxy, the programs, the client."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from chaos.checker import Findings, Promise, Seen, judge
from chaos.client import open_client
from chaos.ledger import LAST, Ledger
from chaos.programs import Program, faketime
from chaos.proxy import open_proxy
from chaos.shapes import Shape, shape_of, shapes
from chaos.stand_in import Flaws, open_stand_in
from chaos.trial import Options, Trial, World, open_world

PATIENCE = 20.0
SHAPE = Shape("two", (), {"first": None, LAST: "first"}, 100)
PROMISE = Promise("t1", SHAPE, frozenset({"run_1"}))
RUNS = {"run_1": Seen("run_1", "success", (("first", "", "success"), ("last", "", "success")))}


def ledger(*, last: int = 1, first_key: str = "k1", wait: float = 0.1, after: bytes = b"1") -> Ledger:
    """Return a ledger in which a run did both its effects, the second one `last` times."""
    kept = Ledger()
    kept.note(10.0, ("t1", "first"), first_key, b'{"at":"noon"}')
    for number in range(last):
        kept.note(10.0 + wait + number, ("t1", LAST), "k2", b'{"at":"noon","after":%b}' % after)
    return kept


def judged(kept: Ledger, promise: Promise = PROMISE, runs: dict[str, Seen] = RUNS) -> Findings:
    return judge([promise], runs, kept.sightings())


def test_a_run_that_did_everything_once_is_sound() -> None:
    found = judged(ledger())

    assert found.is_sound
    assert (found.runs, found.effects, found.repeated) == (1, 2, 0)


def test_a_repetition_under_the_same_key_is_counted_and_allowed() -> None:
    found = judged(ledger(last=3))

    assert found.is_sound
    assert found.repeated == 2


def test_a_missing_effect_is_lost() -> None:
    assert judged(ledger(last=0)).lost == ["t1: run_1 never did last"]


def test_a_run_that_is_not_there_is_lost() -> None:
    assert judged(ledger(), runs={}).lost == ["t1: run_1 was acknowledged and is not there"]


@pytest.mark.parametrize("status", ["running", "queued", "waiting", "dead", "error", "partial_success"])
def test_a_run_that_has_not_succeeded_is_lost(status: str) -> None:
    assert judged(ledger(), runs={"run_1": Seen("run_1", status)}).lost == [f"t1: run_1 is {status}"]


def test_an_effect_under_two_keys_is_doubled() -> None:
    kept = ledger()
    kept.note(12.0, ("t1", LAST), "k3", b'{"at":"noon","after":1}')

    assert judged(kept).doubled == ["t1: last was done under the keys k2, k3"]


def test_a_submission_that_became_two_runs_is_doubled() -> None:
    promise = Promise("t1", SHAPE, frozenset({"run_1", "run_2"}))
    runs = {**RUNS, "run_2": Seen("run_2", "success")}

    assert judged(ledger(), promise, runs).doubled == ["t1: one submission became run_1, run_2"]


def test_a_step_that_is_twice_in_the_journal_is_doubled() -> None:
    steps = (("first", "", "success"), ("first", "", "success"))

    found = judged(ledger(), runs={"run_1": Seen("run_1", "success", steps)})

    assert found.doubled == ["t1: run_1 has first  twice in its journal"]


def test_an_effect_that_came_before_its_time_is_wrong() -> None:
    assert judged(ledger(wait=0.05)).wrong == ["t1: last came 0.050 s after first, not 100 ms"]


def test_an_effect_that_remembers_another_past_is_wrong() -> None:
    assert judged(ledger(after=b"7")).wrong == ["t1: last remembers receipt 7 of first, which was never given"]


def test_a_repetition_with_another_body_is_wrong() -> None:
    kept = ledger()
    kept.note(12.0, ("t1", LAST), "k2", b'{"at":"midnight","after":1}')

    assert judged(kept).wrong == ["t1: last was repeated with another body under k2"]


def test_an_effect_without_a_key_is_wrong() -> None:
    assert judged(ledger(first_key="")).wrong == ["t1: first had no idempotency key"]


def test_effects_and_runs_that_nobody_asked_for_are_wrong() -> None:
    kept = ledger()
    kept.note(12.0, ("t2", LAST), "k9", b'{"at":"noon"}')
    kept.note(12.0, ("t1", "odd"), "k8", b'{"at":"noon"}')

    found = judged(kept, runs={**RUNS, "run_9": Seen("run_9", "success")})

    assert found.wrong == [
        "t1: did odd, which nobody asked for",
        "t2: has effects, and was never acknowledged",
        "run_9: is listed, and was never acknowledged",
    ]


def test_tickets_are_shared_among_all_shapes() -> None:
    known = shapes("http://world.test")

    drawn = [shape_of(f"t{number:06d}", known).name for number in range(600)]

    assert drawn.count("straight") > 200
    assert all(drawn.count(shape.name) > 50 for shape in known)


async def test_the_world_gives_a_repetition_the_same_receipt_and_counts_it(tmp_path: Path) -> None:
    async with open_world(tmp_path, 1) as world, aiohttp.ClientSession() as session:
        receipts = []
        for key in ("k1", "k1", "k2"):
            url, headers = f"{world.url}/steady/t1/first", {"idempotency-key": key}
            async with session.post(url, data=b'{"at":"noon"}', headers=headers) as answer:
                receipts.append((await answer.json())["receipt"])
        seen = await world.sightings()

    assert receipts == [1, 1, 2]
    assert [(one.key, one.times) for one in seen] == [("k1", 2), ("k2", 1)]
    assert len((tmp_path / "effects.tsv").read_text().splitlines()) == 3


async def test_a_flaky_world_refuses_hangs_up_and_sometimes_has_done_it_all_the_same(tmp_path: Path) -> None:
    outcomes: list[str] = []
    async with open_world(tmp_path, 1) as world, aiohttp.ClientSession() as session:
        for number in range(300):
            url, headers = f"{world.url}/flaky/t{number}/first", {"idempotency-key": "k"}
            try:
                async with session.post(url, data=b'{"at":"noon"}', headers=headers) as answer:
                    outcomes.append(str(answer.status))
            except aiohttp.ClientError:
                outcomes.append("cut")
        seen = len(await world.sightings())

    assert {"200", "503", "cut"} == set(outcomes)
    assert outcomes.count("200") < seen < outcomes.count("200") + outcomes.count("cut")


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """Run a server that says everything back; yield its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_proxy_lets_much_through_both_ways() -> None:
    sent = bytes(range(256)) * 20_000
    async with echoing() as port, open_proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(sent)
        got = await reader.readexactly(len(sent))
        writer.close()
        await writer.wait_closed()

    assert got == sent


async def test_a_frozen_proxy_keeps_what_is_sent_until_it_thaws() -> None:
    async with echoing() as port, open_proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        proxy.freeze()
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(5), 0.2)
        proxy.thaw()
        assert await reader.readexactly(5) == b"hello"
        writer.close()


async def test_a_cut_ends_both_ends_and_a_new_connection_is_fine() -> None:
    async with echoing() as port, open_proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
        writer.close()


async def test_a_proxy_before_nothing_hangs_up() -> None:
    async with echoing() as port:
        pass
    async with open_proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE)
        writer.close()


CLOCK = """
import asyncio, time

async def main():
    while True:
        print(time.time(), flush=True)
        await asyncio.sleep(0.05)

asyncio.run(main())
"""


def program(folder: Path, script: str, offset: str = "") -> Program:
    return Program("p", (sys.executable, "-c", script), {}, folder, offset)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)


def lines_of(it: Program) -> int:
    return len(it.tail().splitlines())


def spread_of(it: Program) -> float:
    """Return how far the times are apart that a program has printed."""
    times = [float(line) for line in it.log.read_text().splitlines()]
    return max(times) - min(times)


async def test_a_program_that_was_killed_is_started_anew(tmp_path: Path) -> None:
    it = program(tmp_path, "import time; print(1, flush=True); time.sleep(60)")
    it.start()
    await until(lambda: lines_of(it) == 1)
    it.kill()
    assert not it.is_running
    it.start()
    await until(lambda: lines_of(it) == 2)
    it.kill()

    assert (it.kills, it.deaths) == (2, 0)


async def test_a_program_that_ends_by_itself_is_counted_with_what_it_said(tmp_path: Path) -> None:
    it = program(tmp_path, "raise SystemExit('out of ideas')")
    it.start()
    await until(lambda: not it.is_running)
    it.start()
    await until(lambda: not it.is_running)

    assert it.deaths == 1
    assert "out of ideas" in it.last_words[0]


async def test_a_program_that_ends_as_it_was_asked_to_has_not_died(tmp_path: Path) -> None:
    script = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print(1, flush=True); signal.pause()"
    it = program(tmp_path, script)
    it.start()
    await until(lambda: lines_of(it) == 1)
    it.ask_to_end()
    await until(lambda: not it.is_running)
    it.start()
    it.kill()

    assert it.deaths == 0


@pytest.mark.skipif(faketime() is None, reason="libfaketime is not installed (apt-get install faketime)")
async def test_a_clock_is_moved_while_the_program_runs(tmp_path: Path) -> None:
    it = program(tmp_path, CLOCK, "-3600")
    it.start()
    await until(lambda: lines_of(it) >= 2)
    it.move_clock("+3600")
    await until(lambda: spread_of(it) > 7_000)
    it.kill()

    assert spread_of(it) == pytest.approx(7_200, abs=30)


@asynccontextmanager
async def trying(folder: Path, flaws: Flaws, runs: int = 40) -> AsyncIterator[tuple[Trial, World]]:
    """Hand work in to the stand-in, until all of it was acknowledged."""
    async with open_world(folder, 1) as world:
        known = [shape for shape in shapes(world.url) if shape.wait < 1_000]
        async with open_stand_in(known, world.url, flaws) as url, open_client([url], "key", 1) as client:
            trial = Trial(Options(runs=runs), world, client)
            trial.shapes = tuple(known)
            watch = asyncio.create_task(world.watch())
            await trial.submit_all()
            yield trial, world
            watch.cancel()


async def findings(trial: Trial, world: World) -> Findings:
    runs = await trial.ended(PATIENCE)
    return judge(trial.promises(), runs, await world.sightings())


async def test_a_client_submits_until_it_is_acknowledged_and_finds_an_honest_server_sound(tmp_path: Path) -> None:
    async with trying(tmp_path, Flaws()) as (trial, world):
        await trial.finish()
        found = await findings(trial, world)

        assert (found.lost, found.doubled, found.wrong) == ([], [], [])
        assert trial.client.answers["503"] > 5
        assert not trial.client.faults


async def test_what_a_server_loses_doubles_or_forgets_is_found(tmp_path: Path) -> None:
    flaws = Flaws(loses=frozenset({"t000003"}), doubles=frozenset({"t000005"}), forgets=frozenset({"t000007"}))
    async with trying(tmp_path, flaws) as (trial, world):
        found = await findings(trial, world)

    assert [sentence.partition(":")[0] for sentence in found.lost] == ["t000003", "t000007"]
    assert [sentence.partition(":")[0] for sentence in found.doubled] == ["t000005"]
