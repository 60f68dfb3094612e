"""The README does what it says, for somebody who has just come.

Its marked blocks are run in one bash on a terminal, with a new home and the server beside it. `make …` lines are not
run (the tests run in what they make), the server's port and the CRM's are replaced by free ones, and both languages
have the same blocks, so that running the English ones proves both.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from stories.pages import READMES, ROOT, RUN, blocks
from stories.terminal import Terminal


def test_both_languages_have_the_same_blocks() -> None:
    assert blocks(READMES["en"]) == blocks(READMES["es"])


def test_the_readme_begins_with_two_commands() -> None:
    first = blocks(READMES["en"])[0]

    assert [line.split("#")[0].strip() for line in first.text.splitlines()] == ["make up", "make test"]


def test_every_shell_and_python_block_but_the_first_is_run() -> None:
    unmarked = [
        block for block in blocks(READMES["en"])[1:] if block.language in {"sh", "python"} and block.mark != RUN
    ]

    assert unmarked == []


def test_the_blocks_of_the_readme_run_and_show_what_it_says(terminal: Terminal) -> None:
    replace(terminal, folder=ROOT).walk(READMES["en"])


@pytest.mark.parametrize(
    "page",
    [
        "<!-- run -->\n```sh\nfalse\necho on\n```\n",
        "<!-- run -->\n```sh\necho one two\n```\n\n<!-- shows -->\n```text\ntwo\none\n```\n",
        '<!-- run -->\n```sh\necho "$NOT_THERE"\n```\n',
    ],
)
def test_what_fails_or_is_not_printed_is_noticed(page: str, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(page)

    with pytest.raises(AssertionError):
        Terminal(tmp_path, tmp_path, "").walk(file)
