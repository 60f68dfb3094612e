"""Every example of the guide *Workflows* runs and gives what the guide says, in both languages."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from muelle.packs import Limits
from muelle.workflows import InvalidDocument, plain_answer
from muelle.workflows.operations.comparing import Operator
from muelle.workflows.references import TRANSFORMS
from muelle.workflows.requests import read_request
from workflows.protocol.protocol_world import SECRET, Dock, Echo, open_echo

ROOT = Path(__file__).parents[3]
PAGES = {language: ROOT / "docs" / language / "guides" / "workflows.md" for language in ("en", "es")}
EXAMPLE = "https://api.example.com"


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the kind and the text of each block of code."""
    return re.findall(r"^```(jsonl?)\n(.*?)^```", PAGES[language].read_text("utf-8"), re.DOTALL | re.MULTILINE)


class Example(Echo):
    """The server that the guide calls: it fails for /broken and tells what else it was sent."""

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/broken":
            return web.Response(status=500, text="out of order")
        if request.path == "/me":
            return web.json_response({"authorized": request.headers.get("Authorization") == SECRET})
        body = await request.json()
        told = {"path": request.raw_path, "count": request.headers.get("X-Count"), "body": body}
        return web.json_response(told)


@pytest.fixture
async def example() -> AsyncIterator[Example]:
    async with open_echo(Example()) as served:
        yield served


class Reader:
    """Reads a guide block by block: documents run with the inputs that stand behind them, other JSON is expected."""

    def __init__(self, dock: Dock, url: str) -> None:
        self.dock = dock
        self.url = url
        self.document = b""
        self.inputs: Any = {}
        self.checked = 0

    async def read(self, kind: str, text: str) -> None:
        value = json.loads(text) if kind == "json" else None
        if value is None:
            self.document = text.replace(EXAMPLE, self.url).encode()
        elif "workflow" in value:
            asked = read_request(text.encode(), "application/json")
            self.document, self.inputs = asked.document, asked.inputs
        elif value.keys() == {"inputs"}:
            self.inputs = value["inputs"]
        else:
            told = await self._report() if "valid" in value else await self._answer()
            assert fits(value, told), told
            self.checked += 1

    async def _answer(self) -> Any:
        return plain_answer(await self.dock.app.workflows.run(self.dock.me, self.document, self.inputs))

    async def _report(self) -> Any:
        report = await self.dock.app.workflows.validate(self.dock.me, self.document)
        with pytest.raises(InvalidDocument):
            await self.dock.app.workflows.run(self.dock.me, self.document)
        return msgspec.json.decode(msgspec.json.encode(report.body()))


def fits(expected: Any, told: Any) -> bool:
    """Tell whether an answer has all that the guide shows of it; '…' stands for the rest of a text."""
    if isinstance(expected, Mapping):
        return isinstance(told, Mapping) and all(
            key in told and fits(item, told[key]) for key, item in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(told, list) and len(told) == len(expected) and all(map(fits, expected, told))
    if isinstance(expected, str) and expected.endswith("…"):
        return isinstance(told, str) and told.startswith(expected[:-1])
    return bool(expected == told)


@pytest.mark.parametrize("language", PAGES)
async def test_every_example_of_the_guide_gives_what_the_guide_says(
    language: str, dock: Dock, example: Example
) -> None:
    await dock.keep_secret(example, "api-token")
    reader = Reader(dock, example.url)
    for kind, text in blocks(language):
        await reader.read(kind, text)
    assert reader.checked >= 14


def test_both_languages_show_the_same_examples() -> None:
    assert blocks("en") == blocks("es")


@pytest.mark.parametrize("language", PAGES)
def test_the_guide_names_every_limit_operator_and_transform(language: str) -> None:
    text = PAGES[language].read_text("utf-8")
    operators = Operator.__origin__.__args__  # type: ignore[attr-defined]  # an Annotated Literal
    words = {item.name for item in fields(Limits)} | set(TRANSFORMS) | (set(operators) - {"isEmpty"})
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


@pytest.mark.parametrize("language", PAGES)
def test_the_guide_explains_every_code_of_planning(language: str) -> None:
    room = ROOT / "src" / "muelle" / "workflows"
    sources = "".join(
        (room / f"{name}.py").read_text("utf-8") for name in ("document", "json_stream", "planning", "shape")
    )
    codes = set(re.findall(r'(?:fault|advice|Issue)\(\s*(?:code=)?"([a-z_]+)"', sources))
    text = PAGES[language].read_text("utf-8")
    assert len(codes) > 25
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []
