"""Definitions of Apis and versions of credentials over HTTP."""

from typing import Any

import pytest

from doors.door_world import Doorway, document

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://pets.example.com"}],
    "paths": {
        "/pets": {"get": {"operationId": "listPets", "summary": "List pets"}},
        "/pets/{id}": {"get": {"operationId": "showPet", "summary": "Show a pet"}},
    },
}


async def test_a_document_is_imported_searched_and_shown(doorway: Doorway) -> None:
    owner = await doorway.owner()

    done = await owner.put("/api/v1/apis/pets/definition", json={"document": DOCUMENT})
    found = (await owner.get("/api/v1/endpoints", params={"q": "show", "budget": 500})).json()
    shown = (await owner.get("/api/v1/apis/pets/endpoints/showPet")).json()
    by_path = (await owner.get("/api/v1/apis/pets/endpoints/GET /pets/{id}")).json()

    assert (done.status_code, done.json()["endpoints"], done.json()["is_new"]) == (200, 2, True)
    assert [each["endpoint"] for each in found["endpoints"]] == ["showPet"]
    assert shown["parameters"] == [{"name": "id", "in": "path", "required": True}]
    assert by_path == shown


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_import"),
        ({"document": DOCUMENT, "url": "https://a.example"}, 400, "invalid_import"),
        ({"document": {"swagger": "2.0"}}, 400, "invalid_definition"),
        ({"document": "not yaml: ["}, 400, "invalid_definition"),
        ({"document": DOCUMENT, "prefixes": ["no-slash"]}, 400, "invalid_body"),
        ({"url": "http://127.0.0.1:1/openapi.json"}, 403, "address_refused"),
    ],
)
async def test_what_cannot_be_imported_is_said(doorway: Doorway, body: Any, status: int, code: str) -> None:
    owner = await doorway.owner()

    told = await owner.put("/api/v1/apis/pets/definition", json=body)

    assert (told.status_code, told.json()["code"]) == (status, code)


async def test_an_agent_sees_the_endpoints_that_it_may_call(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await owner.put("/api/v1/apis/pets/definition", json={"document": DOCUMENT})
    agent = await doorway.agent(("apis:call", "pets GET /pets"), name="bot")
    stranger = await doorway.agent(name="nobody")

    assert [each["endpoint"] for each in (await agent.get("/api/v1/endpoints")).json()["endpoints"]] == ["listPets"]
    assert (await agent.get("/api/v1/apis/pets/endpoints/showPet")).status_code == 404
    assert (await agent.put("/api/v1/apis/pets/definition", json={"document": DOCUMENT})).status_code == 403
    assert (await stranger.get("/api/v1/endpoints")).json() == {"endpoints": [], "count": 0, "left_out": 0}
    assert (await stranger.get("/api/v1/apis/pets/endpoints/listPets")).status_code == 404


async def test_an_operation_calls_an_endpoint_by_name(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await owner.put("/api/v1/apis/pets/definition", json={"document": DOCUMENT, "base_url": "http://127.0.0.1:9/"})
    wrong = {"api": "pets", "endpoint": "showPet", "parameters": {"colour": "red"}, "outputPath": "/workflow/pet"}
    right = {**wrong, "parameters": {"id": 7}}

    told = [
        (
            await owner.post("/api/v1/workflows/execute", json={"workflow": document(("pet", "CallEndpoint", config))})
        ).text
        for config in (wrong, right)
    ]

    assert "invalid_parameters" in told[0]
    assert "address_refused" in told[1]


async def test_a_credential_is_rotated(doorway: Doorway) -> None:
    owner = await doorway.owner()
    body = {"id": "crm", "secret": "s3cret-one", "hosts": ["crm.example.com"], "expires_at": "2999-01-01T00:00:00Z"}
    await owner.post("/api/v1/credentials", json=body)

    rotation = {"secret": "s3cret-two", "grace_seconds": 60}
    rotated = await owner.post("/api/v1/credentials/crm/rotate", json=rotation)
    wrong = await owner.post("/api/v1/credentials/crm/rotate", json={"secret": "s3cret-two", "grace_seconds": 1e9})

    told = rotated.json()
    assert (rotated.status_code, told["version"], told["status"], told["expires_at"]) == (200, 2, "valid", None)
    assert told["previous_until"] > told["rotated_at"]
    assert wrong.status_code == 400
    assert "s3cret" not in rotated.text + wrong.text
    agent = await doorway.agent(("credentials:use", "crm"), name="bot")
    assert (await agent.post("/api/v1/credentials/crm/rotate", json=rotation)).status_code == 403
