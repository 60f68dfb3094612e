"""Following a run: its events as they happen, from any of them on, wherever it is advanced."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from doors.door_world import Served, is_problem, open_doorway
from doors.runs_doorway import ASYNC, EXECUTE, LONG, QUICK, Told, begun, events_in, open_working, serve_working
from muelle.app import open_app, read_configuration
from muelle.rooms import working

KINDS = ["operation.started", "operation.finished"] * 2 + ["run.finished"]
STREAM = {"accept": "text/event-stream"}
BEATS = {"MUELLE__WORKFLOWS__SUBMISSIONS__HEARTBEAT_SECONDS": "0.05"}
FEW = {"MUELLE__WORKFLOWS__SUBMISSIONS__STREAMS": "2"}


def client_of(served: Served, key: str | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, headers={"x-api-key": key or served.owner_key}, timeout=20)


@asynccontextmanager
async def following(client: httpx.AsyncClient, run: str, after: str = "") -> AsyncIterator[AsyncIterator[str]]:
    """Yield the lines of a stream as they come, the first of which has been read."""
    headers = {"last-event-id": after} if after else {}
    async with client.stream("GET", f"/api/v1/executions/{run}/events", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        yield lines


async def until(lines: AsyncIterator[str], wanted: str) -> list[str]:
    """Return the lines up to one that begins so."""
    read = []
    async with asyncio.timeout(20):
        async for line in lines:
            read.append(line)
            if line.startswith(wanted):
                return read
    raise AssertionError(read)


async def of(client: httpx.AsyncClient, run: str, **given: str) -> list[Told]:
    """Return the events of a run that has ended."""
    answer = await client.get(f"/api/v1/executions/{run}/events", params=given)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events_in(answer.text)


async def test_a_run_that_has_ended_is_told_from_its_beginning_to_its_end() -> None:
    async with open_working() as doorway:
        owner = await doorway.owner()
        told = await of(owner, await begun(owner, QUICK))

    assert ([event.kind for event in told], [event.id for event in told]) == (KINDS, [0, 1, 2, 3, 4])
    assert told[1].data["operation_id"] == "a"
    assert (told[-1].data["status"], told[-1].data["summary"]["succeeded"]) == ("success", 2)


@pytest.mark.parametrize("seen", range(4))
async def test_a_stream_goes_on_behind_the_event_that_was_seen(seen: int) -> None:
    async with open_working() as doorway:
        owner = await doorway.owner()
        run = await begun(owner, QUICK)
        by_query = await of(owner, run, after=str(seen))
        by_header = await owner.get(f"/api/v1/executions/{run}/events", headers={"last-event-id": str(seen)})

    assert [event.id for event in by_query] == list(range(seen + 1, 5))
    assert events_in(by_header.text) == by_query


async def test_whoever_has_seen_the_end_is_told_not_to_ask_again() -> None:
    async with open_working() as doorway:
        owner = await doorway.owner()
        run = await begun(owner, QUICK)
        answer = await owner.get(f"/api/v1/executions/{run}/events", headers={"last-event-id": "4"})

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(("seen", "status"), [("-1", 400), ("x", 400), ("9" * 19, 400), ("9" * 18, 204)])
async def test_an_id_that_no_event_can_have_is_refused(seen: str, status: int) -> None:
    async with open_working() as doorway:
        owner = await doorway.owner()
        run = await begun(owner, QUICK)
        answer = await owner.get(f"/api/v1/executions/{run}/events", headers={"last-event-id": seen})

    assert answer.status_code == status
    assert status == 204 or answer.json()["code"] == "invalid_event_id"


async def test_execute_itself_streams_to_whoever_asks_for_it() -> None:
    async with open_working() as doorway:
        owner = await doorway.owner()
        answer = await owner.post(EXECUTE, json={"workflow": QUICK}, headers={**STREAM, "idempotency-key": "k"})
        again = await owner.post(EXECUTE, json={"workflow": QUICK}, headers={**STREAM, "idempotency-key": "k"})
        refused = await owner.post(EXECUTE, json={"workflow": "{}"}, headers=STREAM)

    told = [event for event in events_in(answer.text) if event.id is not None]
    assert [event.kind for event in told] == KINDS
    assert answer.headers["location"].endswith(told[-1].data["execution_id"])
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == answer.headers["location"]
    assert (refused.status_code, is_problem(refused)) == (400, True)


async def test_what_happens_while_somebody_listens_is_told_at_once() -> None:
    async with serve_working() as served, client_of(served) as owner:
        run = await begun(owner)
        async with following(owner, run) as lines:
            waiting = await until(lines, "event: run.waiting")
            cancelled = await owner.post(f"/api/v1/executions/{run}/cancel")
            rest = await until(lines, "event: run.finished")

    assert cancelled.status_code == 202
    assert "event: operation.finished" in [*waiting, *rest]
    assert served.app.streams.open == 0


async def test_a_run_that_another_process_advances_is_followed_too(tmp_path: Path) -> None:
    async with open_doorway(tmp_path) as here, open_app(read_configuration(None, {}), tmp_path) as elsewhere:
        owner = await here.owner()
        run = (await owner.post(EXECUTE, json={"workflow": QUICK}, headers=ASYNC)).json()["execution_id"]
        async with working(elsewhere):
            told = [event for event in await of(owner, run) if event.id is not None]

    assert [event.kind for event in told] == KINDS


async def test_a_stream_in_which_nothing_happens_says_that_it_is_there() -> None:
    async with (
        serve_working(environment=BEATS) as served,
        client_of(served) as owner,
        following(owner, await begun(owner)) as lines,
    ):
        await until(lines, "event: run.waiting")
        await until(lines, ": still here")
        await until(lines, ": still here")


async def test_a_stream_ends_when_its_listener_may_not_see_the_run_any_more() -> None:
    async with serve_working(environment=BEATS) as served, client_of(served) as owner:
        run = await begun(owner)
        await owner.post("/api/v1/agents", json={"name": "eye", "preset": "reader"})
        key = (await owner.post("/api/v1/agents/eye/keys", json={})).json()
        async with client_of(served, key["key"]) as eye, following(eye, run) as lines:
            await until(lines, ": still here")
            await owner.delete(f"/api/v1/agents/eye/keys/{key['id']}")
            await until(lines, "event: stream.closed")
            assert [line async for line in lines if line.startswith("data: ") and "invalid_key" in line]


async def test_a_listener_who_leaves_frees_the_place_and_more_than_the_places_are_refused() -> None:
    async with serve_working(environment=FEW) as served, client_of(served) as owner:
        run = await begun(owner)
        async with following(owner, run), following(owner, run):
            third = await owner.get(f"/api/v1/executions/{run}/events")
            assert (third.status_code, third.json()["code"]) == (429, "too_many_streams")
            assert third.headers["retry-after"] == "1"
        async with asyncio.timeout(20):
            while served.app.streams.open or served.app.engine.journal.watchers:  # noqa: ASYNC110 - the server knows
                await asyncio.sleep(0.01)
        async with following(owner, run):
            pass


async def test_listeners_do_not_keep_a_server_from_stopping() -> None:
    async with AsyncExitStack() as listening:
        async with serve_working() as served:
            owner = await listening.enter_async_context(client_of(served))
            lines = await listening.enter_async_context(following(owner, await begun(owner)))
            await until(lines, "event: run.waiting")
            began = time.monotonic()
        assert time.monotonic() - began < served.app.settings.http.drain_seconds / 2
        assert "event: run.finished" not in [line async for line in lines]


async def test_head_is_not_kept_waiting() -> None:
    async with serve_working() as served, client_of(served) as owner:
        run = await begun(owner)
        answer = await owner.head(f"/api/v1/executions/{run}/events")

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert served.app.streams.open == 0


async def test_a_run_that_waits_is_told_with_what_it_waits_for() -> None:
    async with serve_working() as served, client_of(served) as owner:
        run = await begun(owner, LONG)
        async with following(owner, run) as lines:
            await until(lines, "event: run.waiting")
            assert '"waits":[]' in (await until(lines, "data: "))[-1]
