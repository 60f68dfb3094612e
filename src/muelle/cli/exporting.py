"""Writing long lists as JSON lines, to a file that appears whole or to standard output."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from muelle.cli.console import Console
from muelle.cli.failures import UnwritableFile

_PRIVATE = 0o600


Line = Callable[[Any], bytes]


async def export_lines(console: Console, output: str | None, items: AsyncIterator[Any]) -> None:
    """Write each item as a line of JSON; a file is its owner's alone, and replaced only when all is written."""
    encoder = msgspec.json.Encoder()
    await _export(console, output, items, lambda item: encoder.encode(item) + b"\n")


async def export_csv(console: Console, output: str | None, acts: AsyncIterator[Any]) -> None:
    """Write each act as a line of CSV, likewise, below a line of names."""
    from muelle.identity.record import lines as act_lines  # noqa: PLC0415 - its CSV is for acts alone

    await _export(console, output, acts, act_lines.csv_line, act_lines.csv_head())


async def _export(
    console: Console, output: str | None, items: AsyncIterator[Any], line: Line, head: bytes = b""
) -> None:
    if output is None or output == "-":
        await _write(sys.stdout.buffer, items, line, head)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            written = await _write(file, items, line, head)
        fresh.replace(path)
    except OSError as error:
        raise UnwritableFile(file=output, reason=error.strerror) from None
    finally:
        fresh.unlink(missing_ok=True)
    if console.is_json:
        console.json({"file": output, "count": written})
    else:
        console.note(f"Wrote {written} lines to {output}.")


async def _write(file: BinaryIO, items: AsyncIterator[Any], line: Line, head: bytes) -> int:
    file.write(head)
    written = 0
    async for item in items:
        file.write(line(item))
        written += 1
    return written
