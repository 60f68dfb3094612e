import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from muelle.core import correlate, log_to, redact

_log = logging.getLogger("muelle.test")
_KEY = "mk_" + "a1B2c3D4" * 4


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    log_to(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object(lines: io.StringIO) -> None:
    _log.info("run %s\nfinished", "run_1", extra={"took": 3, "color_message": "\x1b[36mrun\x1b[0m"})  # as uvicorn logs
    [line] = read(lines)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "logger": "muelle.test", "message": "run run_1\nfinished", "took": 3}


def test_what_is_below_the_level_is_not_written(lines: io.StringIO) -> None:
    log_to(lines, "warning")
    _log.info("quiet")
    _log.warning("loud")
    assert [line["message"] for line in read(lines)] == ["loud"]


def test_ids_are_on_every_line_of_their_block(lines: io.StringIO) -> None:
    with correlate(request="request_1"):
        with correlate(run="run_1"):
            _log.info("inner")
        _log.info("outer")
    _log.info("outside")
    inner, outer, outside = read(lines)
    assert (inner["request"], inner["run"]) == ("request_1", "run_1")
    assert "run" not in outer
    assert "request" not in outside


async def test_tasks_keep_their_own_ids(lines: io.StringIO) -> None:
    async def work(run: str) -> None:
        with correlate(run=run):
            await asyncio.sleep(0)
            _log.info(run)

    await asyncio.gather(work("run_1"), work("run_2"))
    assert [line["run"] == line["message"] for line in read(lines)] == [True, True]


def test_an_exception_is_told_without_the_secrets_in_it(lines: io.StringIO) -> None:
    _log.error("failed", exc_info=ValueError(f"refused {_KEY}"))
    [line] = read(lines)
    assert "ValueError: refused ***" in line["exception"]
    assert _KEY not in lines.getvalue()


@pytest.mark.parametrize(
    "name",
    ["password", "Authorization", "api_key", "x-api-key", "client_secret", "access.token", "cookies", "private-key"],
)
def test_fields_that_sound_secret_are_hidden(name: str) -> None:
    assert redact({name: "hidden", "list": [{name: "hidden"}]}) == {name: "***", "list": [{name: "***"}]}


@pytest.mark.parametrize("name", ["tokens_used", "keyboard", "secretary", "status", "monkey"])
def test_fields_that_only_look_alike_are_shown(name: str) -> None:
    assert redact({name: "shown"}) == {name: "shown"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {_KEY}!", "key ***!"),
        ("Authorization: Bearer abc.DEF-1_2~3", "Authorization: Bearer ***"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
        ("mk_short is no key", "mk_short is no key"),
    ],
)
def test_values_that_look_like_credentials_are_hidden(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_secrets_in_messages_and_fields_of_a_line_are_hidden(lines: io.StringIO) -> None:
    _log.info("called with %s", f"Bearer {_KEY}", extra={"headers": {"Cookie": "hidden"}, "token": "hidden"})
    assert "hidden" not in lines.getvalue()
    assert _KEY not in lines.getvalue()


def test_what_json_does_not_know_is_written_as_text(lines: io.StringIO) -> None:
    _log.info("odd", extra={"thing": {1, 2}, "kind": ValueError("x")})
    [line] = read(lines)
    assert line["kind"] == "x"


def test_logs_go_to_stderr_and_leave_stdout_to_answers() -> None:
    code = "import logging; from muelle.core import log_to; log_to(); logging.info('hello'); print('answer')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    assert done.stdout == "answer\n"
    assert json.loads(done.stderr)["message"] == "hello"
