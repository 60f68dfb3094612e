"""The audit record over HTTP: search, export, head and verification."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doors.door_world import Doorway, is_problem, open_doorway
from muelle.identity import Acts
from muelle.rooms import _sealing, sealer_of

AUDIT = "/api/v1/audit"


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Doorway]:
    """Give an installation on a database."""
    async with open_doorway(tmp_path) as doorway:
        yield doorway


async def test_acts_are_found_by_resource_and_request(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await owner.post("/api/v1/agents", json={"name": "bot-one"}, headers={"x-request-id": "r-1"})
    await owner.post("/api/v1/agents", json={"name": "bot-two"}, headers={"x-request-id": "r-2"})

    by_resource = (await owner.get(AUDIT, params={"resource": "bot-"})).json()["acts"]
    by_request = (await owner.get(AUDIT, params={"request_id": "r-1"})).json()["acts"]

    assert [act["resource"] for act in by_resource] == ["bot-two", "bot-one"]
    assert [act["resource"] for act in by_request] == ["bot-one"]
    assert (await owner.get(AUDIT, params={"resource": "ot-"})).json()["acts"] == []
    assert (await owner.get(AUDIT, params={"resource": "BOT-"})).json()["acts"] == []


async def test_acts_are_found_so_in_a_database_too(kept: Doorway) -> None:
    await test_acts_are_found_by_resource_and_request(kept)


async def test_an_export_has_every_act_and_is_an_act_itself(kept: Doorway) -> None:
    owner = await kept.owner()
    for number in range(3):
        await owner.post("/api/v1/agents", json={"name": f"bot{number}"})
    whole = (await owner.get(AUDIT)).json()["acts"]

    answer = await owner.get(f"{AUDIT}/export")

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert (lines[0]["action"], lines[1:]) == ("audit.export", whole)


async def test_an_export_longer_than_a_page_is_whole(kept: Doorway) -> None:
    owner, acts = await kept.principal(), Acts(kept.app.clock, kept.app.ids)
    await kept.app.stores.trail.record([acts.allowed(owner, "many", str(number)) for number in range(1201)])

    answer = await (await kept.owner()).get(f"{AUDIT}/export", params={"format": "csv", "action": "many"})

    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (len(rows), len({row[0] for row in rows})) == (1202, 1202)


async def test_an_export_of_an_unknown_kind_is_refused(doorway: Doorway) -> None:
    answer = await (await doorway.owner()).get(f"{AUDIT}/export", params={"format": "xls"})

    assert (answer.status_code, is_problem(answer)) == (422, True)


async def test_a_whole_record_is_told_so_and_a_changed_one_is_found(kept: Doorway) -> None:
    owner, sealer = await kept.owner(), sealer_of(kept.app)
    await owner.post("/api/v1/agents", json={"name": "bot"})
    await sealer.seal()
    head = (await owner.get(f"{AUDIT}/head")).json()["head"]
    whole = (await owner.get(f"{AUDIT}/verify")).json()
    assert (whole["whole"], whole["faults"], whole["head"], whole["next"]) == (True, [], head, None)

    async with kept.app.stores.database.transaction() as transaction:
        await transaction.execute("UPDATE identity_acts SET resource = 'nobody' WHERE action = 'agents.add'")

    told = (await owner.get(f"{AUDIT}/verify")).json()
    assert (told["whole"], [fault["kind"] for fault in told["faults"]]) == (False, ["changed"])


@pytest.mark.parametrize(
    ("query", "status"), [("limit=1", 200), ("limit=0", 422), ("limit=1001", 422), ("after=9", 400)]
)
async def test_verification_takes_what_it_says(kept: Doorway, query: str, status: int) -> None:
    answer = await (await kept.owner()).get(f"{AUDIT}/verify?{query}")

    assert answer.status_code == status, answer.text


async def test_every_worker_keeps_the_chain_of_a_record_that_lasts(kept: Doorway, doorway: Doorway) -> None:
    assert _sealing(doorway.app) == ()  # what is in memory alone ends with its process
    owner = await kept.owner()
    assert (await owner.get(f"{AUDIT}/verify")).json()["unsealed"] > 0

    for recurring in _sealing(kept.app):
        await recurring.verb()

    told = (await owner.get(f"{AUDIT}/verify")).json()
    assert (told["whole"], told["unsealed"]) == (True, 0)
