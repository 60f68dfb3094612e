"""The code of the guide *Writing a pack* stands in the pack itself, line for line."""

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "packs" / "crm").rglob("*.py"), *(ROOT / "tests" / "packs").glob("test_crm_*.py")]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def code(text: str) -> str:
    """Return text without indentation at its left, and without what only the source has in between."""
    return textwrap.dedent(text).strip()


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_line_of_the_guide_is_true(language: str) -> None:
    lines = {line.strip() for source in SOURCES for line in source.read_text("utf-8").splitlines()}
    shown = blocks(ROOT / "docs" / language / "guides" / "packs.md", "python")
    untrue = [line for block in shown for line in code(block).splitlines() if line.strip() not in lines]
    assert shown
    assert untrue == []


def test_both_languages_show_the_same_code() -> None:
    english, spanish = (ROOT / "docs" / each / "guides" / "packs.md" for each in ("en", "es"))
    for language in ("python", "toml"):
        assert blocks(english, language) == blocks(spanish, language)
