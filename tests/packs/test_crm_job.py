"""The job of the pack crm: by itself, against a real CRM on 127.0.0.1, and in a whole Muelle."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from muelle.app import App, open_app, read_configuration
from muelle.core import ManualClock, Secret
from muelle.egress import CredentialDraft, CredentialId
from muelle.engine import JobFailed
from muelle.identity import DEFAULT_TENANT, AgentDraft, Principal
from muelle.packs import HttpAnswer, MemoryHttp, MemoryJobStep
from muelle_crm import PACK
from muelle_crm.client import Crm
from muelle_crm.errors import CrmFailed, CrmMisunderstood
from muelle_crm.pack import AddNotes
from muelle_crm.settings import CrmSettings
from packs.crm_server import TOKEN, CrmServer, PlainHttp

ADD_NOTES = PACK.jobs[0]
HELLO = AddNotes(query="ada", text="Hello")


@pytest.fixture
async def step(crm_server: CrmServer) -> AsyncIterator[MemoryJobStep]:
    async with ClientSession() as session:
        crm = Crm(CrmSettings(base_url=crm_server.url, page_size=10))
        yield MemoryJobStep(crm, http=PlainHttp(session, {"crm-key": TOKEN}))


async def test_every_contact_over_all_pages_gets_one_note(step: MemoryJobStep, crm_server: CrmServer) -> None:
    assert await ADD_NOTES.perform(HELLO, step) == {"noted": 25}

    noted = sorted(note["contact"] for note in crm_server.notes.values())
    assert noted == sorted(f"c{number}" for number in range(25))


async def test_a_job_that_was_stopped_goes_on_where_it_was(step: MemoryJobStep, crm_server: CrmServer) -> None:
    done = dict.fromkeys((f"note for c{number}" for number in range(12)), "note-0")
    step.remembered |= {"page from None": {"contacts": [f"c{n}" for n in range(10)], "next": "10"}, **done}

    assert await ADD_NOTES.perform(HELLO, step) == {"noted": 25}
    assert (len(crm_server.notes), len(crm_server.asked)) == (13, 15)


async def test_a_crm_that_fails_is_not_taken_for_one_without_contacts(
    step: MemoryJobStep, crm_server: CrmServer
) -> None:
    crm_server.failures = [503]
    with pytest.raises(CrmFailed):
        await ADD_NOTES.perform(HELLO, step)


async def test_pages_that_lead_round_in_a_circle_are_an_error() -> None:
    answer = HttpAnswer(status=200, headers={}, body=b'{"contacts": [], "next": "a"}', url="", duration=0)
    http = MemoryHttp(lambda _: answer)
    with pytest.raises(CrmMisunderstood):
        await ADD_NOTES.perform(HELLO, MemoryJobStep(Crm(CrmSettings(base_url="https://crm.test")), http=http))


@pytest.fixture
async def app(crm_server: CrmServer) -> AsyncIterator[App]:
    environment = {"MUELLE__PACKS__CRM__BASE_URL": crm_server.url, "MUELLE__PACKS__CRM__PAGE_SIZE": "10"}
    async with open_app(read_configuration(None, environment), None, packs=[PACK], clock=ManualClock()) as app:
        owner = await app.identity.operator()
        await app.identity.tenants.update(owner, DEFAULT_TENANT, addresses=("127.0.0.0/8",))
        draft = CredentialDraft(
            id=CredentialId("crm-key"), type="bearer-token", hosts=(crm_server.url.removesuffix("/api"),)
        )
        await app.egress.credentials.add(owner, draft, Secret(TOKEN))
        yield app


async def agent(app: App, *rules: tuple[str, str]) -> Principal:
    owner = await app.identity.operator()
    await app.identity.agents.add(owner, AgentDraft("noter"))
    for rule in rules:
        await app.identity.grants.add(owner, "noter", *rule)
    found = await app.identity.agents.show(owner, "noter")
    return await app.identity.principal(found.tenant, found.id)


async def test_the_job_calls_with_the_grants_of_who_handed_it_in(app: App, crm_server: CrmServer) -> None:
    noter = await agent(app, ("hosts:call", "127.0.0.1*"), ("credentials:use", "crm-key"))
    payload = {"query": "ada", "text": "Hello"}

    assert await app.jobs.run(noter.tenant, noter.id, "crm.add_notes", payload) == {"noted": 25}
    assert len(crm_server.notes) == 25


async def test_without_a_grant_nothing_leaves_for_the_job(app: App, crm_server: CrmServer) -> None:
    noter = await agent(app, ("hosts:call", "127.0.0.1*"))

    with pytest.raises(JobFailed) as failed:
        await app.jobs.run(noter.tenant, noter.id, "crm.add_notes", {"query": "ada", "text": "x"})

    facts = failed.value.facts
    assert (facts["status_of_run"], facts["cause"], crm_server.asked) == ("dead", "call_refused", [])
