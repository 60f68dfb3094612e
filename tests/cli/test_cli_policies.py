"""Policies, breakers and kept answers from the command line; a server that answers what a test says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cli.conftest import Muelle

BREAKER = {"upstream": "crm", "kind": "api", "state": "open", "calls": 0, "errors": 0, "slow": 0}
CACHE = {"store": "memory", "hits": 3, "stale": 0, "revalidated": 0, "shared": 1, "misses": 2, "fill": {"answers": 1}}


class Running:
    """What runs on this machine, and what it was asked with which key."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.keys: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer.asked.append((self.command, self.path))
                outer.keys.append(self.headers["x-api-key"])
                path = self.path.partition("?")[0]
                answers = {"/api/v1/breakers": {"breakers": [BREAKER]}, "/api/v1/cache": CACHE | {"dropped": 2}}
                body = json.dumps(answers.get(path, {"message": "No such breaker"})).encode()
                self.send_response(200 if path in answers else 404)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_DELETE = answer  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running()
    yield server
    server.close()


def test_an_api_has_a_policy_that_says_what_is_other(muelle: Muelle) -> None:
    muelle("apis", "add", "crm", "https://crm.example.com", "--policy", '{"retry": {"attempts": 4}}', "--timeout", "2")
    shown, usual = muelle("policies", "show", "crm", "--json").json, muelle("policies", "show", "--json").json
    assert (shown["retry"]["attempts"], shown["timeout_seconds"], shown["api"]) == (4, 2, "crm")
    assert (usual["retry"]["attempts"], usual["timeout_seconds"], usual["order"][0]) == (1, 30, "grants")
    assert "retry.attempts" in muelle("policies", "show", "crm").out


def test_what_a_type_of_operation_has_other_is_shown_too(muelle: Muelle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUELLE__EGRESS__OPERATIONS", '{"ApiCall": {"cache": {"seconds": 300}}}')
    muelle("apis", "add", "crm", "https://crm.example.com", "--policy", '{"retry": {"attempts": 4}}')
    shown = muelle("policies", "show", "crm", "--operation", "ApiCall", "--json").json
    assert (shown["cache"]["seconds"], shown["retry"]["attempts"], shown["operation"]) == (300, 4, "ApiCall")


@pytest.mark.parametrize(
    "policy", ["{", '{"retry": {"attempts": 11}}', '{"retri": {}}', '{"retry": {"first_seconds": 21}}']
)
def test_a_policy_that_cannot_be_is_refused(muelle: Muelle, policy: str) -> None:
    assert muelle("apis", "add", "crm", "https://crm.example.com", "--policy", policy).code == 2


def test_a_policy_can_be_taken_back(muelle: Muelle) -> None:
    muelle("apis", "add", "crm", "https://crm.example.com", "--policy", '{"retry": {"attempts": 4}}')
    muelle("apis", "update", "crm", "--policy", "null")
    assert muelle("policies", "show", "crm", "--json").json["retry"]["attempts"] == 1


def test_the_running_server_is_asked_as_the_owner(muelle: Muelle, running: Running) -> None:
    muelle("tenants", "list")
    breakers = muelle("policies", "breakers", "--server", running.url, "--json").json
    counts = muelle("cache", "show", "--server", running.url, "--json").json
    dropped = muelle("cache", "clear", "--api", "crm", "--server", running.url, "--json").json
    assert (breakers["breakers"][0]["state"], counts["hits"], dropped) == ("open", 3, {"dropped": 2})
    assert running.asked == [("GET", "/api/v1/breakers"), ("GET", "/api/v1/cache"), ("DELETE", "/api/v1/cache?api=crm")]
    assert set(running.keys) == {(muelle.home / "admin.key").read_text().strip()}


def test_what_the_server_refuses_is_told(muelle: Muelle, running: Running) -> None:
    muelle("tenants", "list")
    told = muelle("policies", "reset", "none", "--server", running.url, "--json")
    assert (told.code, told.problem["code"], told.problem["reason"]) == (1, "server_refused", "No such breaker")


@pytest.mark.parametrize("command", [("policies", "breakers"), ("cache", "show"), ("cache", "clear", "--yes")])
def test_without_a_server_it_says_so(muelle: Muelle, command: tuple[str, ...]) -> None:
    muelle("tenants", "list")
    told = muelle(*command, "--server", "http://127.0.0.1:9", "--json")
    assert (told.code, told.problem["code"]) == (1, "no_server")
    assert muelle(*command, "--server", "ftp://x").code == 2


def test_what_is_kept_in_a_file_is_thrown_away_without_a_server(
    muelle: Muelle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUELLE__EGRESS__STORE__KIND", "disk")
    assert muelle("cache", "clear", "--tag", "prices", "--json").json == {"dropped": 0}
    assert (muelle.home / "cache" / "answers.db").exists()
