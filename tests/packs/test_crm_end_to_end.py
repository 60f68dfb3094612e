"""The pack crm in a whole Muelle: an agent with grants finds contacts in a real CRM on 127.0.0.1."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from muelle.app import App, open_app, read_configuration
from muelle.core import MuelleError, Secret
from muelle.egress import CredentialDraft, CredentialId
from muelle.identity import DEFAULT_TENANT, AgentDraft
from muelle.workflows import plain_answer
from muelle_client import Workflow, ref
from muelle_crm import PACK
from packs.crm_server import TOKEN, CrmServer

GRANTS: Mapping[str, str] = {
    "workflows:run": "*",
    "operations:use": "FindContacts",
    "hosts:call": "127.0.0.1*",
    "credentials:use": "crm-key",
}
FIND = Workflow("people").operation(
    "find",
    "FindContacts",
    {
        "query": ref("/input/name"),
        "limit": 25,
        "fields": ["id"],
        "outputPath": "/workflow/people",
    },
)


@pytest.fixture
async def app(crm_server: CrmServer) -> AsyncIterator[App]:
    environment = {"MUELLE__PACKS__CRM__BASE_URL": crm_server.url, "MUELLE__PACKS__CRM__PAGE_SIZE": "10"}
    async with open_app(read_configuration(None, environment), None, packs=[PACK]) as app:
        owner = await app.identity.operator()
        await app.identity.tenants.update(owner, DEFAULT_TENANT, addresses=("127.0.0.0/8",))
        origin = crm_server.url.removesuffix("/api")
        draft = CredentialDraft(id=CredentialId("crm-key"), type="bearer-token", hosts=(origin,))
        await app.egress.credentials.add(owner, draft, Secret(TOKEN))
        yield app


async def run(app: App, *, without: str = "") -> dict[str, Any]:
    """Run FIND as an agent that has all of GRANTS but one."""
    owner = await app.identity.operator()
    await app.identity.agents.add(owner, AgentDraft("seeker"))
    for scope, pattern in GRANTS.items():
        if scope != without:
            await app.identity.grants.add(owner, "seeker", scope, pattern)
    issued = await app.identity.keys.issue(owner, "seeker")
    seeker = await app.identity.authenticate(issued.text.reveal())
    return plain_answer(await app.workflows.run(seeker, FIND.document().encode(), {"name": "ada"}))


async def test_an_agent_finds_contacts_over_all_pages(app: App, crm_server: CrmServer) -> None:
    answer = await run(app)
    assert answer["status"] == "success"
    assert answer["results"]["find"] == [{"id": f"c{n}"} for n in range(25)]
    assert len(crm_server.asked) == 3


@pytest.mark.parametrize("missing", ["hosts:call", "credentials:use"])
async def test_without_a_grant_nothing_leaves(app: App, crm_server: CrmServer, missing: str) -> None:
    answer = await run(app, without=missing)
    assert answer["status"] == "error"
    assert answer["operations"]["find"]["error"]["category"] == "authorization"
    assert crm_server.asked == []


async def test_without_leave_to_use_the_operation_nothing_runs(app: App, crm_server: CrmServer) -> None:
    with pytest.raises(MuelleError) as caught:
        await run(app, without="operations:use")
    assert caught.value.status == 403
    assert crm_server.asked == []


async def test_a_crm_that_fails_fails_the_operation_with_the_packs_own_error(app: App, crm_server: CrmServer) -> None:
    crm_server.failures += [503] * 10
    answer = await run(app)
    assert answer["operations"]["find"]["error"]["code"] == "crm_failed"


async def test_the_token_is_in_no_answer_even_if_the_crm_shows_it(app: App, crm_server: CrmServer) -> None:
    crm_server.contacts[0]["id"] = TOKEN
    assert TOKEN not in str(await run(app))
