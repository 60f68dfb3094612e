"""Some entries of one run as bytes: msgpack arrays, without what the row says already (tenant, run, sequence).

A chunk of four small steps has some 250 bytes. Each entry begins with its mark.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from muelle.core import RunId, TenantId
from muelle.engine.model import Past, StepBegan, StepFinished, ValueKept
from muelle.engine.times import micros, moment

_STEP, _BEGAN, _KEPT = 1, 2, 3
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[list[Any]]).decode
_STEP_FIELDS = ("operation", "type", "iteration", "status", "at", "took", "attempts", "cached", "output", "error")


def pack_entries(entries: Sequence[Past]) -> bytes:
    """Return them as one chunk; their sequence is that of the chunk and those behind it."""
    return _ENCODE([_packed(entry) for entry in entries])


def unpack_entries(tenant: TenantId, run: RunId, sequence: int, chunk: bytes) -> Iterator[Past]:
    """Yield the entries of a chunk, the first of which has `sequence`."""
    for number, fields in enumerate(_DECODE(chunk), sequence):
        yield _unpacked(tenant, run, number, fields)


def _packed(entry: Past) -> tuple[object, ...]:
    if isinstance(entry, StepFinished):
        return (
            _STEP,
            entry.operation,
            entry.type,
            entry.iteration,
            entry.status,
            micros(entry.at),
            entry.took,
            entry.attempts,
            entry.cached,
            entry.output,
            entry.error,
        )
    if isinstance(entry, StepBegan):
        return _BEGAN, entry.operation, entry.iteration, micros(entry.at)
    return _KEPT, entry.name, entry.value


def _unpacked(tenant: TenantId, run: RunId, sequence: int, fields: list[Any]) -> Past:
    mark, *rest = fields
    if mark == _BEGAN:
        operation, iteration, at = rest
        return StepBegan(
            run=run, tenant=tenant, sequence=sequence, operation=operation, iteration=iteration, at=moment(at)
        )
    if mark == _KEPT:
        name, value = rest
        return ValueKept(run=run, tenant=tenant, sequence=sequence, name=name, value=value)
    found = dict(zip(_STEP_FIELDS, rest, strict=True))
    found["at"] = moment(found["at"])
    return StepFinished(run=run, tenant=tenant, sequence=sequence, **found)
