"""The pack crm against a real CRM on 127.0.0.1, through what packs see of their host and nothing else."""

import ast
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from aiohttp import ClientSession

from muelle.packs import (
    CredentialRef,
    HttpAnswer,
    HttpCall,
    Invalid,
    MemoryHttp,
    MemoryStep,
    MuelleError,
    Packs,
    open_packs,
    schema_of,
)
from muelle_crm import PACK
from muelle_crm.client import Crm
from muelle_crm.pack import AddNote, FindContacts
from muelle_crm.settings import CrmSettings
from packs.crm_server import TOKEN, CrmServer, PlainHttp

FIND = PACK.operations[0]
ADD_NOTE = PACK.tools[0]


@pytest.fixture
async def step(crm_server: CrmServer) -> AsyncIterator[MemoryStep]:
    crm = Crm(CrmSettings(base_url=crm_server.url, page_size=10))
    async with ClientSession() as session:
        yield MemoryStep(crm, http=PlainHttp(session, {"crm-key": TOKEN}))


def step_with(answer: HttpAnswer, **settings: Any) -> MemoryStep:
    return MemoryStep(Crm(CrmSettings(base_url="https://crm.test/", **settings)), http=MemoryHttp(lambda _: answer))


def answer_of(status: int, body: bytes = b"{}") -> HttpAnswer:
    return HttpAnswer(status=status, headers={}, body=body, url="https://crm.test/", duration=0.0)


async def find(step: MemoryStep, **config: Any) -> Any:
    given = {"outputPath": "/workflow/contacts", "query": "ada", **config}
    found = FIND.perform(msgspec.convert(given, FindContacts), step)
    return await found


async def add_note(step: MemoryStep, contact: str, text: str) -> Any:
    return await ADD_NOTE.call(AddNote(contact_id=contact, text=text), step)


async def test_contacts_are_found_over_as_many_pages_as_it_takes(step: MemoryStep, crm_server: CrmServer) -> None:
    found = await find(step, limit=25)
    assert [each["id"] for each in found] == [f"c{n}" for n in range(25)]
    assert crm_server.asked[-1] == "GET /api/contacts?q=ada&limit=5&cursor=20"


@pytest.mark.parametrize(("limit", "calls"), [(1, 1), (10, 1), (11, 2), (1000, 3)])
async def test_no_more_pages_are_asked_for_than_needed(
    step: MemoryStep, crm_server: CrmServer, limit: int, calls: int
) -> None:
    assert len(await find(step, limit=limit)) == min(limit, 25)
    assert len(crm_server.asked) == calls


async def test_only_the_wanted_fields_are_kept(step: MemoryStep) -> None:
    found = await find(step, query="ada 24", fields=["email", "phone"])
    assert found == [{"email": "ada24@example.com"}]


async def test_nothing_found_is_an_empty_list(step: MemoryStep) -> None:
    assert await find(step, query="nobody") == []


async def test_a_note_is_added(step: MemoryStep, crm_server: CrmServer) -> None:
    assert await add_note(step, "c3", "called") == {"noteId": "note-1"}
    assert [(note["contact"], note["text"]) for note in crm_server.notes.values()] == [("c3", "called")]


async def test_a_step_that_is_taken_up_again_adds_its_note_once(step: MemoryStep, crm_server: CrmServer) -> None:
    assert await add_note(step, "c3", "called") == await add_note(step, "c3", "called")
    await add_note(step, "c3", "wrote")
    assert len(crm_server.notes) == 2


async def test_a_note_on_an_unknown_contact_says_so(step: MemoryStep) -> None:
    with pytest.raises(MuelleError) as caught:
        await add_note(step, "c/99", "called")
    assert (caught.value.code, caught.value.facts) == ("crm_contact_not_found", {"contact": "c/99"})


@pytest.mark.parametrize(
    ("status", "code", "recoverable"),
    [
        (301, "crm_rejected", False),
        (400, "crm_rejected", False),
        (403, "crm_refused", False),
        (404, "crm_not_found", False),
        (429, "crm_busy", True),
        (500, "crm_failed", True),
        (503, "crm_failed", True),
    ],
)
async def test_each_status_has_its_error(
    step: MemoryStep, crm_server: CrmServer, status: int, code: str, *, recoverable: bool
) -> None:
    crm_server.failures.append(status)
    with pytest.raises(MuelleError) as caught:
        await find(step)
    assert (caught.value.code, caught.value.recoverable) == (code, recoverable)
    assert caught.value.facts["status_code"] == status


