"""The pack itself: a value that says what there is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from muelle.packs import JobStep, JobType, OperationType, Pack, Step, ToolType, WritePath
from muelle_crm.client import Crm
from muelle_crm.errors import CrmMisunderstood
from muelle_crm.settings import CrmSettings, check

AT_ONCE = 1_000  # contacts of one page, unless packs.crm.page_size is less


class FindContacts(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Which contacts to find, and what to keep of each."""

    output_path: WritePath
    query: Annotated[str, msgspec.Meta(description="What to look for: a name, an address, a company.", min_length=1)]
    limit: Annotated[int, msgspec.Meta(description="How many contacts at most.", ge=1, le=1000)] = 50
    fields: Annotated[
        list[str] | None, msgspec.Meta(description="Which fields of each contact to keep; all, if not given.")
    ] = None


class AddNote(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Which contact, and what to write."""

    contact_id: Annotated[str, msgspec.Meta(description="The contact's id, as FindContacts returns it.", min_length=1)]
    text: Annotated[str, msgspec.Meta(description="The note.", min_length=1, max_length=10_000)]


class AddNotes(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Whose contacts get the note, and what it says."""

    query: Annotated[str, msgspec.Meta(description="Which contacts: a name, an address, a company.", min_length=1)]
    text: Annotated[str, msgspec.Meta(description="The note.", min_length=1, max_length=10_000)]


async def find_contacts(config: FindContacts, step: Step[Crm]) -> list[dict[str, Any]]:
    """Return the contacts; a field that a contact does not have is left out of it."""
    contacts = await step.resource.find(step.http, config.query, config.limit)
    if config.fields is None:
        return contacts
    return [{name: contact[name] for name in config.fields if name in contact} for contact in contacts]


async def add_note(arguments: AddNote, step: Step[Crm]) -> dict[str, str]:
    """Add the note once, even if the step is taken up again after a crash."""
    same = f"{step.run}\n{step.operation}\n{arguments.contact_id}\n{arguments.text}"
    key = sha256(same.encode()).hexdigest()
    note = await step.resource.add_note(step.http, arguments.contact_id, arguments.text, key)
    return {"noteId": note.id}


async def add_notes(payload: AddNotes, step: JobStep[Crm]) -> dict[str, int]:
    """Add a note to each contact that matches: once, however often the job is stopped and called again."""
    cursor: str | None = None
    noted: set[str] = set()
    seen: set[str] = set()
    while True:
        page = await step.once(f"page from {cursor}", partial(_page, step, payload.query, cursor))
        for contact in page["contacts"]:
            await step.once(f"note for {contact}", partial(_note, step, contact, payload.text))
            noted.add(contact)
        cursor = page["next"]
        if cursor is None:
            return {"noted": len(noted)}
        if cursor in seen:
            raise CrmMisunderstood(cause="a page leads back to one before it")
        seen.add(cursor)


async def _page(step: JobStep[Crm], query: str, cursor: str | None) -> dict[str, Any]:
    page = await step.resource.page(step.http, query, AT_ONCE, cursor)
    return {"contacts": [contact["id"] for contact in page.contacts], "next": page.next}


async def _note(step: JobStep[Crm], contact: str, text: str) -> str:
    key = sha256(f"{step.run}\n{contact}".encode()).hexdigest()
    return (await step.resource.add_note(step.http, contact, text, key)).id


@asynccontextmanager
async def open_crm(settings: CrmSettings) -> AsyncIterator[Crm]:
    """Yield the CRM; there is nothing to close, for connections are Muelle's."""
    yield Crm(settings)


PACK = Pack(
    name="crm",
    version="0.1.0",
    needs=frozenset({"http"}),
    settings=CrmSettings,
    check=check,
    open=open_crm,
    operations=(
        OperationType(
            name="FindContacts",
            summary="Find contacts in the CRM.",
            config=FindContacts,
            perform=find_contacts,
            effects="reads",
            example={"query": "ada", "limit": 10, "fields": ["id", "email"], "outputPath": "/workflow/contacts"},
        ),
    ),
    tools=(
        ToolType(
            name="crm.add_note",
            title="Add a note to a contact",
            description="Adds a note to a contact of the CRM. Returns the note's id.",
            input=AddNote,
            call=add_note,
            idempotent=True,
        ),
    ),
    jobs=(
        JobType(
            name="crm.add_notes",
            summary="Add a note to every contact that matches a query.",
            payload=AddNotes,
            perform=add_notes,
            attempts=5,
            pause_seconds=10,
        ),
    ),
)
