"""Whoever names things tries to write lines into logs, to act on terminals, to run in browsers, to be somebody else."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import click
import httpx
import pytest
from click.testing import CliRunner

from doors.door_world import WAIT, Doorway, open_doorway
from muelle.cli.console import Console, text_of
from muelle.core.logs import JsonFormatter
from muelle.identity import Acts, AuditFilter

NASTY = 'a\r\n{"level":"error","message":"forged"}\x1b[31m\x1b]0;title\x07\x9b2J\u202e\u2028b'
SCRIPT = "<script>alert(1)</script>"
ECHOES = ("x-tenant", "x-tenant-id", "tenant", "x-org", "x-organization", "x-muelle-tenant")
OTHERS = ("x-agent", "x-agent-id", "x-principal", "x-user", "x-forwarded-user", "x-remote-user", "x-muelle-agent")


@pytest.fixture
async def noted() -> AsyncIterator[Doorway]:
    async with open_doorway(environment={"MUELLE__HTTP__ACCESS_LOG": "true"}) as doorway:
        yield doorway


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give what the process logs, as it is written."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """Return the log's lines; each must be JSON, and seen as it is."""
    text = log.getvalue()
    assert all(character == "\n" or character >= " " for character in text), "a control character is in the log"
    return [json.loads(line) for line in text.splitlines()]


async def spoofing(doorway: Doorway) -> tuple[httpx.AsyncClient, dict[str, str]]:
    """Return another tenant's owner, and headers that claim to be ours."""
    neighbour = await doorway.neighbour()
    me = await doorway.principal()
    return neighbour, {**dict.fromkeys(ECHOES, "default"), **dict.fromkeys(OTHERS, me.id)}


@pytest.mark.parametrize("is_hot", [True, False])
async def test_headers_that_name_a_tenant_or_an_agent_do_nothing(*, is_hot: bool) -> None:
    async with open_doorway(is_hot=is_hot) as doorway:
        neighbour, headers = await spoofing(doorway)
        plain = (await neighbour.get("/api/v1/me")).json()

        claimed = (await neighbour.get("/api/v1/me", headers=headers)).json()
        ran = await neighbour.post("/api/v1/workflows/execute", json={"workflow": WAIT}, headers=headers)
        added = await neighbour.post("/api/v1/agents", json={"name": "spoofed"}, headers=headers)

        assert claimed == plain
        owner = await doorway.owner()
        run, agent = ran.json()["execution_id"], added.json()["name"]
        assert (await owner.get(f"/api/v1/executions/{run}")).status_code == 404
        assert (await owner.get(f"/api/v1/agents/{agent}")).status_code == 404
        acts = (await owner.get("/api/v1/audit", params={"resource": "spoofed"})).json()["acts"]
        assert acts == []
        [act] = (await neighbour.get("/api/v1/audit", params={"resource": "spoofed"})).json()["acts"]
        assert act["agent_id"] == plain["id"]


