"""JSON logs on stderr, with correlation ids and redaction.

stdout belongs to answers. Every line carries what `correlate` bound in the present task (request, run, tenant), and the
values of fields whose names sound secret, and anything that looks like a key of ours, are replaced.
"""

import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import msgspec

_correlation: ContextVar[dict[str, str]] = ContextVar("muelle_correlation", default={})  # noqa: B039 - never mutated
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(password|passwd|secret|token|authorization|cookie|api[_-]?key|credential[_-]?value|private[_-]?key)s?$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"\bmk_[A-Za-z0-9_-]{20,}|(?<=Bearer )[A-Za-z0-9._~+/=-]+|(?<=Basic )[A-Za-z0-9+/=]+")
REDACTED = "***"
_UNSEEN = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def redact(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` with secrets replaced, at any depth; `name` is the field that holds it."""
    if name and _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, str):
        # No match without one of these: most texts have none, and this is ten times faster than the pattern.
        may_match = "mk_" in value or "Bearer " in value or "Basic " in value
        return _SECRET_VALUE.sub(REDACTED, value) if may_match else value
    if isinstance(value, dict):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


@contextmanager
def correlate(**ids: str) -> Iterator[None]:
    """Add ids to every log line of this task and of those that it starts, for the length of the block."""
    token = _correlation.set({**_correlation.get(), **ids})
    try:
        yield
    finally:
        _correlation.reset(token)


def plain_line(line: bytes) -> bytes:
    """Return a line of JSON in which nothing ends a line, acts on a terminal or turns the direction of writing.

    JSON itself writes out only what is below a space; the C1 controls are as good as escape sequences, and some readers
    take U+2028 for the end of a line.
    """
    if line.isascii():
        return line
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line.decode()).encode()


def bind(**ids: str) -> None:
    """Add ids to the log lines of what is left of the surrounding `correlate`: what is known only by then."""
    _correlation.set({**_correlation.get(), **ids})


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, correlation ids, extra fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            **_correlation.get(),
            **redact(extra),
        }
        if record.exc_info:
            line["exception"] = redact("".join(traceback.format_exception(*record.exc_info)))
        return plain_line(msgspec.json.encode(line, enc_hook=str)).decode()


def log_to(stream: TextIO = sys.stderr, level: str = "INFO") -> None:
    """Send the logs of the whole process to `stream`, as JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
