"""`muelle up`: a server that says when it is ready, sees what the command line changes, and ends cleanly."""

import http.client
import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

PATIENCE = 20.0
PROMISE = 1.0  # seconds within which a server sees what another process changed
SLACK = 1.0  # for a machine that does other things, and for asking


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    home: Path
    ready_file: Path

    @property
    def ready(self) -> Any:
        return json.loads(self.ready_file.read_text())

    def get(self, path: str, key: str) -> tuple[int, Any]:
        address = urlsplit(self.ready["url"])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"X-API-Key": key})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "muelle", *arguments, "--home", str(home)]


def told(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(home, *arguments), capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603 - our own program


def eventually(is_so: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    home, ready = folder / "home", folder / "ready.json"
    process = subprocess.Popen(  # noqa: S603 - our own program
        command(home, "up", "--port", "0", "--ready-file", str(ready), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(process, home, ready)
    try:
        assert eventually(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("up")) as running:
        yield running


def test_once_it_answers_the_ready_file_says_where_and_with_which_key(server: Server) -> None:
    status, me = server.get("/api/v1/capabilities", Path(server.ready["admin_key_file"]).read_text().strip())

    assert (status, me["agent_name"]) == (200, "admin")
    assert server.ready.keys() == {"url", "admin_key_file", "pid"}
    assert server.ready["pid"] == server.process.pid
    assert stat.S_IMODE((server.home / "admin.key").stat().st_mode) == 0o600


def test_a_second_server_on_the_port_says_so_and_ends_with_1(server: Server, tmp_path: Path) -> None:
    port = str(urlsplit(server.ready["url"]).port)

    second = told(tmp_path / "home", "up", "--port", port, "--json")

    assert (second.returncode, second.stdout) == (1, "")
    assert json.loads(second.stderr)["code"] == "address_taken"


def test_a_key_made_beside_a_running_server_opens_it_at_once(server: Server) -> None:
    key = told(server.home, "agents", "add", "fresh").stdout.strip()

    assert server.get("/api/v1/capabilities", key)[0] == 200


def test_a_command_beside_a_running_server_leaves_its_write_ahead_log_in_place(server: Server) -> None:
    log = server.home / "muelle.db-wal"
    before = log.stat().st_ino

    told(server.home, "agents", "list")

    assert log.stat().st_ino == before


def test_a_running_server_sees_a_revoked_key_within_a_second(server: Server) -> None:
    key = told(server.home, "agents", "add", "gone").stdout.strip()
    assert server.get("/api/v1/capabilities", key)[0] == 200

    told(server.home, "agents", "revoke", "gone", "--yes")

    assert eventually(lambda: server.get("/api/v1/capabilities", key)[0] == 401, PROMISE + SLACK)


def test_a_running_server_sees_a_new_grant_and_a_new_api_within_a_second(server: Server) -> None:
    key = told(server.home, "agents", "add", "caller").stdout.strip()
    assert server.get("/api/v1/capabilities", key)[1]["capabilities"]["availableApis"] == {}

    told(server.home, "apis", "add", "crm", "https://crm.example.com")
    told(server.home, "grants", "add", "caller", "apis:call", "crm *")

    def is_seen() -> bool:
        return "crm" in server.get("/api/v1/capabilities", key)[1]["capabilities"]["availableApis"]

    assert eventually(is_seen, PROMISE + SLACK)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_takes_the_ready_file_away(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as server:
        code, out, err = server.stop(number)

    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert not server.ready_file.exists()


def test_neither_pipe_nor_log_ever_has_the_owners_key(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        key = (server.home / "admin.key").read_text().strip()
        server.get("/api/v1/capabilities", key)
        _, out, err = server.stop()

    assert key.split("_", 2)[2] not in out + err


def test_as_json_it_says_on_stdout_where_it_is(tmp_path: Path) -> None:
    with serving(tmp_path, "--json") as server:
        ready = server.ready
        _, out, _ = server.stop()

    assert json.loads(out) == ready


def test_a_ready_file_that_cannot_be_written_is_said_before_anything_starts(tmp_path: Path) -> None:
    done = told(tmp_path / "home", "up", "--port", "0", "--ready-file", "/no/such/folder/ready", "--json")

    assert (done.returncode, json.loads(done.stderr)["code"]) == (1, "unwritable_file")


def on_terminal(home: Path, *arguments: str, prompt: str = "", typed: str = "", no_color: bool = False) -> str:
    """Return what a command shows on a terminal, both streams as they come; type once the prompt is there."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"COLUMNS": "200"}
    environment |= {"TERM": "xterm-256color"} | ({"NO_COLOR": "1"} if no_color else {})
    process = subprocess.Popen(  # noqa: S603 - our own program
        command(home, *arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], PATIENCE)[0] and (part := read(ours)):
        shown += part
        if typed and prompt in shown.decode(errors="replace"):
            os.write(ours, typed.encode())
            typed = ""
    process.kill()  # it has ended, unless it waited longer than we do
    process.wait()
    os.close(ours)
    return shown.decode()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody is at the other end any more
        return b""


def test_a_terminal_gets_a_table_in_colours_unless_they_are_not_wanted(server: Server) -> None:
    colourful = on_terminal(server.home, "agents", "list")
    plain = on_terminal(server.home, "agents", "list", no_color=True)

    assert "\x1b[1m" in colourful
    assert "admin" in plain
    assert "\x1b[3" not in plain


def test_a_terminal_is_asked_before_what_cannot_be_undone(server: Server) -> None:
    told(server.home, "agents", "add", "kept")

    shown = on_terminal(server.home, "agents", "revoke", "kept", prompt="[y/N]", typed="n\n")

    assert "[y/N]" in shown
    assert json.loads(told(server.home, "agents", "show", "kept", "--json").stdout)["disabled"] is False


def test_a_terminal_types_a_secret_without_showing_it(server: Server) -> None:
    shown = on_terminal(
        server.home,
        "credentials",
        "add",
        "typed",
        "--for-host",
        "example.com",
        prompt="Secret",
        typed="hidden-from-view\n",
    )

    assert "example.com" in shown
    assert "hidden-from-view" not in shown
    assert told(server.home, "credentials", "show", "typed").returncode == 0


def test_a_terminal_sees_operations_and_results_apart(server: Server, document: str) -> None:
    shown = on_terminal(server.home, "run", document)

    assert "✓" in shown
    assert "YOU" in shown
