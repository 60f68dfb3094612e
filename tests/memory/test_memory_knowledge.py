from typing import Any

import pytest

from memory.memory_world import ACME, OTHER, principal
from muelle.core import ManualClock
from muelle.identity import AuditFilter, MemoryAuditTrail, Refused
from muelle.memory import Memory, MemorySettings
from muelle.memory.knowledge import Draft, Knowledge
from muelle.memory.knowledge.errors import (
    DocumentationTooLarge,
    DocumentNotFound,
    InvalidDocumentation,
    TooManyDocuments,
)
from muelle.memory.knowledge.model import CSV, LONGEST_TITLE, MARKDOWN, MOST_PARTS, PDF, Part
from muelle.memory.knowledge.parts import LONGEST_PART, parts_of
from muelle.stores import Database

HANDBOOK = """# Handbook
Welcome.
## Holidays
Everybody has 25 days of paid leave a year.
### Sick leave
Tell the office before nine.
```
# no heading
```
## Travel
Trains are booked by the office; keep the receipts.
"""


def kept(database: Database, trail: MemoryAuditTrail | None = None, **settings: Any) -> Knowledge:
    clock = ManualClock()
    return Memory(database, trail or MemoryAuditTrail(), clock, MemorySettings(**settings), None).knowledge


def draft(text: str = HANDBOOK, title: str = "Handbook", base: str = "office", kind: str = MARKDOWN) -> Draft:
    return Draft(base=base, title=title, content=text.encode(), content_type=kind)


async def texts(knowledge: Knowledge, query: str, **wishes: Any) -> list[str]:
    hits, _ = await knowledge.search(wishes.pop("who", principal()), query, **wishes)
    return [hit.text for hit in hits]


async def test_a_document_is_found_by_its_parts_under_their_headings(every_database: Database) -> None:
    knowledge = kept(every_database)
    document = await knowledge.add(principal(), draft())
    hits, _ = await knowledge.search(principal(), "vacation days")
    assert (document.parts, hits[0].heading, hits[0].title) == (4, "Handbook > Holidays", "Handbook")
    assert "25 days" in hits[0].text
    assert "no heading" in (await texts(knowledge, "sick, tell the office"))[0]


async def test_the_same_title_again_replaces_what_was_there(every_database: Database) -> None:
    knowledge = kept(every_database)
    first = await knowledge.add(principal(), draft())
    second = await knowledge.add(principal(), draft("# Handbook\nEverybody has 30 days of leave."))
    found, parts = await knowledge.show(principal(), second.id)
    assert (first.id, found.parts, [part.text for part in parts]) == (second.id, 1, ["Everybody has 30 days of leave."])
    assert not any("25" in text for text in await texts(knowledge, "days of leave"))


async def test_a_removed_document_is_gone_from_everything(every_database: Database) -> None:
    knowledge = kept(every_database)
    document = await knowledge.add(principal(), draft())
    await knowledge.remove(principal(), document.id)
    assert await texts(knowledge, "vacation days") == []
    assert (await knowledge.list(principal())).items == ()
    assert await knowledge.bases(principal()) == ()
    with pytest.raises(DocumentNotFound):
        await knowledge.show(principal(), document.id)


async def test_bases_that_one_may_not_read_are_not_there(every_database: Database) -> None:
    knowledge = kept(every_database)
    secret = await knowledge.add(principal(), draft(base="board"))
    await knowledge.add(principal(), draft("Trains leave at nine.", base="office"))
    reader = principal(("knowledge:read", "office"))
    assert [base.id for base in await knowledge.bases(reader)] == ["office"]
    assert [each.base for each in (await knowledge.list(reader)).items] == ["office"]
    assert await texts(knowledge, "trains and holidays", who=reader) == ["Trains leave at nine."]
    assert await texts(knowledge, "holidays", who=reader, base="board") == []
    for act in (knowledge.show(reader, secret.id), knowledge.remove(reader, secret.id)):
        with pytest.raises(DocumentNotFound):
            await act


async def test_who_may_only_read_neither_adds_nor_removes_and_it_is_recorded(every_database: Database) -> None:
    trail = MemoryAuditTrail()
    knowledge = kept(every_database, trail)
    document = await knowledge.add(principal(), draft())
    reader = principal(("knowledge:read", "*"))
    for act in (knowledge.add(reader, draft()), knowledge.remove(reader, document.id)):
        with pytest.raises(Refused):
            await act
    acts = (await trail.page(ACME, AuditFilter())).items
    assert sorted((act.action, act.decision) for act in acts) == [
        ("knowledge.add", "allowed"),
        ("knowledge.add", "refused"),
        ("knowledge.remove", "refused"),
    ]


