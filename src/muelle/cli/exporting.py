"""Writing long lists as JSON lines, to a file that appears whole or to standard output."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from muelle.cli.console import Console
from muelle.cli.failures import UnwritableFile

_PRIVATE = 0o600


async def export_lines(console: Console, output: str | None, items: AsyncIterator[Any]) -> None:
    """Write each item as a line of JSON; a file is its owner's alone, and replaced only when all is written."""
    if output is None or output == "-":
        await _write(sys.stdout.buffer, items)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            written = await _write(file, items)
        fresh.replace(path)
    except OSError as error:
        raise UnwritableFile(file=output, reason=error.strerror) from None
    finally:
        fresh.unlink(missing_ok=True)
    if console.is_json:
        console.json({"file": output, "count": written})
    else:
        console.note(f"Wrote {written} lines to {output}.")


async def _write(file: BinaryIO, items: AsyncIterator[Any]) -> int:
    encoder = msgspec.json.Encoder()
    written = 0
    async for item in items:
        file.write(encoder.encode(item) + b"\n")
        written += 1
    return written
