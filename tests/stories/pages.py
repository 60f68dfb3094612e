"""The Markdown pages that users read, and what is in them: headings, links, blocks of code, commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "es")
READMES = {"en": ROOT / "README.md", "es": ROOT / "README.es.md"}
RUN = "<!-- run -->"  # the block below it is run by the tests
SHOWS = "<!-- shows -->"  # and what it prints has the lines of this one; '…' stands for anything

_FENCE = re.compile(r"(?:^(<!-- \w+ -->)\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`(muelle [^`]+)`")
_HEREDOC = re.compile(r"<<\s*'?(\w+)'?([^\n]*)\n.*?^\1$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"\w+=")


@dataclass(frozen=True)
class Block:
    """A block of code; `mark` is the comment above it, if there is one."""

    mark: str
    language: str
    text: str


def guides(language: str) -> list[Path]:
    return sorted((ROOT / "docs" / language / "guides").glob("*.md"))


def pages(language: str) -> list[Path]:
    """Return the pages that are written by hand."""
    return [READMES[language], ROOT / "docs" / language / "index.md", *guides(language)]


def slot(page: Path) -> str:
    """Return what a page is called whatever its language."""
    return page.name.replace(".es.", ".")


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(page.read_text("utf-8"))]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[int]:
    """Return the level of each heading, in order."""
    return [len(found) for found in re.findall(r"^(#+) ", prose(page), re.MULTILINE)]


def first_cells(page: Path, titles: tuple[str, ...]) -> list[str]:
    """Return what stands as code in the first column of the tables whose first title is one of `titles`."""
    tables = re.findall(r"(?:^\|.*\n)+", prose(page), re.MULTILINE)
    meant = [table.splitlines()[2:] for table in tables if table.split("|")[1].strip() in titles]
    return [code for rows in meant for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def links(page: Path) -> list[str]:
    """Return what the page links to within the repository, without fragments."""
    found = (link.partition("#")[0] for link in _LINK.findall(prose(page)))
    return [link for link in found if link and "://" not in link]


def spans(page: Path) -> list[list[str]]:
    """Return the arguments of each `muelle …` within the text."""
    return [shlex.split(span)[1:] for span in _SPAN.findall(prose(page))]


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of each `muelle …` in the page's shell blocks."""
    return [command for block in blocks(page) if block.language == "sh" for command in commands_of(block.text)]


def commands_of(script: str) -> list[list[str]]:
    """Return the arguments of each `muelle …` in a script: in pipes, lists and substitutions too."""
    script = _HEREDOC.sub(r"\2", script.replace("\\\n", " "))
    outer, inner = _split_substitutions(script)
    found = [command for part in inner for command in commands_of(part)]
    return found + [command[1:] for command in _simple(_COMMENT.sub("", outer)) if command[:1] == ["muelle"]]


def _split_substitutions(script: str) -> tuple[str, list[str]]:
    """Return a script with a word for each `$(…)`, and what is in them; parentheses in single quotes are text."""
    inner: list[str] = []
    while (start := script.find("$(")) >= 0:
        end = _end_of(script, start + 2)
        inner.append(script[start + 2 : end])
        script = f"{script[:start]}SUBSTITUTED{script[end + 1 :]}"
    return script, inner


def _end_of(script: str, position: int) -> int:
    depth = 1
    while depth:
        match script[position]:
            case "'":
                position = script.index("'", position + 1)
            case "(":
                depth += 1
            case ")":
                depth -= 1
        position += 1
    return position - 1


def _simple(script: str) -> Iterator[list[str]]:
    """Yield the simple commands of a script without the assignments before them."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in [*lexer, ";"]:
        if not set(token) <= set("();<>|&\n"):
            if words or not _ASSIGNMENT.match(token):
                words.append(token)
        else:
            yield words
            words = []


def parse(program: click.Command, arguments: list[str]) -> None:
    """Let click read a command line as if it were to be run, and run nothing; raise UsageError."""
    command, name, rest = program, "muelle", arguments
    context: click.Context | None = None
    while True:
        try:
            context = command.make_context(name, rest, parent=context)
        except click.exceptions.Exit:  # --help and --version end here
            return
        if not isinstance(command, click.Group):
            return
        found, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None, found
        command, name = inner, found or ""