async def test_such_headers_alone_open_nothing(doorway: Doorway) -> None:
    _, headers = await spoofing(doorway)

    answer = await (await doorway.stranger()).get("/api/v1/me", headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize("field", ["tenant", "tenant_id", "agent", "principal", "agent_id", "_tenant"])
async def test_a_tenant_in_a_body_or_a_query_is_refused_or_does_nothing(doorway: Doorway, field: str) -> None:
    neighbour, _ = await spoofing(doorway)
    body = {"name": "spoofed", field: "default"}

    assert (await neighbour.post("/api/v1/agents", json=body)).status_code == 400
    listed = (await neighbour.get("/api/v1/agents", params={field: "default"})).json()
    assert [agent["name"] for agent in listed["agents"]] == ["admin"]


async def test_what_strangers_send_makes_one_line_of_the_log_each(noted: Doorway, log: io.StringIO) -> None:
    stranger, nasty = await noted.stranger(), quote(NASTY)
    for path in (f"/{nasty}", f"/api/v1/agents/{nasty}", f"/api/v1/me?x={nasty}", f"/hooks/{nasty}/{nasty}"):
        await stranger.get(path)
        await stranger.post(path, content=NASTY.encode())
    await stranger.get("/health", headers={"user-agent": "\x1b[31m", "x-request-id": "\x1b[31mforged"})

    found = [line for line in lines(log) if line["logger"] == "muelle.http"]

    assert len(found) == 9
    assert not [line for line in found if line["message"] == "forged" or line["level"] == "error"]
    assert not [line for line in found if "forged" in line["request"]]


async def test_lines_of_the_log_say_whose_request_it_was(noted: Doorway, log: io.StringIO) -> None:
    neighbour = await noted.neighbour()
    me = (await neighbour.get("/api/v1/me")).json()
    await neighbour.post("/api/v1/workflows/execute", json={"workflow": WAIT})
    await (await noted.stranger()).get("/health")

    asked, ran, stranger = [line for line in lines(log) if line["logger"] == "muelle.http"]

    assert (asked["tenant"], asked["principal"]) == (ran["tenant"], ran["principal"]) == ("other", me["id"])
    assert "tenant" not in stranger
    assert asked["request"] != ran["request"]


@pytest.mark.parametrize("character", ["\x1b", "\r", "\x00", "\x07", "\x7f", "\x9b", "\u202e", "\u2028", "\u2066"])
def test_nothing_that_acts_on_a_terminal_is_printed(character: str) -> None:
    for value in (f"a{character}b", [f"a{character}b"], {"k": f"a{character}b"}):
        assert character not in text_of(value)
        assert f"\\u{ord(character):04x}" in text_of(value)


def test_notes_keep_our_colours_and_lines_and_nothing_else() -> None:
    @click.command()
    def command() -> None:
        Console().note(f"{click.style('error:', fg='red')} two\nlines {NASTY}")

    said = CliRunner().invoke(command, color=True).stderr

    assert "\x1b[31merror:\x1b[0m two\nlines" in said
    assert not {"\r", "\x07", "\x9b", "\u202e", "\u2028"} & set(said)
    assert "\x1b]0;" not in said


async def test_an_act_with_a_nasty_name_is_one_line_of_json_and_of_a_table(doorway: Doorway) -> None:
    acts, owner = Acts(doorway.app.clock, doorway.app.ids), await doorway.principal()
    await doorway.app.stores.trail.record([acts.refused(None, "nasty", NASTY, request=NASTY, detail=NASTY)])

    exported = (await (await doorway.owner()).get("/api/v1/audit/export?action=nasty")).text
    [kept] = (await doorway.app.identity.acts(owner, AuditFilter(action="nasty"))).items

    assert len(exported.splitlines(keepends=False)) == exported.count("\n") == 1
    assert "\x1b" not in exported
    assert "\x1b" not in text_of(kept.resource)


async def furnished_with(doorway: Doorway, script: str) -> httpx.AsyncClient:
    """Put a script wherever a text may be put."""
    owner = await doorway.owner()
    await owner.post("/api/v1/agents", json={"name": "bot", "description": script})
    await owner.patch("/api/v1/tenants/default", json={"name": script})
    rules = [{"scope": "tools:call", "pattern": script}]
    await owner.post("/api/v1/roles", json={"name": "clerk", "description": script, "rules": rules})
    await owner.post("/api/v1/agents/bot/grants", json=rules[0])
    api = {"id": "crm", "base_url": "https://crm.example.com", "description": script}
    await owner.post("/api/v1/apis", json=api)
    return owner


PAGES = [
    "/api/v1/agents", "/api/v1/agents/bot", "/api/v1/agents/bot/grants", "/api/v1/tenants", "/api/v1/roles",
    "/api/v1/apis", "/api/v1/audit", "/api/v1/audit/export", "/api/v1/audit/export?format=csv", "/openapi.json",
    f"/{quote(SCRIPT)}", f"/api/v1/agents/{quote(SCRIPT)}", f"/api/v1/agents?limit={quote(SCRIPT)}",
    f"/api/v1/agents/bot/explain?scope={quote(SCRIPT)}&resource=x", f"/api/v1/executions/{quote(SCRIPT)}",
]  # fmt: skip


async def test_no_answer_can_be_taken_for_a_page(doorway: Doorway) -> None:
    owner = await furnished_with(doorway, SCRIPT)
    for path in PAGES:
        answer = await owner.get(path, headers={"accept": "text/html"})

        assert answer.headers["x-content-type-options"] == "nosniff", path
        kind = answer.headers["content-type"].split(";")[0]
        assert kind in {"application/json", "application/problem+json", "application/x-ndjson", "text/csv"}, path
    listed = (await owner.get("/api/v1/agents/bot")).json()
    assert listed["description"] == SCRIPT  # it is kept as it was given: escaping is the reader's, who knows for what
