"""Runs that wait for people, for events and for other runs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from muelle.core import MuelleError, TenantId
from muelle.engine import StoredEvent, WaitClosed
from muelle.workflows.event_waits import EventWaits
from workflows.durable_world import LEASE, Durable, Process, open_durable
from workflows.runs_world import op

ASK = op("ask", "Approve", message="Pay?", timeout="PT1H", outputPath="/workflow/decision")
PAY = op("pay", "Do", say={"path": "/workflow/decision/comment"})


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def durable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Durable]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    environment = {"MUELLE_STORES__URL": url} if url else {}
    async with open_durable(None if request.param == "memory" else tmp_path, environment) as opened:
        yield opened


@pytest.fixture
async def lasting(tmp_path: Path) -> AsyncIterator[Durable]:
    async with open_durable(tmp_path) as opened:
        yield opened


async def person(process: Process) -> Any:
    return await process.agent("ana", ("approvals:answer", "*"))


async def event(run: str, process: Process, name: str = "event") -> Any:
    return (await process.answer(run))["results"].get(name)


async def test_a_run_goes_on_when_it_is_answered_and_holds_nothing_until_then(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(ASK, PAY)
    await process.work()
    assert ((await process.record(run)).status, process.holds) == ("waiting", 0)
    await process.approvals.answer(await person(process), (run, "ask"), "approve", "yes please")
    assert (await process.until_ended(run)).status == "success"
    assert durable.stage.said == ["yes please"]


async def test_an_answer_in_another_process_long_after_the_first_one_died(lasting: Durable) -> None:
    first = await lasting.process()
    run = await first.submit(ASK, PAY)
    await first.work()
    await first.die()
    second = await lasting.process()
    await second.forward(1800)
    await second.approvals.answer(await person(second), (run, "ask"), "approve", "fine")
    assert (await second.until_ended(run)).status == "success"
    assert lasting.stage.said == ["fine"]


async def test_an_answer_while_the_run_is_being_taken_over_is_not_lost(lasting: Durable) -> None:
    first, second = await lasting.process(), await lasting.process(queues=())
    first.app.engine.queues = ("default",)
    first.switch.left = 2  # that it asks, but not that it leaves memory
    run = await first.submit(ASK, PAY)
    await first.work()
    await second.approvals.answer(await person(second), (run, "ask"), "approve", "fine")
    await first.die()
    lasting.clock.forward(seconds=LEASE)
    second.app.engine.queues = ("default",)
    assert (await second.until_ended(run)).status == "success"
    assert lasting.stage.said == ["fine"]


@pytest.mark.parametrize(("seconds", "in_time"), [(3599.999, True), (3600, False)])
async def test_an_answer_counts_until_the_time_is_over(durable: Durable, seconds: float, *, in_time: bool) -> None:
    process = await durable.process(queues=())
    process.app.engine.queues = ("default",)
    run = await process.submit(ASK, PAY)
    await process.work()
    ana = await person(process)
    durable.clock.forward(seconds=seconds)
    if in_time:
        await process.approvals.answer(ana, (run, "ask"), "approve", "fine")
    else:
        with pytest.raises(WaitClosed):
            await process.approvals.answer(ana, (run, "ask"), "approve", "fine")
    record = await process.until_ended(run)
    assert record.status == ("success" if in_time else "error")
    assert durable.stage.said == (["fine"] if in_time else [])


@pytest.mark.parametrize(("on_timeout", "said"), [("approve", ["after"]), ("reject", []), ("fail", [])])
async def test_what_no_answer_means_is_the_same_after_a_restart(
    lasting: Durable, on_timeout: str, said: list[str]
) -> None:
    first = await lasting.process()
    ask = {**op("ask", "Approve", message="Pay?", timeout=60_000, onTimeout=on_timeout), "onError": "stop"}
    run = await first.submit(ask, op("after", "Do", say="after"))
    await first.work()
    await first.die()
    second = await lasting.process()
    await second.forward(60)
    record = await second.until_ended(run)
    assert (record.took, lasting.stage.said) == (60_000_000, said)


async def test_a_time_out_may_be_as_long_as_the_setting_says_and_no_longer(lasting: Durable) -> None:
    process = await lasting.process()
    longest = await process.submit(op("ask", "Approve", message="?", timeout="P30D"))
    longer = await process.submit(op("ask", "Approve", message="?", timeout="P30DT1S"))
    await process.work()
    assert (await process.record(longest)).status == "waiting"
    told = (await process.answer(longer))["operations"]["ask"]["error"]
    assert (told["code"], told["context"]["limit"]) == ("timeout_too_long", 2_592_000)


async def test_the_time_of_a_question_is_not_the_runs_own(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(op("ask", "Approve", message="?", timeout="P2D"), op("nap", "Wait", duration=1_200_000))
    await process.work()
    ana = await person(process)
    durable.clock.forward(hours=30)
    await process.approvals.answer(ana, (run, "ask"), "approve")
    await process.work()
    durable.clock.forward(seconds=1200)
    record = await process.until_ended(run)
    assert (record.status, record.took) == ("success", (30 * 3600 + 1200) * 1_000_000)


async def test_two_questions_side_by_side_are_answered_in_any_order(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("both", "Parallel", branches=[["one", "a"], ["two", "b"]]),
        op("one", "Approve", message="one?"),
        op("two", "Approve", message="two?"),
        op("a", "Do", say="a"),
        op("b", "Do", say="b"),
    )
    await process.work()
    ana = await person(process)
    await process.approvals.answer(ana, (run, "two"), "approve")
    await process.work()
    assert (durable.stage.said, process.holds) == (["b"], 0)
    await process.approvals.answer(ana, (run, "one"), "approve")
    assert (await process.until_ended(run)).status == "success"
    assert durable.stage.said == ["b", "a"]


async def test_each_turn_of_a_loop_asks_for_itself(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("each", "Loop", inputPath="/input/x", operations=["ask"], outputPath="/workflow/all"),
        op("ask", "Approve", message="{/loop/item}?", onReject="continue", outputPath="/workflow/last"),
        inputs={"x": ["p", "q"]},
    )
    ana = await person(process)
    for turn, verdict in enumerate(("approve", "reject")):
        await process.work()
        [open_one] = (await process.approvals.list(ana)).items
        assert (open_one.place, open_one.message) == (f"ask:{turn}", "pq"[turn] + "?")
        await process.approvals.answer(ana, (run, open_one.place), verdict)  # type: ignore[arg-type] # one of the two
    await process.until_ended(run)
    assert [given["approved"] for given in await event(run, process, "each")] == [True, False]


async def test_two_failures_that_lead_to_one_question_ask_it_twice_and_call_with_two_keys(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("a", "Do", say="a", fails=True, on_error={"goto": ["ask", "call"]}),
        op("b", "Do", say="b", fails=True, on_error={"goto": ["ask", "call"]}),
        op("ask", "Approve", message="Mend it?"),
        op("call", "ApiCall", method="POST", url="https://x.example/", body={"a": 1}, outputPath="/workflow/x"),
    )
    ana = await person(process)
    for place in ("ask", "ask~1"):
        await process.work()
        assert [one.place for one in (await process.approvals.list(ana)).items] == [place]
        await process.approvals.answer(ana, (run, place), "approve")
    assert (await process.until_ended(run)).status == "success"
    assert len({call.idempotency_key for call in durable.outside.calls}) == len(durable.outside.calls) == 2


async def test_a_run_that_is_cancelled_asks_no_more(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(ASK, PAY)
    await process.work()
    ana = await person(process)
    await process.app.runs.change(process.me, run, "cancel")
    assert (await process.until_ended(run)).status == "cancelled"
    assert (await process.approvals.list(ana)).items == ()
    with pytest.raises(WaitClosed):
        await process.approvals.answer(ana, (run, "ask"), "approve")


WAIT = op("event", "WaitForEvent", type="order.*", match={"total": {"numeric": [">", 1]}}, outputPath="/workflow/e")


async def test_a_run_goes_on_with_the_first_event_that_fits(durable: Durable) -> None:
    process = await durable.process()
    await process.deliver()
    waiting = await process.submit(WAIT, op("b", "Do", say={"path": "/workflow/e/data/total"}))
    await process.work()
    assert process.holds == 0
    for total in (1, 2, 3):
        await process.submit(op("emit", "Emit", type="order.paid", subject="A-1", data={"total": total}))
        await process.work()
    await process.deliver()
    assert (await process.until_ended(waiting)).status == "success"
    shown = await event(waiting, process)
    assert durable.stage.said == [2]
    assert {name: shown[name] for name in ("type", "subject", "data")} == {
        "type": "order.paid", "subject": "A-1", "data": {"total": 2},
    }  # fmt: skip


async def test_an_event_from_before_the_wait_does_not_count(durable: Durable) -> None:
    process = await durable.process()
    await process.deliver()
    await process.submit(op("emit", "Emit", type="order.paid", data={"total": 5}))
    await process.work()
    durable.clock.forward(seconds=0.001)
    waiting = await process.submit(WAIT)
    await process.work()
    await process.deliver()
    await process.work()
    assert (await process.record(waiting)).status == "waiting"


async def test_an_event_that_was_handed_on_before_the_wait_was_written_down_counts(lasting: Durable) -> None:
    first, second = await lasting.process(), await lasting.process(queues=())
    await second.deliver()
    first.switch.left = 1  # that it began to wait, and not for what
    waiting = await first.submit(WAIT)
    await first.work()
    second.app.engine.queues = ("default",)
    await second.submit(op("emit", "Emit", type="order.paid", data={"total": 5}))
    await second.work()
    await second.deliver()
    await first.die()
    lasting.clock.forward(seconds=LEASE)
    assert (await second.until_ended(waiting)).status == "success"


async def test_an_event_of_another_tenant_is_not_seen(durable: Durable) -> None:
    process = await durable.process()
    await process.deliver()
    waiting = await process.submit(WAIT)
    await process.work()
    ours = StoredEvent(
        position="1",
        id="e-1",
        tenant=process.me.tenant,
        type="order.x",
        source="/s",
        subject="",
        at=durable.clock.now(),
        data=b'{"total":9}',
    )
    waits = EventWaits(process.app.engine)
    await waits([replace(ours, tenant=TenantId("theirs"))])
    await process.work()
    assert (await process.record(waiting)).status == "waiting"
    await waits([ours, ours])
    await waits([ours])
    assert (await process.until_ended(waiting)).status == "success"


async def test_one_event_answers_every_run_that_waits_for_it_and_each_run_once(durable: Durable) -> None:
    process = await durable.process()
    await process.deliver()
    both = [await process.submit(WAIT, op("then", "WaitForEvent", type="order.**")) for _ in range(2)]
    await process.work()
    await process.submit(op("emit", "Emit", type="order.paid", data={"total": 5}))
    await process.work()
    await process.deliver()
    await process.work()
    for run in both:
        waits = await process.app.engine.waits.of(process.me.tenant, (await process.record(run)).run)
        assert [(wait.place, wait.state) for wait in waits] == [("event", "answered"), ("then", "open")]


async def test_no_event_in_time_is_a_failure_or_null(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("null", "WaitForEvent", type="a", timeout=60_000, onTimeout="continue"),
        op("fail", "WaitForEvent", type="a", timeout=60_000),
    )
    await process.until_ended(run, seconds=60)
    answer = await process.answer(run)
    assert (answer["results"]["null"], answer["operations"]["fail"]["error"]["code"]) == (None, "event_not_seen")


async def test_a_workflow_runs_another_one_and_gets_its_results(durable: Durable) -> None:
    process = await durable.process()
    await process.publish("double", op("say", "Do", say={"path": "/input/x"}, outputPath="/workflow/y"))
    run = await process.submit(
        op("child", "RunWorkflow", workflow="double", inputs={"x": 4}, outputPath="/workflow/c"),
        op("after", "Do", say={"path": "/workflow/c/results/say"}),
    )
    assert (await process.until_ended(run)).status == "success"
    given = await event(run, process, "child")
    assert (given["status"], given["results"], durable.stage.said) == ("success", {"say": 4}, [4, 4])
    assert (await process.record(given["execution_id"])).cause == f"run:{run}"


async def test_parent_and_child_leave_memory_while_the_child_waits(durable: Durable) -> None:
    process = await durable.process()
    await process.publish("slow", op("nap", "Wait", duration=600_000), op("say", "Do", say="child"))
    run = await process.submit(op("child", "RunWorkflow", workflow="slow"), op("after", "Do", say="parent"))
    await process.work()
    await process.work()
    assert process.holds == 0
    await process.until_ended(run, seconds=300)
    assert durable.stage.said == ["child", "parent"]


async def test_a_child_is_started_once_though_its_parent_is_taken_over(lasting: Durable) -> None:
    first = await lasting.process()
    await first.publish("slow", op("nap", "Wait", duration=600_000), op("say", "Do", say="child"))
    run = await first.submit(op("child", "RunWorkflow", workflow="slow"), op("after", "Do", say="parent"))
    await first.work()
    await first.die()
    second = await lasting.process()
    lasting.clock.forward(seconds=LEASE)
    await second.until_ended(run, seconds=300)
    assert lasting.stage.said == ["child", "parent"]


async def test_a_child_may_wait_for_a_person_longer_than_its_parent_may_take(durable: Durable) -> None:
    process = await durable.process()
    await process.publish("asks", op("ask", "Approve", message="?", timeout="P5D"))
    run = await process.submit(op("child", "RunWorkflow", workflow="asks"), op("after", "Do", say="parent"))
    await process.work()
    await process.work()
    ana = await person(process)
    durable.clock.forward(hours=50)
    await process.work()
    [asked] = (await process.approvals.list(ana)).items
    await process.approvals.answer(ana, (asked.run, "ask"), "approve")
    assert (await process.until_ended(run)).status == "success"
    assert durable.stage.said == ["parent"]


async def test_a_child_of_a_run_that_is_cancelled_is_cancelled_too(durable: Durable) -> None:
    process = await durable.process()
    await process.publish("slow", op("nap", "Wait", duration=600_000), op("say", "Do", say="child"))
    run = await process.submit(op("child", "RunWorkflow", workflow="slow"))
    await process.work()
    await process.work()
    await process.app.runs.change(process.me, run, "cancel")
    assert (await process.until_ended(run)).status == "cancelled"
    await process.forward(600)
    assert durable.stage.said == []


async def test_whoever_may_not_run_the_child_does_not_run_it_through_a_parent(durable: Durable) -> None:
    process = await durable.process()
    await process.publish("secret", op("say", "Do", say="child"))
    bob = await process.agent("bob", ("workflows:run", "tale"), ("operations:use", "*"))
    outcome = await process.app.workflows.run(bob, process.document(op("child", "RunWorkflow", workflow="secret")))
    told = outcome.tallies["child"].telling.error
    assert isinstance(told, MuelleError)
    assert (outcome.status, told.code, durable.stage.said) == ("error", "refused", [])


async def test_a_workflow_that_runs_itself_comes_to_an_end(lasting: Durable) -> None:
    process = await lasting.process()
    await process.publish("snake", op("say", "Do", say="tail"), op("child", "RunWorkflow", workflow="snake"))
    run = await process.submit(op("child", "RunWorkflow", workflow="snake"))
    assert (await process.until_ended(run)).finished
    assert lasting.stage.said == ["tail"] * 16
