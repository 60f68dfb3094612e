from pathlib import Path
from typing import Any

from cli.conftest import Muelle


def _json(muelle: Muelle, *arguments: str) -> Any:
    told = muelle(*arguments, "--json")
    assert told.code == 0, told.err
    return told.json


def kept(muelle: Muelle, folder: Path) -> str:
    (folder / "holidays.md").write_text("# Holidays\nEverybody has 25 days of paid leave.\n")
    return str(_json(muelle, "knowledge", "add", "handbook", str(folder / "holidays.md"))["id"])


def test_a_document_is_added_found_shown_and_removed(muelle: Muelle, tmp_path: Path) -> None:
    document = kept(muelle, tmp_path)
    assert _json(muelle, "knowledge", "list", "--bases")["bases"] == [{"id": "handbook", "documents": 1, "parts": 1}]
    (hit,) = _json(muelle, "knowledge", "search", "days of leave", "--base", "handbook")["results"]
    assert (hit["document"], hit["heading"]) == (document, "Holidays")
    assert _json(muelle, "knowledge", "show", document)["parts"][0]["text"] == hit["text"]
    assert _json(muelle, "knowledge", "remove", document, "--yes") == {"id": document, "removed": True}
    assert _json(muelle, "knowledge", "list")["documents"] == []


def test_discovery_finds_operations_and_knowledge_within_its_budget(muelle: Muelle, tmp_path: Path) -> None:
    kept(muelle, tmp_path)
    told = _json(muelle, "discover", "paid leave", "--budget", "500")
    assert {"knowledge", "operation"} >= {item["kind"] for item in told["items"]} >= {"knowledge"}
    assert told["tokens"] <= 500
    assert "holidays.md" in muelle("discover", "paid leave", "--kind", "knowledge").out
