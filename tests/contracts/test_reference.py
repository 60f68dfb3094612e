"""Every setting, error code and hook is explained, in both languages, and the pages say what the source says."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

import generate_reference
from muelle.packs import JobType, OperationType, Pack, ToolType
from reference.errors import by_code, documented_errors, sentence_of
from reference.findings import explained, reported
from reference.modules import ROOT
from reference.settings import tables

LANGUAGES = ("en", "es")
HOOKS = [(kind, field.name) for kind in (Pack, OperationType, ToolType, JobType) for field in dataclasses.fields(kind)]


def guide_file(name: str) -> str:
    return Path(ROOT, "docs", name).read_text(encoding="utf-8")


def guide(language: str, page: str) -> str:
    return guide_file(f"{language}/{page}.md")


def test_the_committed_pages_are_what_the_source_makes_them() -> None:
    stale = [path for path, text in generate_reference.pages().items() if Path(ROOT, path).read_text() != text]

    assert stale == [], "run: make reference"


def test_what_has_no_spanish_yet_only_shrinks() -> None:
    allowed = tomllib.loads(guide_file("es/texts.toml"))["untranslated"]

    missing = generate_reference.untranslated()

    assert len(missing) <= allowed, "say it in docs/es/texts.toml: " + "; ".join(missing[allowed - len(missing) :])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_code_is_explained(language: str) -> None:
    page = guide(language, "reference/errors")

    assert [kind.code for kind in documented_errors() if f"## `{kind.code}`" not in page] == []


def test_errors_of_one_code_ask_the_same_of_a_client() -> None:
    told_apart = {
        code: [f"{kind.__module__}.{kind.__name__}" for kind in kinds]
        for code, kinds in by_code().items()
        if len({(kind.status, kind.category, kind.recoverable) for kind in kinds}) > 1
    }

    assert told_apart == {}


def test_every_error_has_its_sentence() -> None:
    assert [kind.__name__ for kind in documented_errors() if "__doc__" not in vars(kind) or not sentence_of(kind)] == []


def test_every_finding_about_a_document_is_explained_and_no_other() -> None:
    assert reported() ^ explained().keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_explained(language: str) -> None:
    page = guide(language, "reference/settings")

    assert [leaf.name for table in tables() for leaf in table.leaves if f"| `{leaf.name}` |" not in page] == []


def test_every_setting_says_what_it_means() -> None:
    silent = [
        leaf.name
        for table in tables()
        for leaf in table.leaves
        if not leaf.meaning and f"`{leaf.name.rpartition('.')[2]}`" not in table.summary
    ]

    assert silent == [], "say it in a comment at the end of the field's line, or in the docstring of its class"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_hook_of_a_pack_is_explained(language: str) -> None:
    page = guide(language, "packs")

    assert [f"{kind.__name__}.{name}" for kind, name in HOOKS if f"| `{name}` |" not in page] == []
