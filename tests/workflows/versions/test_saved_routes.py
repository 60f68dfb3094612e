"""Saved workflows over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from doors.door_world import Doorway, is_problem
from workflows.versions.saved_doorway import open_saved_doorway
from workflows.versions.saved_world import NUMBER, TEXT, takes

HELLO = [
    {
        "operationUpdate": {
            "operations": [
                {
                    "id": "hello",
                    "operation": {
                        "FormatText": {"inputPath": "/input/who", "format": "upper", "outputPath": "/workflow/hello"}
                    },
                }
            ]
        }
    }
]
PATH = "/api/v1/workflows"


@pytest.fixture(params=["memory", "sqlite"])
async def doorway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doorway]:
    async with open_saved_doorway(tmp_path if request.param == "sqlite" else None) as opened:
        yield opened


async def publish(client: httpx.AsyncClient, version: str = "auto", **fields: Any) -> httpx.Response:
    return await client.post(PATH, json={"name": "report", "workflow": HELLO, "version": version, **fields})


async def run(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post(f"{PATH}/report/execute", json=body)


async def test_a_workflow_is_published_shown_and_run_by_name(doorway: Doorway) -> None:
    owner = await doorway.owner()

    made = await publish(owner, description="Says it", input_schema=takes("who", who=TEXT))
    ran = await run(owner, inputs={"who": "ada"})

    assert (made.status_code, made.headers["location"]) == (201, f"{PATH}/report/versions/1.0.0")
    assert (ran.json()["results"], ran.json()["workflow_id"]) == ({"hello": "ADA"}, "report")
    assert ran.headers["muelle-workflow-version"] == "1.0.0"
    shown = (await owner.get(f"{PATH}/report")).json()
    assert (shown["aliases"], [each["version"] for each in shown["versions"]]) == ({"latest": "1.0.0"}, ["1.0.0"])


async def test_what_was_there_already_is_no_new_thing(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner)

    again = await publish(owner)

    assert (again.status_code, again.json()["published"], again.json()["version"]) == (200, False, "1.0.0")


async def test_inputs_are_checked_and_the_field_is_named(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner, input_schema=takes("who", who=TEXT))

    answer = await run(owner, inputs={"whom": "ada"})

    problem = answer.json()
    assert is_problem(answer)
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "inputs_refused", "/who")
    assert [each["path"] for each in problem["validation_errors"]] == ["/who", "/whom"]
    assert problem["issues"][1]["suggestion"] == "Did you mean 'who'?"


async def test_too_small_a_bump_is_a_conflict_with_the_list(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner, input_schema=takes(who=TEXT))

    answer = await publish(owner, "1.1.0", input_schema=takes(who=NUMBER))

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["least"]) == (409, "bump_too_small", "2.0.0")
    assert problem["issues"][0]["path"] == "/input_schema/properties/who/type"


async def test_a_deprecated_version_says_so_in_its_headers(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner)
    sunset = {"message": "Take 2", "sunset": "2999-01-01T00:00:00Z"}

    marked = await owner.post(f"{PATH}/report/versions/1.0.0/deprecate", json=sunset)
    ran = await run(owner, inputs={"who": "ada"}, version="1.x")

    assert marked.json()["status"] == "deprecated"
    assert ran.headers["deprecation"].startswith("@1")
    assert ran.headers["sunset"] == "Tue, 01 Jan 2999 00:00:00 GMT"


async def test_a_withdrawn_version_is_gone(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner)
    await owner.post(f"{PATH}/report/versions/1.0.0/withdraw", json={"message": "It deletes"})

    ran = await run(owner)

    assert (ran.status_code, ran.json()["message_of_author"]) == (410, "It deletes")
    assert (await owner.delete(f"{PATH}/report")).status_code == 204
    assert (await owner.get(f"{PATH}/report")).status_code == 404


async def test_results_that_were_not_promised_are_told(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner, output_schema=takes("hello", hello=NUMBER))

    body = (await run(owner, inputs={"who": "ada"})).json()

    assert body["output_issues"] == [
        {
            "severity": "error",
            "code": "invalid_value",
            "message": 'the value is not of type "number"',
            "path": "/hello",
        }
    ]


async def test_aliases_are_set_rolled_back_and_removed(doorway: Doorway) -> None:
    owner = await doorway.owner()
    for version, note in (("1.0.0", "a"), ("1.1.0", "b")):
        await publish(owner, version, input_schema=takes(who={**TEXT, "title": note}))

    for version in ("1.0.0", "1.1.0"):
        await owner.put(f"{PATH}/report/aliases/stable", json={"version": version})
    back = await owner.post(f"{PATH}/report/rollback")

    assert back.json() == {"alias": "stable", "version": "1.0.0"}
    assert (await owner.delete(f"{PATH}/report/aliases/stable")).status_code == 204
    assert (await owner.get(f"{PATH}/report")).json()["aliases"] == {"latest": "1.1.0"}


async def test_versions_are_compared_and_history_is_told(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner, input_schema=takes(who=TEXT))
    await publish(owner, input_schema=takes(who=TEXT, where=TEXT), note="Where, too")

    found = (await owner.get(f"{PATH}/report/diff", params={"before": "1.0.0"})).json()
    history = (await owner.get(f"{PATH}/report/history", params={"limit": 1})).json()

    assert (found["required_bump"], found["changes"][0]["weight"]) == ("minor", "feature")
    assert [edit["path"] for edit in found["edits"]] == ["/input_schema/properties/where"]
    assert [(each["action"], each["version"], each["detail"]) for each in history["history"]] == [
        ("publish", "1.1.0", "Where, too")
    ]
    assert history["next_cursor"] is not None


async def test_a_version_is_shown_with_all_that_was_published(doorway: Doorway) -> None:
    owner = await doorway.owner()
    migrations = {"0.x": [{"do": "move", "from": "/a", "to": "/who"}]}
    await publish(owner, input_schema=takes(who=TEXT), migrate_inputs=migrations)

    shown = (await owner.get(f"{PATH}/report/versions/latest")).json()

    assert (shown["version"], shown["migrate_inputs"], shown["output_schema"]) == ("1.0.0", migrations, None)
    assert '"FormatText"' in shown["document"]


async def test_a_rehearsal_publishes_nothing(doorway: Doorway) -> None:
    owner = await doorway.owner()

    told = await publish(owner, rehearsal=True)

    assert (told.status_code, told.json()["version"], told.json()["published"]) == (200, "1.0.0", False)
    assert (await owner.get(PATH)).json()["workflows"] == []


async def test_a_stranger_gets_nowhere(doorway: Doorway) -> None:
    stranger = await doorway.stranger()

    for method, path in (("GET", ""), ("POST", ""), ("GET", "/report"), ("POST", "/report/execute")):
        assert (await stranger.request(method, PATH + path)).status_code == 401


async def test_the_neighbour_sees_and_runs_nothing_of_it(doorway: Doorway) -> None:
    await publish(await doorway.owner())
    neighbour = await doorway.neighbour()

    assert (await neighbour.get(PATH)).json()["workflows"] == []
    assert (await neighbour.get(f"{PATH}/report")).status_code == 404
    assert (await run(neighbour)).status_code == 404


async def test_who_may_run_one_name_runs_that_one_alone(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner)
    await owner.post(PATH, json={"name": "other", "workflow": HELLO})
    runner = await doorway.agent(("workflows:run", "report"), ("operations:use", "*"))

    ran = await run(runner, inputs={"who": "ada"})

    assert ran.json()["status"] == "success"
    assert (await runner.post(f"{PATH}/other/execute", json={})).status_code == 403
    assert [each["name"] for each in (await runner.get(PATH)).json()["workflows"]] == ["report"]
    assert (await publish(runner)).status_code == 403


async def test_a_run_is_listed_under_the_workflow_s_name(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await publish(owner)
    await run(owner, inputs={"who": "ada"})

    listed = (await owner.get("/api/v1/executions", params={"workflow_id": "report"})).json()

    assert listed["count"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({"nam": "report"}, "nam"), ({"name": "a b", "workflow": HELLO}, "name"), ({"name": "report"}, "workflow")],
)
async def test_a_body_that_does_not_fit_names_its_field(doorway: Doorway, body: dict[str, Any], field: str) -> None:
    answer = await (await doorway.owner()).post(PATH, json=body)

    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("path", ["execute", "validate"])
async def test_what_has_a_path_of_its_own_is_no_workflow(doorway: Doorway, path: str) -> None:
    answer = await (await doorway.owner()).get(f"{PATH}/{path}")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
