"""Every document in examples/ gives its expected answer."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muelle.app import open_app, read_configuration
from muelle.core import Secret
from muelle.egress import CredentialDraft, CredentialId
from muelle.workflows import plain_answer

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
DOCUMENTS = sorted(path.stem for path in EXAMPLES.glob("*.jsonl"))
TOKEN = "a-token-of-the-test"


def read(name: str, part: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.{part}.json").read_text())


@pytest.fixture
def crm_port() -> Iterator[int]:
    command = [sys.executable, str(EXAMPLES / "crm_server.py"), "--port", "0", "--token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own script
        assert server.stdout is not None
        yield int(server.stdout.readline().rsplit(":", 1)[1])
        server.kill()


async def run(name: str, inputs: dict[str, Any]) -> Any:
    async with open_app(read_configuration(None, {}), None) as app:
        me = await app.identity.operator()
        await app.identity.tenants.update(me, me.tenant, addresses=["127.0.0.1/32"])
        if "port" in inputs:
            draft = CredentialDraft(
                id=CredentialId("crm-key"), type="bearer-token", hosts=(f"http://127.0.0.1:{inputs['port']}",)
            )
            await app.egress.credentials.add(me, draft, Secret(TOKEN))
        return plain_answer(await app.workflows.run(me, (EXAMPLES / f"{name}.jsonl").read_bytes(), inputs))


def test_there_are_at_least_five_examples() -> None:
    assert len(DOCUMENTS) >= 5


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "crm-follow-up"])
async def test_an_example_gives_its_expected_answer(name: str) -> None:
    answer = await run(name, read(name, "inputs"))
    assert answer["status"] == "success"
    assert answer["results"] == read(name, "expected")


async def test_the_crm_example_calls_branches_and_adds_tasks(crm_port: int) -> None:
    answer = await run("crm-follow-up", {**read("crm-follow-up", "inputs"), "port": crm_port})
    assert answer["status"] == "success"
    assert answer["results"] == read("crm-follow-up", "expected")
    assert TOKEN not in json.dumps(answer)


async def test_every_example_passes_validation_without_advice() -> None:
    async with open_app(read_configuration(None, {}), None) as app:
        me = await app.identity.operator()
        for name in DOCUMENTS:
            if name == "crm-follow-up":
                continue
            report = await app.workflows.validate(me, (EXAMPLES / f"{name}.jsonl").read_bytes())
            assert report.issues == (), name