async def test_a_busy_crm_says_how_long_to_wait(step: MemoryStep, crm_server: CrmServer) -> None:
    crm_server.failures.append(429)
    with pytest.raises(MuelleError) as caught:
        await find(step)
    assert caught.value.facts["retry_after"] == "7"


async def test_a_wrong_credential_is_named_and_not_shown(crm_server: CrmServer) -> None:
    async with ClientSession() as session:
        stranger = MemoryStep(Crm(CrmSettings(base_url=crm_server.url)), http=PlainHttp(session, {"crm-key": "wrong"}))
        with pytest.raises(MuelleError) as caught:
            await find(stranger)
    assert caught.value.facts == {"status_code": 401, "credential": "crm-key"}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"contacts": {}}', b'{"contacts": [1]}', b'{"next": "2"}'])
async def test_an_answer_that_makes_no_sense_is_an_error(body: bytes) -> None:
    with pytest.raises(MuelleError) as caught:
        await find(step_with(answer_of(200, body)))
    assert caught.value.code == "crm_misunderstood"


async def test_a_crm_whose_pages_never_end_is_left() -> None:
    with pytest.raises(MuelleError) as caught:
        await find(step_with(answer_of(200, b'{"contacts": [], "next": "same"}')))
    assert caught.value.facts["cause"] == "a page names itself as the next"


@pytest.mark.parametrize(("pages", "enough"), [(3, True), (2, False)])
async def test_pages_are_bounded(crm_server: CrmServer, pages: int, *, enough: bool) -> None:
    async with ClientSession() as session:
        crm = Crm(CrmSettings(base_url=crm_server.url, page_size=10, max_pages=pages))
        step = MemoryStep(crm, http=PlainHttp(session, {"crm-key": TOKEN}))
        if enough:
            assert len(await find(step, limit=25)) == 25
        else:
            with pytest.raises(MuelleError, match="max_pages"):
                await find(step, limit=25)


async def test_a_pack_without_a_url_opens_and_says_so_when_it_is_used() -> None:
    assert PACK.check is not None
    PACK.check(CrmSettings())
    with pytest.raises(MuelleError) as caught:
        await find(MemoryStep(Crm(CrmSettings())))
    assert (caught.value.code, caught.value.facts) == ("crm_not_configured", {"setting": "packs.crm.base_url"})


async def test_the_credential_leaves_the_pack_as_a_name_only() -> None:
    http = MemoryHttp(lambda _: answer_of(200, b'{"contacts": []}'))
    await find(MemoryStep(Crm(CrmSettings(base_url="https://crm.test", credential="mine", timeout=3)), http=http))
    call: HttpCall = http.calls[0]
    assert call.headers["Authorization"] == CredentialRef("mine")
    assert call.timeout == 3


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "crm.example.com"},
        {"base_url": "ftp://crm"},
        {"base_url": "https://me:pw@crm"},
        {"base_url": "https://crm?x=1"},
        {"credential": ""},
        {"timeout": 0.0},
        {"page_size": 0},
        {"max_pages": -1},
    ],
)
def test_settings_that_cannot_work_are_named(change: dict[str, Any]) -> None:
    settings = replace(CrmSettings(base_url="https://crm"), **change)
    assert PACK.check is not None
    with pytest.raises(Invalid) as caught:
        PACK.check(settings)
    assert caught.value.facts["setting"] == f"packs.crm.{next(iter(change))}"
    assert "pw" not in str(caught.value)


async def test_the_pack_opens_with_its_settings_from_the_environment() -> None:
    environment = {"MUELLE__PACKS__CRM__BASE_URL": "https://crm.example.com/v1"}
    async with open_packs(Packs.of([PACK]), {}, environment) as opened:
        assert isinstance(opened.operations["FindContacts"].resource, Crm)
        assert opened.tools["crm.add_note"].resource is opened.resources["crm"]


def test_the_example_satisfies_the_schema() -> None:
    schema = schema_of(FIND)
    jsonschema.validate(schema["examples"][0], schema)
    assert not jsonschema.Draft202012Validator(schema).is_valid({"outputPath": "/workflow/x", "query": ""})


def test_the_pack_imports_nothing_of_muelle_but_its_packs_room() -> None:
    source = Path(__file__).parents[2] / "packs" / "crm" / "src" / "muelle_crm"
    imported = {
        node.module
        for file in source.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert {module for module in imported if module.split(".")[0] == "muelle"} == {"muelle.packs"}
