"""The code of the guide *The client library* runs, against a whole Muelle."""

import asyncio
import re
import runpy
from pathlib import Path

import pytest

from client.live_server import LiveServer

DOCS = Path(__file__).parents[2] / "docs"


def blocks(language: str) -> list[str]:
    text = (DOCS / language / "guides" / "client.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_both_languages_show_the_same_code() -> None:
    assert blocks("en") == blocks("es")


async def test_the_code_of_the_guide_runs(
    live_server: LiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = tmp_path / "guide.py"
    guide.write_text("\n".join(blocks("en")).replace("http://127.0.0.1:8000", live_server.url), "utf-8")
    await asyncio.to_thread(runpy.run_path, str(guide), {"api_key": live_server.key})
    shown = capsys.readouterr().out
    assert shown.startswith("['Hello Ada']")
    assert "There is no operation" in shown
    assert shown.endswith("True\n")
