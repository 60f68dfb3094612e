"""No key and no credential is ever in the logs, at the most talkative level, whatever goes well or wrong."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from attacks.attack_world import EXECUTE, Victim, call
from doors.door_process import ServerProcess, open_process
from doors.door_world import WAIT, document

CREDENTIAL = "Zx9-credential-of-the-crm-71"
TALKATIVE = {"MUELLE__HTTP__ACCESS_LOG": "true"}
PLACES: list[dict[str, Any]] = [
    {"url": "/api/v1/agents/KEY"},
    {"url": "/api/v1/executions/KEY"},
    {"url": "/KEY"},
    {"url": "/api/v1/me", "params": {"key": "KEY"}},
    {"url": "/api/v1/executions", "params": {"cursor": "KEY"}},
    {"url": "/api/v1/me", "headers": {"x-request-id": "KEY"}},
    {"url": "/api/v1/me", "headers": {"user-agent": "KEY", "cookie": "k=KEY", "referer": "http://x/KEY"}},
    {"url": "/api/v1/me", "headers": {"x-api-key": "KEYx"}},
    {"url": "/api/v1/me", "headers": {"x-api-key": "", "authorization": "Basic KEY"}},
    {"url": "/api/v1/agents", "method": "POST", "content": "KEY"},
    {"url": "/api/v1/agents", "method": "POST", "json": {"name": "KEY!"}},
    {"url": EXECUTE, "method": "POST", "json": {"workflow": "KEY"}},
    {"url": EXECUTE, "method": "POST", "content": "{}", "headers": {"content-type": "KEY"}},
]


def shown(key: str, place: dict[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(json.dumps({"method": "GET", **place}).replace("KEY", key))
    return sent


async def talk(server: ServerProcess, victim: Victim) -> list[str]:
    """Do all sorts of things, well and badly; return every secret that was used."""
    headers = {"x-api-key": server.owner_key}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=30) as owner:
        await owner.patch("/api/v1/tenants/default", json={"addresses": ["127.0.0.0/8"]})
        await owner.post("/api/v1/agents", json={"name": "bot", "preset": "runner"})
        agent_key = (await owner.post("/api/v1/agents/bot/keys", json={})).json()["key"]
        tenant_key = (await owner.post("/api/v1/tenants", json={"id": "acme"})).json()["owner_key"]
        origin = victim.url.rstrip("/")
        for name in ("token", "to ken"):
            body = {"id": name, "secret": CREDENTIAL, "type": "bearer-token", "hosts": [origin]}
            await owner.post("/api/v1/credentials", json=body)
        reference = {"authorization": {"credentialRef": {"id": "token"}}}
        dead = call("http://127.0.0.1:1/", headers=reference)
        for step in (call(victim.url, headers=reference), dead, call("http://[bad", headers=reference)):
            await owner.post(EXECUTE, json={"workflow": document(step)})
        for key in (server.owner_key, agent_key, tenant_key):
            async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": key}, timeout=30) as client:
                await client.post(EXECUTE, json={"workflow": WAIT})
                for place in PLACES:
                    await client.request(**shown(key, place))
    return [server.owner_key, agent_key, tenant_key, CREDENTIAL]


def secret_part(secret: str) -> str:
    """Return what a key keeps to itself: all behind `mk_ID_`, which may hold underscores of its own."""
    return secret.split("_", 2)[2] if secret.startswith("mk_") else secret


@pytest.mark.parametrize("answer", ["answered", "cut off"])
async def test_no_secret_is_in_the_logs(tmp_path: Path, victim: Victim, answer: str) -> None:
    if answer == "cut off":
        victim.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"
    async with open_process(tmp_path, "DEBUG", TALKATIVE) as server:
        secrets = await talk(server, victim)

        logged = await server.stop()

    assert CREDENTIAL.encode() in b"".join(victim.requests)
    assert EXECUTE in logged
    assert len(logged.splitlines()) > len(PLACES) * 3
    assert not [line for line in logged.splitlines() if any(secret in line for secret in secrets)]
    assert not [secret for secret in secrets if secret_part(secret) in logged]
