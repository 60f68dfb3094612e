"""`muelle knowledge`: documents that agents may ask."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.console import Console
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.cli.session import Action
    from muelle.memory.knowledge import Document, Draft

_TYPES = ("text", "markdown", "csv", "pdf")
_COLUMNS = ("id", "base", "title", "content_type", "size", "parts", "created_at")
_BASES = ("id", "documents", "parts")
_HITS = ("title", "heading", "text", "document", "part")


@click.group(cls=MuelleGroup)
def knowledge() -> None:
    """Keep documents that agents may ask: text, Markdown, tables and PDF."""


@knowledge.command()
@click.argument("base")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--title", help="What it is called; else as its file. Only for one FILE.")
@click.option("--type", "kind", type=click.Choice(_TYPES), help="What it is; else as the file's name ends.")
@click.pass_obj
def add(console: Console, base: str, files: tuple[str, ...], title: str | None, kind: str | None) -> None:
    """Add each FILE to the knowledge base BASE, in place of the document of the same title; '-' is standard input."""
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.memory.knowledge.shapes import document_shape  # noqa: PLC0415 - as above

    if title and len(files) > 1:
        raise InvalidArgument("--title is for one FILE.", option="--title")
    for file in files:
        draft = _draft(base, file, title, kind)
        document = act(console, _adding(draft))
        console.item(document_shape(document))


def _adding(draft: "Draft") -> "Action[Document]":
    return lambda app, owner: app.memory.knowledge.add(owner, draft)


def _draft(base: str, file: str, title: str | None, kind: str | None) -> "Draft":
    from muelle.cli.arguments import STDIN, read_bytes  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - as above
    from muelle.memory.knowledge import Draft  # noqa: PLC0415 - as above
    from muelle.memory.knowledge.model import OF_ENDING, TEXT  # noqa: PLC0415 - as above

    if file == STDIN and not title:
        raise InvalidArgument("Standard input needs a --title.", option="--title")
    ending = kind or Path(file).suffix.lower().removeprefix(".")
    content_type = OF_ENDING.get(ending, TEXT)
    return Draft(base=base, title=title or Path(file).name, content=read_bytes(file), content_type=content_type)


@knowledge.command("list")
@click.option("--base", default="", help="Only documents of this base.")
@click.option("--bases", is_flag=True, help="List the knowledge bases instead.")
@paged
@click.pass_obj
def list_documents(console: Console, base: str, limit: int, cursor: str | None, *, bases: bool) -> None:
    """List documents."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.memory.knowledge.shapes import document_shape  # noqa: PLC0415 - as above

    if bases:
        console.listing("bases", act(console, lambda app, owner: app.memory.knowledge.bases(owner)), _BASES)
        return
    page = act(console, lambda app, owner: app.memory.knowledge.list(owner, base, limit, cursor))
    console.listing("documents", map(document_shape, page.items), _COLUMNS, page.next)


@knowledge.command()
@click.argument("document")
@click.pass_obj
def show(console: Console, document: str) -> None:
    """Show a document by its id, with the parts that it was cut into."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.memory.knowledge.shapes import WholeDocument, document_shape  # noqa: PLC0415 - as above

    found, parts = act(console, lambda app, owner: app.memory.knowledge.show(owner, document))
    if console.is_json:
        console.json(WholeDocument(document=document_shape(found), parts=tuple(parts)))
        return
    console.item(document_shape(found))
    console.listing("parts", parts, ("number", "heading", "text"))


@knowledge.command()
@click.argument("query")
@click.option("--base", default="", help="Only this base.")
@click.option("--limit", type=int, default=10, show_default=True, help="How many at most.")
@click.pass_obj
def search(console: Console, query: str, base: str, limit: int) -> None:
    """Find the parts of documents that answer QUERY, best first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    hits, note = act(console, lambda app, owner: app.memory.knowledge.search(owner, query, base, limit))
    console.listing("results", hits, _HITS)
    if note:
        console.note(note)


@knowledge.command()
@click.argument("document")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(console: Console, document: str, *, yes: bool) -> None:
    """Remove a document by its id."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Remove the document '{document}'?", is_sure=yes)
    act(console, lambda app, owner: app.memory.knowledge.remove(owner, document))
    if console.is_json:
        console.json({"id": document, "removed": True})
    else:
        console.note(f"Removed the document '{document}'.")
