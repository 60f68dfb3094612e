"""The whole App on SQLite and on PostgreSQL: an agent, its grants, a run, its records, and a second start."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muelle.app import App, Configuration, open_app, read_configuration
from muelle.engine import RunFilter
from muelle.identity import AgentDraft, AuditFilter, InvalidKey
from muelle.workflows import plain_answer

KEEP = b"""
{"type": "operationUpdate", "operationId": "keep", "operation":
  {"StoreData": {"inputPath": "/input/note", "storage": "database", "key": "note"}}}
{"type": "operationUpdate", "operationId": "file", "operation":
  {"StoreData": {"inputPath": "/input/note", "storage": "file", "key": "notes/today.json"}}}
"""
READ = b"""
{"type": "operationUpdate", "operationId": "kept", "operation":
  {"LoadData": {"storage": "database", "key": "note", "outputPath": "/workflow/kept"}}}
{"type": "operationUpdate", "operationId": "file", "operation":
  {"LoadData": {"storage": "file", "key": "notes/today.json", "outputPath": "/workflow/file"}}}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Configuration:
    if request.param == "sqlite":
        return read_configuration(tmp_path, {})
    return read_configuration(tmp_path, {"MUELLE__STORES__URL": request.getfixturevalue("owner_url")})


@pytest.fixture
async def app(configuration: Configuration, tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(configuration, tmp_path) as opened:
        yield opened


async def test_what_was_done_is_there_after_a_restart(configuration: Configuration, tmp_path: Path) -> None:
    async with open_app(configuration, tmp_path) as first:
        assert first.admin_key is not None
        me = await first.identity.operator()
        kept = await first.workflows.run(me, KEEP, {"note": {"text": "hola", "n": None}})
    async with open_app(configuration, tmp_path) as second:
        assert second.admin_key is None
        answer = plain_answer(await second.workflows.run(me, READ))
        shown = await second.executions.show(me, kept.run)
    assert answer["results"] == {"kept": {"text": "hola", "n": None}, "file": {"text": "hola", "n": None}}
    assert [step["operation_id"] for step in shown["operations"]] == ["keep", "file"]


async def test_an_agent_does_what_it_may_and_its_refusals_are_recorded(app: App) -> None:
    owner = await app.identity.operator()
    await app.identity.agents.add(owner, AgentDraft(name="reader", preset="runner"))
    issued = await app.identity.keys.issue(owner, "reader")
    agent = await app.identity.authenticate(issued.text.reveal())
    assert (await app.workflows.run(agent, KEEP, {"note": 1})).status == "success"
    for grant in (await app.identity.grants.list(owner, "reader")).items:
        if grant.rule.scope == "storage:write":
            await app.identity.grants.revoke(owner, "reader", grant.id)
    agent = await app.identity.authenticate(issued.text.reveal())
    outcome = await app.workflows.run(agent, KEEP, {"note": 2})
    assert outcome.status == "error"
    refused = await app.stores.trail.page(owner.tenant, AuditFilter(decision="refused"))
    assert {(act.action, act.resource) for act in refused.items} == {
        ("storage:write", "database/note"),
        ("storage:write", "file/notes/today.json"),
    }


async def test_a_revoked_key_opens_nothing(app: App) -> None:
    owner = await app.identity.operator()
    await app.identity.agents.add(owner, AgentDraft(name="brief"))
    issued = await app.identity.keys.issue(owner, "brief")
    await app.identity.authenticate(issued.text.reveal())
    await app.identity.keys.revoke(owner, "brief", issued.key.id)
    with pytest.raises(InvalidKey):
        await app.identity.authenticate(issued.text.reveal())


async def test_runs_of_another_tenant_are_not_there(app: App) -> None:
    owner = await app.identity.operator()
    outcome = await app.workflows.run(owner, KEEP, {"note": 1})
    neighbour = await app.identity.tenants.add(owner, "neighbour", name="Neighbour")
    theirs = await app.identity.authenticate(neighbour.key.text.reveal())
    listed = await app.executions.page(theirs, RunFilter(), 10, None)
    assert listed["executions"] == []
    with pytest.raises(Exception, match="Execution not found"):
        await app.executions.show(theirs, outcome.run)
    answer = plain_answer(await app.workflows.run(theirs, READ))
    assert answer["status"] == "error"
