"""What APIs offer, imported and looked at from the command line."""

import json
from pathlib import Path

import pytest

from cli.conftest import Muelle

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Pets"},
    "servers": [{"url": "https://pets.example.com"}],
    "paths": {
        "/pets": {
            "get": {"operationId": "listPets", "summary": "List pets", "responses": {}},
            "post": {
                "operationId": "addPet",
                "summary": "Add a pet",
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
            },
        },
        "/cats": {"get": {"operationId": "listCats", "parameters": [{"name": "a", "in": "cookie"}]}},
    },
}


@pytest.fixture
def document(tmp_path: Path) -> str:
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT))
    return str(tmp_path / "openapi.json")


def test_a_document_is_imported_and_its_endpoints_found(muelle: Muelle, document: str) -> None:
    done = muelle("apis", "import", "pets", document, "--json")
    found = muelle("apis", "endpoints", "add pet", "--json")
    shown = muelle("apis", "endpoint", "pets", "POST /pets", "--json")

    assert (done.json["endpoints"], done.json["is_new"], len(done.json["notes"])) == (3, True, 1)
    assert found.json["endpoints"][0]["endpoint"] == "addPet"
    assert shown.json["body"] == {"required": False, "contentType": "application/json", "schema": {"type": "object"}}
    assert muelle("apis", "show", "pets", "--json").json["base_url"] == "https://pets.example.com"


def test_people_see_endpoints_as_a_table(muelle: Muelle, document: str) -> None:
    imported = muelle("apis", "import", "pets", document, "--path", "/pets", "--strict")
    listed = muelle("apis", "endpoints", "--api", "pets")
    scarce = muelle("apis", "endpoints", "--budget", "40")

    assert imported.code == 0
    assert ("listPets" in listed.out, "listCats" in listed.out) == (True, False)
    assert "do not fit" in scarce.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "pets", "/no/such/file"),
        ("import", "pets"),
        ("endpoint", "pets", "nothing"),
        ("endpoints", "--limit", "0"),
    ],
)
def test_what_cannot_be_is_said(muelle: Muelle, arguments: tuple[str, ...]) -> None:
    told = muelle("apis", *arguments, "--json")

    assert told.code in {1, 2}
    assert told.out == ""


def test_a_document_that_is_none_is_refused(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"swagger": "2.0", "paths": {}}')

    told = muelle("apis", "import", "pets", str(tmp_path / "other.json"), "--json")

    assert (told.code, told.problem["code"]) == (2, "invalid_definition")
