"""Approvals from the command line: the run is on its way, and a worker takes the answer to it."""

import asyncio
import json
from pathlib import Path

import pytest

from cli.conftest import Muelle
from muelle.app import open_app, read_configuration
from muelle.core import RunId
from muelle.rooms import working
from muelle.workflows.runs import Wishes

DOCUMENT = {"operationUpdate": {"workflowId": "bill", "operations": [
    {"id": "ask", "operation": {"Approve": {"message": "Pay?", "outputPath": "/workflow/d"}}}]}}  # fmt: skip


async def _asked(home: Path, agent: str) -> str:
    """Let an agent's run ask, and leave memory; return the run."""
    async with open_app(read_configuration(home), home) as app, working(app):
        owner = await app.identity.operator()
        found = await app.identity.agents.show(owner, agent)
        principal = await app.identity.principal(found.tenant, found.id)
        run = (await app.runs.submit(principal, json.dumps(DOCUMENT).encode(), {}, Wishes())).run
        async with asyncio.timeout(20):
            while (await app.runs.find(owner, run)).status != "waiting":  # noqa: ASYNC110 - a worker is at it
                await asyncio.sleep(0.01)
    return run


async def _status(home: Path, run: str) -> str:
    """Let workers go on; return how the run ended."""
    async with open_app(read_configuration(home), home) as app, working(app):
        owner = await app.identity.operator()
        await app.runs.result(owner, RunId(run), 20)
        return (await app.runs.find(owner, run)).status


@pytest.fixture
def run(muelle: Muelle) -> str:
    assert muelle("agents", "add", "clerk", "--preset", "runner", "--no-key").code == 0
    return asyncio.run(_asked(muelle.home, "clerk"))


def test_what_is_asked_is_listed_shown_and_approved(muelle: Muelle, run: str) -> None:
    [listed] = muelle("approvals", "list", "--json").json["approvals"]
    assert (listed["execution_id"], listed["operation_id"], listed["message"]) == (run, "ask", "Pay?")
    assert muelle("approvals", "show", run, "ask", "--json").json["state"] == "open"

    told = muelle("approvals", "approve", run, "ask", "--comment", "fine", "--json")

    assert (told.code, told.json["state"], told.json["comment"]) == (0, "approved", "fine")
    assert muelle("approvals", "list", "--json").json["approvals"] == []
    assert asyncio.run(_status(muelle.home, run)) == "success"


def test_what_is_rejected_fails(muelle: Muelle, run: str) -> None:
    assert muelle("approvals", "reject", run, "ask").code == 0
    assert asyncio.run(_status(muelle.home, run)) == "error"
    assert muelle("approvals", "reject", run, "ask").code == 1


def test_an_agent_answers_only_what_it_may(muelle: Muelle, run: str) -> None:
    assert muelle("approvals", "list", "--as", "clerk", "--json").json["approvals"] == []
    assert muelle("approvals", "approve", run, "ask", "--as", "clerk").code == 3
    assert muelle("approvals", "show", "run_0", "ask").code == 1
