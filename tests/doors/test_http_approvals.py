"""Who may see and answer what a run asks: those with the grant whom it names, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from doors.door_world import Doorway, document, is_problem
from doors.runs_doorway import EXECUTE, begun, open_working
from muelle.identity import AuditFilter

ANSWER = ("approvals:answer", "w")
SHOWN = {"message": "Pay?", "details": {"total": 3}, "workflow_id": "w", "state": "open", "by": None, "comment": ""}


def asking(**config: Any) -> str:
    """Return a document that asks, and then ends."""
    ask = {"message": "Pay?", "details": {"total": 3}, "onReject": "continue", "outputPath": "/workflow/d", **config}
    return document(("ask", "Approve", ask))


@dataclass
class Asked:
    """A run that asks, which an agent without the grant to answer has handed in."""

    doorway: Doorway
    agent: httpx.AsyncClient
    agent_id: str
    run: str

    @property
    def place(self) -> str:
        return f"/api/v1/approvals/{self.run}/ask"

    async def decision(self) -> Any:
        """Return what the run was told, once it has ended."""
        answer = (await self.agent.get(f"/api/v1/executions/{self.run}/result?wait=20")).json()
        return answer["results"].get("ask")


async def ask(doorway: Doorway, **config: Any) -> Asked:
    agent = await doorway.agent(preset="runner", name="runner")
    agent_id = (await agent.get("/api/v1/me")).json()["id"]
    return Asked(doorway, agent, agent_id, await begun(agent, asking(**config)))


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    async with open_working() as opened:
        yield opened


@pytest.fixture
async def asked(doorway: Doorway) -> Asked:
    return await ask(doorway)


async def listed(client: httpx.AsyncClient) -> list[Any]:
    answer = await client.get("/api/v1/approvals")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["approvals"])


async def code_of(client: httpx.AsyncClient, path: str, verb: str = "") -> tuple[int, str]:
    answer = await (client.post(f"{path}/{verb}") if verb else client.get(path))
    assert is_problem(answer), answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_stranger_sees_and_answers_nothing(asked: Asked) -> None:
    stranger = await asked.doorway.stranger()
    assert (await stranger.get("/api/v1/approvals")).status_code == 401
    for verb in ("", "approve", "reject"):
        assert await code_of(stranger, asked.place, verb) == (401, "unauthenticated")


async def test_another_tenant_finds_nothing_to_answer(asked: Asked) -> None:
    neighbour = await asked.doorway.neighbour()
    assert await listed(neighbour) == []
    for verb in ("", "approve", "reject"):
        assert await code_of(neighbour, asked.place, verb) == (404, "approval_not_found")


@pytest.mark.parametrize("rules", [[], [("approvals:answer", "x")], [("workflows:run", "*")]])
async def test_without_the_grant_there_is_nothing_to_answer(asked: Asked, rules: list[tuple[str, str]]) -> None:
    powerless = await asked.doorway.agent(*rules)
    assert await listed(powerless) == []
    for verb in ("", "approve", "reject"):
        assert await code_of(powerless, asked.place, verb) == (404, "approval_not_found")


async def test_whose_run_it_is_sees_the_question_and_may_not_answer_it(asked: Asked) -> None:
    assert await listed(asked.agent) == []
    assert (await asked.agent.get(asked.place)).json()["state"] == "open"
    assert await code_of(asked.agent, asked.place, "approve") == (403, "not_an_approver")


async def test_not_even_with_the_grant_does_one_approve_ones_own_run(asked: Asked) -> None:
    await asked.doorway.app.identity.grants.add(await asked.doorway.principal(), "runner", *ANSWER)
    assert await listed(asked.agent) == []
    assert await code_of(asked.agent, asked.place, "approve") == (403, "not_an_approver")


async def test_one_who_is_named_may_approve_ones_own_run(doorway: Doorway) -> None:
    key = await doorway.key_of(ANSWER, name="self", preset="runner")
    own = await doorway.client(key)
    me = (await own.get("/api/v1/me")).json()["id"]
    run = await begun(own, asking(approvers=[me]))
    assert [one["execution_id"] for one in await listed(own)] == [run]
    assert (await own.post(f"/api/v1/approvals/{run}/ask/approve")).json()["state"] == "approved"


async def test_who_is_not_named_may_see_and_not_answer(doorway: Doorway) -> None:
    ana = await doorway.agent(ANSWER, name="ana")
    ana_id = (await ana.get("/api/v1/me")).json()["id"]
    bob = await doorway.agent(ANSWER, name="bob")
    asked = await ask(doorway, approvers=[ana_id])
    assert (await listed(bob), (await bob.get(asked.place)).json()["approvers"]) == ([], [ana_id])
    assert await code_of(bob, asked.place, "reject") == (403, "not_an_approver")
    assert len(await listed(ana)) == 1
    assert (await ana.post(f"{asked.place}/reject")).json()["state"] == "rejected"


async def test_who_is_named_and_has_no_grant_may_not_answer(doorway: Doorway) -> None:
    ana = await doorway.agent(name="ana")
    ana_id = (await ana.get("/api/v1/me")).json()["id"]
    asked = await ask(doorway, approvers=[ana_id])
    assert await code_of(ana, asked.place, "approve") == (404, "approval_not_found")


@pytest.mark.parametrize(("verb", "approved"), [("approve", True), ("reject", False)])
async def test_an_answer_reaches_the_run_and_is_shown(asked: Asked, verb: str, *, approved: bool) -> None:
    ana = await asked.doorway.agent(preset="approver", name="ana")
    ana_id = (await ana.get("/api/v1/me")).json()["id"]
    [found] = await listed(ana)
    assert {name: found[name] for name in SHOWN} == SHOWN
    assert (found["agent_id"], found["operation_id"]) == (asked.agent_id, "ask")
    told = (await ana.post(f"{asked.place}/{verb}", json={"comment": "as it is"})).json()
    assert (told["state"], told["by"], told["comment"]) == (f"{verb}d" if approved else "rejected", ana_id, "as it is")
    decision = await asked.decision()
    assert {**decision, "at": ""} == {"approved": approved, "by": ana_id, "comment": "as it is", "at": ""}
    assert await listed(ana) == []


async def test_the_first_answer_counts(asked: Asked) -> None:
    ana = await asked.doorway.agent(ANSWER, name="ana")
    owner = await asked.doorway.owner()
    assert (await ana.post(f"{asked.place}/approve")).status_code == 200
    assert await code_of(owner, asked.place, "reject") == (409, "wait_closed")
    assert (await asked.decision())["approved"] is True


async def test_answers_and_refusals_are_acts(asked: Asked) -> None:
    powerless = await asked.doorway.agent()
    await powerless.post(f"{asked.place}/approve")
    await asked.agent.post(f"{asked.place}/approve")
    await (await asked.doorway.owner()).post(f"{asked.place}/approve")
    trail, tenant = asked.doorway.app.stores.trail, (await asked.doorway.principal()).tenant
    acts = (await trail.page(tenant, AuditFilter(action="approvals.approve"), 10)).items
    assert [(act.decision, act.resource) for act in reversed(acts)] == [
        ("refused", "*"), ("refused", "w"), ("allowed", "w"),
    ]  # fmt: skip
    assert {act.detail for act in acts} == {f"{asked.run}/ask"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"comment": "x" * 2001}, "invalid_body"),
        ({"comment": "x\x00"}, "invalid_comment"),
        ({"comment": 7}, "invalid_body"),
        ({"why": "x"}, "invalid_body"),
    ],
)
async def test_a_comment_is_bounded_text(asked: Asked, body: dict[str, Any], code: str) -> None:
    owner = await asked.doorway.owner()
    answer = await owner.post(f"{asked.place}/approve", json=body)
    assert (answer.status_code // 100, answer.json()["code"]) == (4, code)
    assert (await owner.post(f"{asked.place}/approve", json={"comment": "x" * 2000})).status_code == 200


async def test_approvals_come_page_by_page_the_oldest_first(doorway: Doorway) -> None:
    agent, owner = await doorway.agent(preset="runner", name="runner"), await doorway.owner()
    runs = [await begun(agent, asking()) for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await owner.get("/api/v1/approvals", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        assert page["count"] == len(page["approvals"]) <= 2
        seen += [one["execution_id"] for one in page["approvals"]]
        cursor = page["next_cursor"]
    assert seen == runs


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "cursor=x", "cursor=WyJhIl0", "cursor=%C3%A9"])
async def test_a_page_that_cannot_be_is_refused(doorway: Doorway, query: str) -> None:
    assert (await (await doorway.owner()).get(f"/api/v1/approvals?{query}")).status_code in {400, 422}


async def test_what_waits_for_an_event_is_no_approval(doorway: Doorway) -> None:
    owner = await doorway.owner()
    run = await begun(owner, document(("event", "WaitForEvent", {"type": "a"})))
    assert await listed(owner) == []
    assert await code_of(owner, f"/api/v1/approvals/{run}/event", "approve") == (404, "approval_not_found")


async def test_a_question_of_a_synchronous_run_is_answered_while_its_caller_waits(doorway: Doorway) -> None:
    agent, owner = await doorway.agent(preset="runner", name="runner"), await doorway.owner()
    waiting = asyncio.create_task(agent.post(EXECUTE, json={"workflow": asking()}))
    async with asyncio.timeout(20):
        while not (open_ones := await listed(owner)):  # noqa: ASYNC110 - it is the server that knows
            await asyncio.sleep(0.02)
    await owner.post(f"/api/v1/approvals/{open_ones[0]['execution_id']}/ask/approve")
    assert (await waiting).json()["results"]["ask"]["approved"] is True
