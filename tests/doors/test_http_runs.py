"""Handing runs in: to be waited for, for a while, or to be asked for later. On both ways into the door alike."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doors.door_world import Doorway, document, is_problem, open_doorway
from doors.runs_doorway import ASYNC, EXECUTE, LONG, NOW, open_working

IN_AN_HOUR = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
SHORT_WAITS = {"MUELLE__WORKFLOWS__SUBMISSIONS__WAIT_SECONDS": "0.05"}


@pytest.fixture(params=[True, False], ids=["hot", "framework"])
async def working(request: pytest.FixtureRequest) -> AsyncIterator[Doorway]:
    """Give an installation with a worker, whose execute is answered by the hot route and by the framework."""
    async with open_working(environment=SHORT_WAITS, is_hot=request.param) as opened:
        yield opened


async def test_a_run_that_need_not_be_waited_for_is_answered_with_where_to_ask(working: Doorway) -> None:
    owner = await working.owner()
    answer = await owner.post(EXECUTE, json={"workflow": NOW}, headers=ASYNC)
    told = answer.json()

    assert (answer.status_code, told["status"], told["workflow_id"]) == (202, "queued", "w")
    assert answer.headers["location"] == told["links"]["self"] == f"/api/v1/executions/{told['execution_id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert (await owner.get(told["links"]["self"])).json()["execution_id"] == told["execution_id"]


async def test_its_answer_is_the_same_as_if_it_had_been_waited_for(working: Doorway) -> None:
    owner = await working.owner()
    waited = (await owner.post(EXECUTE, json={"workflow": NOW})).json()
    run = (await owner.post(EXECUTE, json={"workflow": NOW}, headers={"prefer": "respond-async, wait=5"})).json()

    result = await owner.get(f"/api/v1/executions/{run['execution_id']}/result?wait=5&format=full")

    assert (result.status_code, result.json().keys()) == (200, waited.keys())
    assert result.json()["operations"].keys() == waited["operations"].keys()
    minimal = (await owner.get(f"/api/v1/executions/{run['execution_id']}/result?format=minimal")).json()
    assert "operations" not in minimal


async def test_a_run_that_ends_in_the_time_that_is_preferred_is_answered_as_usual() -> None:
    async with open_working() as doorway:
        answer = await (await doorway.owner()).post(EXECUTE, json={"workflow": NOW}, headers={"prefer": "wait=5"})

    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert answer.headers["preference-applied"] == "wait=5"


async def test_a_run_that_takes_longer_than_is_preferred_goes_on(working: Doorway) -> None:
    owner = await working.owner()
    answer = await owner.post(EXECUTE, json={"workflow": LONG}, headers={"prefer": "wait=600, respond-async"})
    told = answer.json()

    assert (answer.status_code, told["status"]) == (202, "waiting")
    assert answer.headers["preference-applied"] == "respond-async, wait=0"  # no more than 0.05 s are allowed here
    result = await owner.get(f"{told['links']['self']}/result")
    assert (result.status_code, result.headers["retry-after"]) == (202, "1")
    assert result.json()["execution_id"] == told["execution_id"]


@pytest.mark.parametrize("preferred", ["handling=lenient", "wait=soon", "", "wait", "return=minimal; wait=3"])
async def test_other_preferences_are_not_heeded(working: Doorway, preferred: str) -> None:
    answer = await (await working.owner()).post(EXECUTE, json={"workflow": NOW}, headers={"prefer": preferred})

    assert (answer.status_code, "preference-applied" in answer.headers) == (200, False)


@pytest.mark.parametrize("headers", [{}, ASYNC])
async def test_a_document_that_may_not_run_is_refused_at_once(working: Doorway, headers: dict[str, str]) -> None:
    powerless = await working.agent(("workflows:run", "*"))

    refused = await powerless.post(EXECUTE, json={"workflow": NOW}, headers=headers)
    invalid = await powerless.post(EXECUTE, json={"workflow": "{}"}, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "workflow_refused")
    assert (invalid.status_code, is_problem(invalid)) == (400, True)


@pytest.mark.parametrize("preferred", [{}, ASYNC])
async def test_the_same_key_and_body_get_the_first_run(working: Doorway, preferred: dict[str, str]) -> None:
    owner = await working.owner()
    headers = {**preferred, "idempotency-key": "once"}
    first = await owner.post(EXECUTE, json={"workflow": NOW}, headers=headers)
    second = await owner.post(EXECUTE, json={"workflow": NOW}, headers=headers)

    assert second.json()["execution_id"] == first.json()["execution_id"]
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    waited = await owner.post(EXECUTE, json={"workflow": NOW}, headers={"idempotency-key": "once"})
    assert (waited.status_code, waited.json()["status"]) == (200, "success")
    assert (await owner.get("/api/v1/executions")).json()["count"] == 1


async def test_the_same_key_with_another_body_is_a_conflict(working: Doorway) -> None:
    owner = await working.owner()
    headers = {"idempotency-key": "once"}
    first = (await owner.post(EXECUTE, json={"workflow": NOW}, headers=headers)).json()

    other = await owner.post(EXECUTE, json={"workflow": NOW, "inputs": {"x": 1}}, headers=headers)

    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert other.json()["execution"] == first["execution_id"]


async def test_a_key_with_another_wish_is_a_conflict_though_the_document_is_the_same(working: Doorway) -> None:
    owner = await working.owner()
    headers = {"idempotency-key": "wished", "prefer": "respond-async"}
    body = {"workflow": NOW, "deadline": 60}
    first = await owner.post(EXECUTE, json=body, headers=headers)
    again = await owner.post(EXECUTE, json=body, headers=headers)

    other = await owner.post(EXECUTE, json={**body, "deadline": 61}, headers=headers)

    assert first.json()["execution_id"] == again.json()["execution_id"]
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_one_key_of_two_principals_are_two_keys(working: Doorway) -> None:
    headers = {"idempotency-key": "once"}
    mine = await (await working.owner()).post(EXECUTE, json={"workflow": NOW}, headers=headers)
    theirs = await (await working.agent(preset="runner")).post(EXECUTE, json={"workflow": NOW}, headers=headers)

    assert (theirs.status_code, "idempotent-replayed" in theirs.headers) == (200, False)
    assert theirs.json()["execution_id"] != mine.json()["execution_id"]


@pytest.mark.parametrize(
    ("key", "status"), [("x" * 255, 200), ("x" * 256, 400), ("a b", 400), ("", 400), ("\xe9", 400)]
)
async def test_a_key_is_of_1_to_255_visible_characters(working: Doorway, key: str, status: int) -> None:
    headers = {b"idempotency-key": key.encode("latin-1")}
    answer = await (await working.owner()).post(EXECUTE, json={"workflow": NOW}, headers=headers)

    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("wish", "status", "field"),
    [
        ({"priority": 1}, 200, None),
        ({"priority": 5}, 200, None),
        ({"priority": 0}, 400, "priority"),
        ({"priority": 6}, 400, "priority"),
        ({"priority": "high"}, 400, "priority"),
        ({"priority": None, "deadline": None, "run_at": None}, 200, None),
        ({"deadline": 60}, 200, None),
        ({"deadline": IN_AN_HOUR}, 200, None),
        ({"deadline": 0}, 400, "deadline"),
        ({"deadline": "2020-01-01T00:00:00Z"}, 400, "deadline"),
        ({"deadline": "2099-01-01T00:00:00"}, 400, "deadline"),
        ({"deadline": 367 * 86_400}, 400, "deadline"),
        ({"deadline": 365 * 86_400}, 200, None),
        ({"deadline": 1e300}, 400, "deadline"),
        ({"run_at": IN_AN_HOUR}, 202, None),
        ({"run_at": 60}, 202, None),
        ({"run_at": "2020-01-01T00:00:00Z"}, 400, "run_at"),
        ({"run_at": "9999-12-31T23:59:59Z"}, 400, "run_at"),
    ],
)
async def test_how_a_run_is_to_be_done_stands_in_the_body(
    working: Doorway, wish: dict[str, Any], status: int, field: str | None
) -> None:
    answer = await (await working.owner()).post(EXECUTE, json={"workflow": NOW, **wish})

    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text


async def test_a_run_is_listed_with_what_was_wished_and_found_by_it(working: Doorway) -> None:
    owner = await working.owner()
    later = {"workflow": NOW, "run_at": IN_AN_HOUR, "deadline": 7200}
    run = (await owner.post(EXECUTE, json=later)).json()["execution_id"]
    await owner.post(EXECUTE, json={"workflow": NOW})

    shown = (await owner.get(f"/api/v1/executions/{run}")).json()
    found = (await owner.get("/api/v1/executions?status=queued&kind=workflow")).json()["executions"]

    assert [entry["execution_id"] for entry in found] == [run]
    assert (shown["kind"], shown["cause"], shown["version"], shown["began_at"]) == ("workflow", None, None, None)
    assert (shown["takeovers"], shown["waits"], shown["under_way"], shown["operations"]) == (0, [], [], [])
    assert shown["deadline"] > shown["timestamp"]


async def test_a_key_works_where_no_worker_is_for_whoever_waits() -> None:
    async with open_doorway() as doorway:
        answer = await (await doorway.owner()).post(
            EXECUTE, json={"workflow": NOW}, headers={"idempotency-key": "once"}
        )

    assert (answer.status_code, answer.json()["status"]) == (200, "success")


async def test_what_cannot_be_taken_now_says_when_to_come_again() -> None:
    async with open_working(environment={"MUELLE__ENGINE__SUBMISSIONS": "1"}) as doorway:
        doorway.app.engine._submitting[(await doorway.principal()).tenant] += 1
        answer = await (await doorway.owner()).post(EXECUTE, json={"workflow": NOW}, headers=ASYNC)

    assert (answer.status_code, answer.json()["code"]) == (503, "too_many_submissions")
    assert answer.headers["retry-after"] == "1"


async def test_the_answer_of_a_run_that_failed_says_why(working: Doorway) -> None:
    failing = document(("bad", "Calculate", {"inputPath": "/input/x", "operation": "abs", "outputPath": "/workflow/y"}))
    owner = await working.owner()
    sent = {"workflow": failing, "inputs": {"x": "no number"}}
    waited = (await owner.post(EXECUTE, json=sent)).json()
    run = (await owner.post(EXECUTE, json=sent, headers=ASYNC)).json()["execution_id"]
    while (result := await owner.get(f"/api/v1/executions/{run}/result?wait=1")).status_code == 202:
        continue

    assert result.json()["error"]["code"] == waited["error"]["code"]
    assert (waited["status"], result.json()["status"]) == ("error", "error")
