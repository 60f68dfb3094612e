"""What may be done to a run, and by whom: those who ran it, those with the grant, and nobody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from doors.door_world import Doorway, document, is_problem
from doors.runs_doorway import EXECUTE, NOW, QUICK, begun, open_working

VERBS = ["cancel", "pause", "resume", "replay", "rerun"]
PATIENT = document(("a", "Wait", {"duration": 0}), ("long", "Wait", {"duration": 600_000}))


@dataclass
class Ran:
    """A run that waits, which an agent without any grant for runs has handed in."""

    doorway: Doorway
    agent: httpx.AsyncClient
    agent_id: str
    run: str

    @property
    def place(self) -> str:
        return f"/api/v1/executions/{self.run}"

    async def status(self) -> str:
        status: str = (await self.agent.get(self.place)).json()["status"]
        return status

    async def ended(self) -> str:
        """Return the status in which the run ended."""
        answer = (await self.agent.get(f"{self.place}/result?wait=20")).json()
        return str(answer["status"])


@pytest.fixture
async def ran() -> AsyncIterator[Ran]:
    async with open_working() as doorway:
        agent = await doorway.agent(preset="runner", name="runner")
        agent_id = (await agent.get("/api/v1/me")).json()["id"]
        yield Ran(doorway, agent, agent_id, await begun(agent, PATIENT))


async def refused(client: httpx.AsyncClient, ran: Ran) -> set[tuple[int, str]]:
    """Return how all verbs are answered."""
    answers = [await client.post(f"{ran.place}/{verb}", json={}) for verb in VERBS[:-1]]
    answers.append(await client.patch(ran.place, json={"priority": 1}))
    assert all(map(is_problem, answers))
    return {(answer.status_code, answer.json()["code"]) for answer in answers}


async def test_a_stranger_can_do_nothing_to_a_run(ran: Ran) -> None:
    assert await refused(await ran.doorway.stranger(), ran) == {(401, "unauthenticated")}
    assert await ran.status() == "waiting"


async def test_another_tenant_finds_no_run(ran: Ran) -> None:
    neighbour = await ran.doorway.neighbour()
    assert await refused(neighbour, ran) == {(404, "execution_not_found")}
    for path in ("rerun", "events", "result"):
        answer = await neighbour.request("POST" if path == "rerun" else "GET", f"{ran.place}/{path}", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "execution_not_found")
    assert await ran.status() == "waiting"


async def test_an_agent_without_grants_finds_no_run_of_others(ran: Ran) -> None:
    assert await refused(await ran.doorway.agent(name="powerless"), ran) == {(404, "execution_not_found")}
    assert await ran.status() == "waiting"


async def test_who_may_only_read_runs_changes_none_and_the_audit_record_says_so(ran: Ran) -> None:
    reader = await ran.doorway.agent(preset="reader", name="reader")

    assert await refused(reader, ran) == {(403, "refused")}
    assert await ran.status() == "waiting"
    acts = (await (await ran.doorway.owner()).get("/api/v1/audit?decision=refused")).json()["acts"]
    assert {(act["action"], act["resource"]) for act in acts} == {("runs:write", ran.agent_id)}


async def test_a_grant_for_the_runs_of_one_agent_is_for_no_other(ran: Ran) -> None:
    rules = (("runs:read", "*"), ("runs:write", ran.agent_id))
    warden = await ran.doorway.agent(*rules, name="warden")
    other = await begun(await ran.doorway.owner(), PATIENT)

    assert (await warden.post(f"/api/v1/executions/{other}/cancel")).status_code == 403
    assert (await warden.post(f"{ran.place}/cancel")).status_code == 202
    assert await ran.ended() == "cancelled"


async def test_who_ran_it_needs_no_grant_to_cancel_it(ran: Ran) -> None:
    answer = await ran.agent.post(f"{ran.place}/cancel")

    assert (answer.status_code, answer.json()["execution_id"]) == (202, ran.run)
    assert await ran.ended() == "cancelled"
    assert (await ran.agent.post(f"{ran.place}/cancel")).json()["code"] == "run_ended"


async def test_a_run_is_paused_and_goes_on(ran: Ran) -> None:
    assert (await ran.agent.post(f"{ran.place}/resume")).json()["code"] == "run_not_paused"
    assert (await ran.agent.post(f"{ran.place}/pause")).json()["status"] == "paused"
    assert await ran.status() == "paused"
    assert (await ran.agent.post(f"{ran.place}/resume")).status_code == 202
    assert await ran.status() in {"queued", "running", "waiting"}


async def test_only_a_run_that_was_given_up_is_replayed(ran: Ran) -> None:
    answer = await ran.agent.post(f"{ran.place}/replay")

    assert (answer.status_code, answer.json()["code"]) == (409, "run_not_dead")


@pytest.mark.parametrize(("priority", "status"), [(1, 200), (5, 200), (0, 400), (6, 400), ("1", 400), (None, 400)])
async def test_a_run_gets_another_priority_from_1_to_5(ran: Ran, priority: object, status: int) -> None:
    answer = await ran.agent.patch(ran.place, json={"priority": priority})

    assert answer.status_code == status
    assert answer.json()["execution_id" if status == 200 else "field"] == (ran.run if status == 200 else "priority")


async def test_a_run_is_run_again_from_an_operation_on(ran: Ran) -> None:
    first = await begun(ran.agent, QUICK)
    answer = await ran.agent.post(f"/api/v1/executions/{first}/rerun", json={"from": "b"})
    told = answer.json()
    again = (await ran.agent.get(f"{told['links']['result']}?wait=20")).json()
    shown = (await ran.agent.get(told["links"]["self"])).json()

    assert (answer.status_code, answer.headers["location"]) == (202, told["links"]["self"])
    assert (again["status"], shown["cause"]) == ("success", f"rerun:{first}")
    caused = (await ran.agent.get(f"/api/v1/executions?cause=rerun:{first}")).json()
    assert [entry["execution_id"] for entry in caused["executions"]] == [told["execution_id"]]


async def test_a_run_is_run_again_with_other_inputs_and_without_a_body(ran: Ran) -> None:
    greet = document(("g", "FormatText", {"inputPath": "/input/who", "format": "upper", "outputPath": "/workflow/g"}))
    first = (await ran.agent.post(EXECUTE, json={"workflow": greet, "inputs": {"who": "ann"}})).json()["execution_id"]

    results = []
    for sent in ({}, {"json": {"inputs": {"who": "bob"}, "priority": 1}}):
        again = (await ran.agent.post(f"/api/v1/executions/{first}/rerun", **sent)).json()  # type: ignore[arg-type] # json or nothing
        results.append((await ran.agent.get(f"{again['links']['result']}?wait=20")).json()["results"])

    assert results == [{"g": "ANN"}, {"g": "BOB"}]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"from": "nowhere"}, "invalid_origin"),
        ({"form": "b"}, "invalid_body"),
        ({"priority": 9}, "invalid_body"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "invalid_time"),
    ],
)
async def test_what_is_wrong_with_a_rerun_is_said(ran: Ran, sent: dict[str, object], code: str) -> None:
    first = await begun(ran.agent, NOW)
    answer = await ran.agent.post(f"/api/v1/executions/{first}/rerun", json=sent)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_rerun_that_is_sent_twice_under_a_key_is_one(ran: Ran) -> None:
    first, key = await begun(ran.agent, NOW), {"idempotency-key": "again"}
    answers = [await ran.agent.post(f"/api/v1/executions/{first}/rerun", headers=key) for _ in range(2)]

    assert len({answer.json()["execution_id"] for answer in answers}) == 1
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true"]
