"""`muelle limits`: rules set and reset beside a running server, and what it has counted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import Muelle
from cli.test_cli_up import PROMISE, SLACK, Server, eventually, serving, told

ME = "/api/v1/me"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("limits")) as running:
        yield running


def limited(home: Path, *arguments: str) -> dict[str, object]:
    done = told(home, "limits", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_running_server_heeds_a_limit_within_a_second_and_a_reset_too(server: Server) -> None:
    key = told(server.home, "agents", "add", "bot").stdout.strip()
    assert server.get(ME, key)[0] == 200
    assert limited(server.home, "set", "bot", "--per-hour", "2")["rate"] == {"per_hour": 2}
    assert eventually(lambda: server.get(ME, key)[0] == 429, PROMISE + SLACK)

    assert limited(server.home, "reset", "bot")["resets"] == 1
    assert eventually(lambda: server.get(ME, key)[0] == 200, PROMISE + SLACK)


def test_status_tells_what_the_server_has_counted(server: Server) -> None:
    key = told(server.home, "agents", "add", "counted").stdout.strip()
    for _ in range(3):
        server.get(ME, key)

    status = limited(server.home, "status", "counted", "--server", server.ready["url"])

    assert (status["agent"], status["backend"]) == ("counted", "memory")
    assert status["usage"] == {"agent-minute": 3, "tenant-minute": pytest.approx(4, abs=50)}


def test_without_a_server_status_says_how_to_get_one(muelle: Muelle) -> None:
    muelle("agents", "list")
    answer = muelle("limits", "status", "--server", "http://127.0.0.1:9", "--json")

    assert (answer.code, answer.problem["code"]) == (1, "server_silent")
    assert "muelle up" in answer.problem["suggestions"][0]


def test_a_rule_is_shown_as_it_is_kept_and_taken_away_by_an_empty_one(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    given = muelle("limits", "set", "bot", "--target", "api:crm", "--per-minute", "30", "--burst", "5", "--json")
    gone = muelle("limits", "set", "bot", "--target", "api:crm", "--json")

    assert given.json == {"target": "api:crm", "rate": {"per_minute": 30, "burst": 5}, "resets": 0}
    assert gone.json["rate"] == {}


def test_a_tenant_has_limits_too(muelle: Muelle) -> None:
    muelle("tenants", "add", "other")

    assert muelle("limits", "set", "--tenant", "other", "--per-day", "9", "--json").json["rate"] == {"per_day": 9}
    assert muelle("limits", "reset", "--tenant", "other", "--json").json["resets"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", "bot", "--per-minute", "-1"), "invalid_rate"),
        (("set", "bot", "--target", "host:x"), "invalid_target"),
        (("set", "nobody", "--per-minute", "1"), "agent_not_found"),
        (("reset", "--tenant", "nowhere"), "tenant_not_found"),
    ],
)
def test_what_is_wrong_is_named(muelle: Muelle, arguments: tuple[str, ...], code: str) -> None:
    muelle("agents", "add", "bot")

    assert muelle("limits", *arguments, "--json").problem["code"] == code


@pytest.mark.parametrize("arguments", [(), ("bot", "--tenant", "default")])
def test_either_an_agent_or_a_tenant_is_named(muelle: Muelle, arguments: tuple[str, ...]) -> None:
    assert muelle("limits", "reset", *arguments).code == 2
