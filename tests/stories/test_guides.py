"""The guide is true: its commands parse, its JSON is JSON, its links lead somewhere, in both languages alike."""

import dataclasses
import re
import tomllib
from itertools import product
from pathlib import Path

import click
import msgspec
import pytest

from muelle.app import LIMIT_NAMES
from muelle.cli.program import muelle
from muelle.core import Metric, read_settings, setting_names
from muelle.identity import PRESETS, SCOPES
from muelle.packs import divide_settings
from muelle.settings import Settings
from reference.errors import documented_errors
from reference.modules import values
from stories.pages import (
    LANGUAGES,
    ROOT,
    RUN,
    blocks,
    commands,
    commands_of,
    first_cells,
    guides,
    headings,
    links,
    pages,
    parse,
    prose,
    slot,
    spans,
)
from stories.terminal import Terminal

WRITTEN = [page for language in LANGUAGES for page in pages(language)]
PAIRS = [pair for pair in product(pages("en"), pages("es")) if slot(pair[0]) == slot(pair[1])]
ROOMS = [field.name for field in dataclasses.fields(Settings)]
WALKS = [page for page in guides("en") if any(block.mark == RUN for block in blocks(page))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def usage_error(arguments: list[str]) -> str:
    """Return what click has against a command line, or nothing."""
    try:
        parse(muelle, arguments)
    except click.UsageError as error:
        return f"muelle {' '.join(arguments)}: {error.format_message()}"
    return ""


def test_every_guide_is_there_in_both_languages() -> None:
    assert [page.name for page in guides("en")] == [page.name for page in guides("es")]


@pytest.mark.parametrize(("english", "spanish"), PAIRS, ids=name_of)
def test_both_languages_have_the_same_structure(english: Path, spanish: Path) -> None:
    assert headings(english) == headings(spanish)


@pytest.mark.parametrize(("english", "spanish"), PAIRS, ids=name_of)
def test_both_languages_show_the_same_code(english: Path, spanish: Path) -> None:
    assert blocks(english) == blocks(spanish)


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_entrance_links_every_page(language: str) -> None:
    entrance = ROOT / "docs" / language / "index.md"
    present = {str(page.relative_to(entrance.parent)) for page in entrance.parent.rglob("*.md")}

    assert present - {"index.md"} - set(links(entrance)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_menu_has_every_page_in_the_order_of_the_entrance(language: str) -> None:
    docs = ROOT / "docs" / language
    project = tomllib.loads((ROOT / "docs" / f"{language}.toml").read_text("utf-8"))["project"]
    (home, *groups) = (page for entry in project["nav"] for page in entry.values())

    assert home == "index.md"
    assert [page for group in groups for page in group] == links(docs / "index.md")[1:]


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_is_one_that_there_is(page: Path) -> None:
    assert list(filter(None, map(usage_error, commands(page)))) == []


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_in_the_text_is_one_that_there_is(page: Path) -> None:
    faults = list(filter(None, map(usage_error, spans(page))))

    assert [fault for fault in faults if "Missing" not in fault and "Usage:" not in fault] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_json_is_json(page: Path) -> None:
    for block in blocks(page):
        if block.language == "json":
            msgspec.json.decode(block.text)
        if block.language == "jsonl":
            msgspec.json.Decoder().decode_lines(block.text)


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_code_of_a_table_of_errors_is_one_that_there_is(page: Path) -> None:
    known = {kind.code for kind in documented_errors()}

    assert set(first_cells(page, ("code", "código"))) - known == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_scopes_and_limits_of_the_guide_are_those_that_there_are(language: str) -> None:
    page = ROOT / "docs" / language / "guides" / "agents.md"
    unused = {"tools:call"}  # no operation calls tools

    assert set(first_cells(page, ("scope", "alcance"))) == SCOPES.keys() - unused
    assert set(first_cells(page, ("limit", "límite"))) == LIMIT_NAMES
    assert set(first_cells(page, ("preset", "preajuste"))) == PRESETS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_metrics_of_the_guide_are_those_that_there_are(language: str) -> None:
    page = ROOT / "docs" / language / "guides" / "operating.md"

    assert set(first_cells(page, ("metric", "métrica"))) == {metric.name for metric in values(Metric)}


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_setting_of_the_guide_can_be_set(page: Path) -> None:
    for block in blocks(page):
        if block.language == "toml" and "project" not in block.text:
            read_settings(Settings, divide_settings(tomllib.loads(block.text), {}).other_file, {})
        variables = dict(re.findall(r"^export (MUELLE__\w+)='?([^'\n]*)", block.text, re.MULTILINE))
        read_settings(Settings, {}, divide_settings({}, variables).other_environment)


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_setting_named_in_the_text_is_one_that_there_is(page: Path) -> None:
    known = {*setting_names(Settings), "workflows.limits"}
    named = re.findall(rf"`((?:{'|'.join(ROOMS)})\.\w+(?:\.\w+)?)`", prose(page))

    assert {name for name in named if not name.startswith("packs.")} - known == set()


@pytest.mark.parametrize("page", WALKS, ids=name_of)
def test_the_blocks_of_a_guide_run_and_show_what_it_says(page: Path, terminal: Terminal) -> None:
    terminal.walk(page)


def test_commands_are_found_wherever_a_shell_would_run_them() -> None:
    script = 'A="$(muelle keys add x)" B=1 muelle run - <<EOF | cat\nmuelle no\nEOF\n# muelle no\nls && muelle up > f\n'

    assert commands_of(script) == [["keys", "add", "x"], ["run", "-"], ["up"]]


@pytest.mark.parametrize("wrong", ["agent list", "agents list --wrong", "agents add", "run", "run a b"])
def test_a_command_that_is_not_there_is_noticed(wrong: str) -> None:
    assert usage_error(wrong.split())
