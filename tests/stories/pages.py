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
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
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


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(page.read_text("utf-8"))]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[int]:
    """Return the level of each heading, in order."""
    return [len(found) for found in re.findall(r"^(#+) ", prose(page), re.MULTILINE)]


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
    inner = [command for part in _SUBSTITUTION.findall(script) for command in commands_of(part)]
    lines = _SUBSTITUTION.sub("SUBSTITUTED", _COMMENT.sub("", script)).splitlines()
    return inner + [command[1:] for line in lines for command in _simple(line) if command[:1] == ["muelle"]]


def _simple(line: str) -> Iterator[list[str]]:
    """Yield the commands of a line without the assignments before them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in [*lexer, ";"]:
        if not set(token) <= set("();<>|&"):
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
