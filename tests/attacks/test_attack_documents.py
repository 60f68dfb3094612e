"""Attacks by documents, inputs and bodies: bombs, paths that climb, curious templates, numbers that are none."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from attacks.attack_world import EXECUTE, run
from doors.door_world import WAIT, Doorway, document

DEEP = 10_000
QUICK = 3.0  # seconds; a backtracking engine would need years
BOMBS = ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}$", "(?:a{0,100}){0,100}$"]
LURE = "a" * 50_000 + "!"


def found(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def timed(sent: Any) -> tuple[httpx.Response, float]:
    began = time.perf_counter()
    return await sent, time.perf_counter() - began


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_regex_bomb_does_not_go_off(doorway: Doorway, bomb: str) -> None:
    owner = await doorway.owner()
    extract = {"inputPath": "/input/lure", "pattern": bomb, "extractAll": True, "outputPath": "/workflow/x"}
    condition = {"field": "name", "operator": "matches", "value": bomb}
    sift = {"inputPath": "/input/rows", "conditions": [condition], "outputPath": "/workflow/y"}
    inputs = {"lure": LURE, "rows": [{"name": LURE}]}

    answer, seconds = await timed(
        run(owner, ("extract", "ExtractText", extract), ("sift", "FilterData", sift), inputs=inputs)
    )

    assert answer.status_code in {200, 400}
    assert seconds < QUICK


@pytest.mark.parametrize(
    "template",
    [
        "{value.__class__}",
        "{name.__init__.__globals__}",
        "{name.__class__.__mro__[1].__subclasses__}",
        "{list[__class__]}",
        "{name!r}",
        "{name:>5000000}",
        "{0.__class__}",
        "{{7*7}}",
        "{%raw%}${7*7}#{7*7}",
    ],
)
async def test_a_template_looks_inside_nothing(doorway: Doorway, template: str) -> None:
    config = {"inputPath": "/input/who", "format": "template", "template": template, "outputPath": "/workflow/x"}

    answer = await run(
        await doorway.owner(), ("a", "FormatText", config), inputs={"who": {"name": "Ada", "list": ["x"]}}
    )

    assert len(answer.text) < 20_000
    results = json.dumps(answer.json().get("results", {}))
    assert not [word for word in ("<class", "built-in", "function", "'Ada'", "49") if word in results]


CLIMBING = [
    "../../../../../../etc/passwd",
    "..\\..\\x",
    "/etc/passwd",
    "a/../../b",
    "%2e%2e%2fx",
    "a\0b",
    "",
    ".",
    "..",
    "\u202ea",
]


@pytest.mark.parametrize("name", CLIMBING)
@pytest.mark.parametrize("kind", ["operation", "workflow", "execution"])
async def test_an_id_that_climbs_is_no_id(doorway: Doorway, name: str, kind: str) -> None:
    update: dict[str, Any] = {"type": "operationUpdate", "operationId": "a", "operation": {"Wait": {"duration": 0}}}
    begin: dict[str, Any] = {"type": "beginExecution", "executionId": "e", "operationOrder": ["a"]}
    match kind:
        case "operation":
            update["operationId"], begin["operationOrder"] = name, [name]
        case "workflow":
            update = {
                "operationUpdate": {"workflowId": name, "operations": [{"id": "a", "operation": update["operation"]}]}
            }
        case _:
            begin["executionId"] = name

    answer = await (await doorway.owner()).post(
        EXECUTE, json={"workflow": f"{json.dumps(update)}\n{json.dumps(begin)}"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_document")


@pytest.mark.parametrize("key", CLIMBING)
@pytest.mark.parametrize("storage", ["file", "database", "localStorage", "indexedDB", "sessionStorage"])
async def test_a_key_that_climbs_stays_in_its_space(lasting: Doorway, tmp_path: Path, key: str, storage: str) -> None:
    store = {"inputPath": "/input/loot", "storage": storage, "key": key}
    assert {path.name for path in tmp_path.iterdir()} == {"home"}  # noqa: ASYNC240 - a look at one folder

    answer = await run(await lasting.owner(), ("a", "StoreData", store), inputs={"loot": "MARKED-LOOT"})

    assert answer.status_code in {200, 400}
    assert {path.name for path in tmp_path.iterdir()} == {"home"}  # noqa: ASYNC240 - the same
    assert not [path for path in found(tmp_path, b"MARKED-LOOT") if "passwd" in path.name or path.name in {"x", "b"}]


@pytest.mark.parametrize("name", [name for name in CLIMBING if name and "\0" not in name])
@pytest.mark.parametrize("place", ["executions", "agents", "apis", "credentials", "tenants"])
async def test_a_path_that_climbs_leads_nowhere(doorway: Doorway, name: str, place: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in name.encode())

    answer = await (await doorway.owner()).get(f"/api/v1/{place}/{escaped}")

    assert answer.status_code in {404, 422}


async def test_what_one_tenant_keeps_another_does_not_find(lasting: Doorway) -> None:
    owner, neighbour = await lasting.owner(), await lasting.neighbour()
    for storage in ("file", "database", "localStorage", "indexedDB"):
        kept = await run(
            owner, ("a", "StoreData", {"inputPath": "/input/x", "storage": storage, "key": "k"}), inputs={"x": "ours"}
        )
        load = ("b", "LoadData", {"storage": storage, "key": "k", "outputPath": "/workflow/y"})

        assert kept.json()["status"] == "success"
        assert (await run(owner, load)).json()["results"] == {"b": "ours"}
        assert "ours" not in (await run(neighbour, load)).text


def in_document(text: str) -> dict[str, Any]:
    config = f'{{"inputPath": {text}, "format": "upper", "outputPath": "/workflow/x"}}'
    return {"workflow": f'{{"type": "operationUpdate", "operationId": "a", "operation": {{"FormatText": {config}}}}}'}


def whole(text: str) -> bytes:
    return f'{{"workflow": {json.dumps(WAIT)}, "inputs": {{"x": {text}}}}}'.encode()


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 5000, "0x10", "01", "+1", "1.", ".5"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("place", ["document", "inputs", "body"])
async def test_a_number_that_is_none_is_refused(doorway: Doorway, number: str, place: str) -> None:
    owner = await doorway.owner()
    match place:
        case "document":
            answer = await owner.post(EXECUTE, json=in_document(number))
        case "inputs":
            answer = await owner.post(EXECUTE, content=whole(number))
        case _:
            body = f'{{"name": "bot", "limits": {{"operations": {number}}}}}'
            answer = await owner.post("/api/v1/agents", content=body.encode())

    assert answer.status_code == 400
    assert "NaN" not in answer.text.replace("'NaN'", "")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("place", ["document", "inputs", "body", "stream"])
async def test_json_ten_thousand_deep_is_refused(doorway: Doorway, opening: str, place: str) -> None:
    owner = await doorway.owner()
    deep = opening * DEEP + "1" + ("]" if opening == "[" else "}") * DEEP
    sent: dict[str, Callable[[], Any]] = {
        "document": lambda: owner.post(EXECUTE, json=in_document(deep)),
        "inputs": lambda: owner.post(EXECUTE, content=whole(deep)),
        "body": lambda: owner.post("/api/v1/agents", content=deep.encode()),
        "stream": lambda: owner.post(EXECUTE, content=deep.encode(), headers={"content-type": "application/jsonl"}),
    }

    answer, seconds = await timed(sent[place]())

    assert answer.status_code == 400
    assert len(answer.text) < 20_000
    assert seconds < QUICK


@pytest.mark.parametrize("place", ["document", "inputs", "body", "key", "stream"])
async def test_half_a_character_is_refused(doorway: Doorway, place: str) -> None:
    owner = await doorway.owner()
    half = '"\\ud800"'
    match place:
        case "document":
            answer = await owner.post(EXECUTE, json=in_document(half))
        case "inputs":
            answer = await owner.post(EXECUTE, content=whole(half))
        case "body":
            answer = await owner.post("/api/v1/agents", content=f'{{"name": {half}}}'.encode())
        case "key":
            answer = await owner.post(EXECUTE, content=whole(f"{{{half}: 1}}"))
        case _:
            answer = await owner.post(EXECUTE, content=half.encode(), headers={"content-type": "application/jsonl"})

    assert answer.status_code == 400


async def test_more_operations_than_allowed_are_refused_quickly(doorway: Doorway) -> None:
    owner = await doorway.owner()
    operations = [(f"op-{number}", "Wait", {"duration": 0}) for number in range(1001)]

    at_limit, _ = await timed(run(owner, *operations[:1000]))
    past, seconds = await timed(run(owner, *operations))
    flood, longer = await timed(owner.post(EXECUTE, json={"workflow": '{"operationUpdate":{}}\n' * 40_000}))

    assert at_limit.json()["status"] == "success"
    assert (past.status_code, flood.status_code) == (400, 400)
    assert max(seconds, longer) < QUICK
    assert len(flood.text) < 1 << 20


async def test_a_document_larger_than_allowed_is_refused(doorway: Doorway) -> None:
    config = {"inputPath": "/input/x", "format": "template", "template": "x" * (1 << 20), "outputPath": "/workflow/y"}

    answer = await run(await doorway.owner(), ("a", "FormatText", config), inputs={"x": "y"})

    assert (answer.status_code, answer.json()["code"]) == (413, "document_too_large")


async def test_numbers_that_grow_without_end_are_stopped(doorway: Doorway) -> None:
    power = {"inputPath": "/input/x", "operation": "power", "operand": 999_999_999, "outputPath": "/workflow/y"}

    answer, seconds = await timed(run(await doorway.owner(), ("a", "Calculate", power), inputs={"x": 999_999_999}))

    assert answer.json()["status"] == "error"
    assert seconds < QUICK


async def test_a_loop_in_a_loop_in_a_loop_is_stopped(doorway: Doorway) -> None:
    def loop(name: str, body: str) -> tuple[str, str, dict[str, Any]]:
        return name, "Loop", {"inputPath": "/input/x", "operations": [body], "outputPath": f"/workflow/{name}"}

    owner = await doorway.owner()
    await owner.patch("/api/v1/tenants/default", json={"limits": {"run_seconds": 1, "steps": 1_000_000_000}})
    nested = [loop("a", "b"), loop("b", "c"), loop("c", "d"), ("d", "Wait", {"duration": 0})]

    answer, seconds = await timed(run(owner, *nested, inputs={"x": [0] * 500}))

    assert answer.json()["status"] != "success"
    assert "run_timed_out" in answer.text
    assert seconds < 10


async def test_another_tenants_run_is_not_found_by_its_id(lasting: Doorway) -> None:
    answer = await (await lasting.owner()).post(EXECUTE, json={"workflow": document(("a", "Wait", {"duration": 0}))})
    neighbour = await lasting.neighbour()

    stolen = await neighbour.get(f"/api/v1/executions/{answer.json()['execution_id']}")

    assert (stolen.status_code, stolen.json()["code"]) == (404, "execution_not_found")


@pytest.mark.parametrize("header", ["x-tenant", "x-tenant-id", "x-agent-id", "x-forwarded-user", "x-original-url"])
async def test_a_header_makes_nobody_somebody_else(doorway: Doorway, header: str) -> None:
    await doorway.neighbour()
    agent = await doorway.agent(name="bot")

    told = (await agent.get("/api/v1/me", headers={header: "other"})).json()

    assert (told["tenant"], told["name"]) == ("default", "bot")
