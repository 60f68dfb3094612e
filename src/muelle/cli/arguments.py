"""What is written on the command line, as values."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from muelle.cli.failures import InvalidArgument, UnreadableFile

STDIN = "-"
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError)


def read_bytes(file: str) -> bytes:
    """Return what a file holds, or standard input for '-'; raise UnreadableFile."""
    if file == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(file=file, reason=error.strerror) from None


def read_json(file: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value in a file; raise UnreadableFile."""
    try:
        return msgspec.json.decode(read_bytes(file))
    except _NOT_JSON as error:
        raise UnreadableFile(file=file, reason=f"not JSON: {error}") from None


def pair(text: str, option: str) -> tuple[str, str]:
    """Return name and value of NAME=VALUE; raise InvalidArgument."""
    if not text.isascii() and text.encode(errors="replace").decode() != text:
        raise InvalidArgument(f"{option} takes text in UTF-8.", option=option)
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidArgument(f"{option} takes NAME=VALUE, not '{text[:100]}'.", option=option)
    return name, value


def json_or_text(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a text means: JSON if it is JSON, else the text."""
    try:
        return msgspec.json.decode(text.encode())
    except _NOT_JSON:
        return text


def input_value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of an input: JSON, else text; `@file` is the file's content and `@@x` the text `@x`."""
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return json_or_text(text)
    file = text[1:]
    if file.endswith(".json"):
        return read_json(file)
    return json_or_text(read_bytes(file).decode("utf-8", "replace"))


def read_inputs(file: str | None, pairs: Iterable[str]) -> dict[str, Any]:
    """Return the inputs of a file and, over them, those given one by one; raise InvalidArgument, UnreadableFile."""
    inputs = {} if file is None else read_json(file)
    if not isinstance(inputs, dict):
        raise InvalidArgument("--inputs takes a file with a JSON object.", option="--inputs")
    for text in pairs:
        name, value = pair(text, "--input")
        inputs[name] = input_value(value)
    return inputs


def read_limits(pairs: Iterable[str]) -> dict[str, float]:
    """Return limits of NAME=N; raise InvalidArgument."""
    limits = {}
    for text in pairs:
        name, value = pair(text, "--limit")
        try:
            limits[name] = float(value)
        except ValueError:
            raise InvalidArgument(
                f"The limit '{name}' takes a number, not '{value[:100]}'.", option="--limit"
            ) from None
    return limits


def merged_limits(
    present: Mapping[str, float], pairs: Iterable[str], removed: Iterable[str]
) -> dict[str, float] | None:
    """Return present limits with those of NAME=N over them and less the removed ones; None if nothing changes."""
    given, gone = read_limits(pairs), set(removed)
    for name in sorted(gone - present.keys()):
        raise InvalidArgument(f"There is no limit '{name[:100]}' to take away.", option="--unlimit")
    if not given and not gone:
        return None
    return {name: value for name, value in {**present, **given}.items() if name not in gone or name in given}