async def test_tenants_have_their_own_knowledge(every_database: Database) -> None:
    knowledge = kept(every_database)
    document = await knowledge.add(principal(), draft())
    others = principal(tenant=OTHER)
    assert await texts(knowledge, "holidays", who=others) == []
    assert await knowledge.bases(others) == ()
    with pytest.raises(DocumentNotFound):
        await knowledge.show(others, document.id)


async def test_documents_come_in_pages(every_database: Database) -> None:
    knowledge = kept(every_database, meanings="off")
    for number in range(5):
        await knowledge.add(principal(), draft("text", f"Document {number}", base="a" if number % 2 else "b"))
    first = await knowledge.list(principal(), limit=3)
    rest = await knowledge.list(principal(), limit=3, cursor=first.next)
    assert (len(first.items), len(rest.items), rest.next) == (3, 2, None)
    assert len({each.id for each in first.items + rest.items}) == 5
    assert len((await knowledge.list(principal(), "a")).items) == 2


async def test_documents_have_their_bounds(every_database: Database) -> None:
    knowledge = kept(every_database, meanings="off", max_documents=1, max_document_bytes=10)
    await knowledge.add(principal(), draft("x" * 10, "t" * LONGEST_TITLE))
    await knowledge.add(principal(), draft("y" * 10, "t" * LONGEST_TITLE))
    with pytest.raises(DocumentationTooLarge):
        await knowledge.add(principal(), draft("x" * 11))
    with pytest.raises(TooManyDocuments):
        await knowledge.add(principal(), draft("x"))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Draft(base="b", title="", content=b"x"), "title"),
        (Draft(base="b", title="t" * (LONGEST_TITLE + 1), content=b"x"), "title"),
        (Draft(base="b", title="a\nb", content=b"x"), "title"),
        (Draft(base="b", title="t", content=b"x", content_type="image/png"), "content_type"),
        (Draft(base="b", title="t", content=b" \n "), "content"),
        (Draft(base="b", title="t", content=b"\xff\xfe"), "content"),
        (Draft(base="b", title="t", content=b"no pdf", content_type=PDF), "content"),
    ],
)
async def test_what_is_no_document_is_refused_by_name(wrong: Draft, field: str, every_database: Database) -> None:
    with pytest.raises(InvalidDocumentation) as refused:
        await kept(every_database, meanings="off").add(principal(), wrong)
    assert refused.value.facts["field"] == field


async def test_the_pages_of_a_pdf_are_parts(every_database: Database) -> None:
    knowledge = kept(every_database)
    pdf = Draft(base="b", title="Manual", content=pdf_of("Turn the valve", "Check the pressure"), content_type=PDF)
    await knowledge.add(principal(), pdf)
    hits, _ = await knowledge.search(principal(), "pressure")
    assert (hits[0].heading, hits[0].text) == ("Page 2", "Check the pressure")


def pdf_of(*pages: str) -> bytes:
    """Return a PDF with a line of text on each page."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    kids = []
    for text in pages:
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        font = "/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792]"
        objects.append(f"<< /Type /Page /Parent 2 0 R /Contents {len(objects)} 0 R {font} >>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\n"
    return f"{body}{end}startxref\n{len(body)}\n%%EOF\n".encode()


def test_rows_of_a_table_keep_the_names_of_their_columns() -> None:
    (part,) = parts_of("name;city\nAnna;Berlin\nLuis;Madrid;x\n\n", CSV)
    assert part == Part(
        number=1, heading="Rows 2 to 3", text="name: Anna; city: Berlin\nname: Luis; city: Madrid; column 3: x"
    )


def test_long_texts_are_cut_with_overlap_and_nothing_is_lost() -> None:
    sentences = [f"This is sentence number {number} of many." for number in range(400)]
    parts = parts_of(" ".join(sentences), "text/plain")
    assert all(len(part.text) <= LONGEST_PART + 250 for part in parts)
    assert all(any(sentence in part.text.replace("\n\n", " ") for part in parts) for sentence in sentences)
    assert parts[1].text.startswith("… ")


def test_a_document_has_only_so_many_parts() -> None:
    assert len(parts_of("\n".join(f"# h{n}\ntext" for n in range(MOST_PARTS)), MARKDOWN)) == MOST_PARTS
    with pytest.raises(InvalidDocumentation):
        parts_of("\n".join(f"# h{n}\ntext" for n in range(MOST_PARTS + 1)), MARKDOWN)
