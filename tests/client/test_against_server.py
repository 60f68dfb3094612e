"""Both clients against a whole Muelle over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from client.live_server import LiveServer
from muelle_client import (
    AsyncMuelle,
    ConnectionFailed,
    Forbidden,
    InvalidDocument,
    Muelle,
    NotFound,
    Retry,
    RunFailed,
    Unauthenticated,
    Workflow,
    ref,
    where,
)

GREET = (
    Workflow("greet")
    .filter("vips", input="/input/people", conditions=[where("points", ">", ref("/input/least", default=100))])
    .loop("greetings", input="/workflow/vips", operations=["greet"])
    .format_text("greet", input="/loop/item", format="template", template="Hello {name}")
)
PEOPLE = [{"name": "Ada", "points": 130}, {"name": "Bob", "points": 7}, {"name": "Eve", "points": 101}]


@pytest.fixture
async def muelle(live_server: LiveServer) -> AsyncIterator[AsyncMuelle]:
    async with AsyncMuelle(live_server.url, live_server.key) as muelle:
        yield muelle


async def test_a_built_workflow_runs_and_its_results_are_read(muelle: AsyncMuelle) -> None:
    answer = (await muelle.run(GREET, inputs={"people": PEOPLE})).require_success()
    assert answer["greetings"] == ["Hello Ada", "Hello Eve"]
    assert answer.workflow_id == "greet"
    assert answer.operations["vips"].status == "success"


async def test_the_nested_dialect_runs_alike(muelle: AsyncMuelle) -> None:
    answer = await muelle.run(GREET.document("nested"), inputs={"people": PEOPLE, "least": 200})
    assert answer["greetings"] == []


def block(server: LiveServer) -> list[str]:
    """Use the blocking client, as a script would."""
    with Muelle(server.url, server.key) as muelle:
        answer = muelle.run(GREET, inputs={"people": PEOPLE}).require_success()
        assert [run.id for run in muelle.runs()] == [answer.execution_id]
        return [*answer["greetings"], muelle.health().status]


async def test_the_blocking_client_does_the_same(live_server: LiveServer) -> None:
    assert await asyncio.to_thread(block, live_server) == ["Hello Ada", "Hello Eve", "healthy"]


async def test_a_run_is_listed_and_shown_with_its_steps(muelle: AsyncMuelle) -> None:
    answer = await muelle.run(GREET, inputs={"people": PEOPLE})
    [run] = [run async for run in muelle.runs(status="success", workflow_id="greet")]
    shown = await muelle.execution(run.id)
    assert (run.id, run.status, shown.results["vips"]) == (answer.execution_id, "success", answer["vips"])
    assert run.started is not None
    assert run.duration_ms is not None
    assert [step.iteration for step in shown.steps if step.operation_id == "greet"] == ["0", "1"]


async def test_runs_are_listed_over_pages(muelle: AsyncMuelle) -> None:
    workflow = Workflow("now").now("now")
    started = [(await muelle.run(workflow)).execution_id for _ in range(103)]
    assert [run.id async for run in muelle.runs()] == started[::-1]
    assert [run.id async for run in muelle.runs(limit=101)] == started[:1:-1]


async def test_a_wrong_document_is_refused_with_its_place(muelle: AsyncMuelle) -> None:
    wrong = Workflow("w").operation("call", "ApiCal", {"url": "https://x.test"})
    report = await muelle.validate(wrong)
    assert (report.valid, [issue.operation_id for issue in report.errors]) == (False, ["call"])
    with pytest.raises(InvalidDocument) as caught:
        await muelle.run(wrong)
    assert [issue.code for issue in caught.value.issues] == [issue.code for issue in report.errors]
    assert caught.value.request_id is not None


async def test_an_operation_that_fails_is_told_in_the_answer(muelle: AsyncMuelle) -> None:
    answer = await muelle.run(Workflow("w").calculate("half", input="/input/n", operation="round"))
    assert answer.status == "error"
    with pytest.raises(RunFailed, match="half: "):
        answer.require_success()


async def test_capabilities_name_what_the_key_may_use(muelle: AsyncMuelle, live_server: LiveServer) -> None:
    assert "FilterData" in (await muelle.capabilities()).operations
    async with AsyncMuelle(live_server.url, live_server.powerless_key) as powerless:
        assert (await powerless.capabilities()).operations == ()


async def test_who_may_not_is_told_so(live_server: LiveServer) -> None:
    async with AsyncMuelle(live_server.url, live_server.powerless_key) as powerless:
        with pytest.raises(Forbidden) as caught:
            await powerless.run(GREET, inputs={"people": PEOPLE})
    assert caught.value.suggestions


async def test_a_wrong_key_opens_nothing(live_server: LiveServer) -> None:
    async with AsyncMuelle(live_server.url, "mk_wrong") as stranger:
        assert (await stranger.health()).is_healthy
        with pytest.raises(Unauthenticated):
            await stranger.capabilities()


async def test_a_run_that_is_not_there_is_not_found(muelle: AsyncMuelle) -> None:
    with pytest.raises(NotFound):
        await muelle.execution("run_nowhere")


async def test_a_server_that_is_gone_is_a_failed_connection(live_server: LiveServer) -> None:
    async with AsyncMuelle("http://127.0.0.1:1", live_server.key, retry=Retry(attempts=2, first=0)) as nobody:
        with pytest.raises(ConnectionFailed, match="GET /health"):
            await nobody.health()
