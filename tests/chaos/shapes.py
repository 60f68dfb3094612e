"""The documents that chaos runs, and what each must have done when it has ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from chaos.ledger import LAST

ITEMS = 3
_RETRY = {"maxAttempts": 10, "initialDelay": 50, "maxDelay": 1000}
_CALL_MILLISECONDS = 20_000


@dataclass(frozen=True)
class Shape:
    """A document. `effects` names each effect with the one whose receipt it must show; `wait` is in milliseconds."""

    name: str
    operations: tuple[tuple[str, str, Mapping[str, Any]], ...]
    effects: Mapping[str, str | None]
    wait: int = 0

    @property
    def document(self) -> str:
        """Return the text to submit."""
        return "\n".join(
            json.dumps({"type": "operationUpdate", "operationId": name, "operation": {kind: config}})
            for name, kind, config in self.operations
        )


def _post(url: str, manner: str, effect: str, after: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"at": {"path": "/workflow/seen"}, "after": {"path": f"/workflow/{after}/receipt"} if after else None}
    return {
        "method": "POST",
        "url": f"{url}/{manner}/{{/input/ticket}}/{effect}",
        "body": body,
        "timeout": _CALL_MILLISECONDS,
        **more,
    }


def _steady(url: str, effect: str, after: str | None = None) -> dict[str, Any]:
    """Return a call that carries the key which Muelle makes."""
    return _post(url, "steady", effect, after, outputPath=f"/workflow/{effect.partition('-')[0]}")


def _flaky(url: str, effect: str, after: str | None = None) -> dict[str, Any]:
    """Return a call that carries a key of the document's own, and is retried."""
    headers = {"Idempotency-Key": f"{{/input/ticket}}-{effect}"}
    return _post(url, "flaky", effect, after, outputPath=f"/workflow/{effect}", headers=headers, retry=_RETRY)


def shapes(url: str) -> tuple[Shape, ...]:
    """Return the documents for an effects server at `url`."""
    seen = ("seen", "GetCurrentDateTime", {"timezone": "UTC", "outputPath": "/workflow/seen"})
    wait = {"duration": {"path": "/input/wait"}}
    straight = (
        seen,
        ("first", "ApiCall", _steady(url, "first")),
        ("pause", "Wait", wait),
        (LAST, "ApiCall", _flaky(url, LAST, "first")),
    )
    items = {"inputPath": "/input/items", "operations": ["item"], "outputPath": "/workflow/items"}
    looped = (
        seen,
        ("items", "Loop", items),
        ("item", "ApiCall", _steady(url, "item-{/loop/index}")),
        ("pause", "Wait", wait),
        (LAST, "ApiCall", _steady(url, LAST, f"items/{ITEMS - 1}")),
    )
    branched = (
        seen,
        ("both", "Parallel", {"branches": ["left", "right"]}),
        ("left", "ApiCall", _steady(url, "left")),
        ("right", "ApiCall", _flaky(url, "right")),
        (LAST, "ApiCall", _steady(url, LAST, "right")),
    )
    turns: dict[str, str | None] = {f"item-{index}": None for index in range(ITEMS)}
    return (
        Shape("straight", straight, {"first": None, LAST: "first"}, 100),
        Shape("looped", looped, {**turns, LAST: f"item-{ITEMS - 1}"}, 50),
        Shape("branched", branched, {"left": None, "right": None, LAST: "right"}),
        Shape("patient", straight, {"first": None, LAST: "first"}, 4_000),
    )


def shape_of(ticket: str, known: Sequence[Shape]) -> Shape:
    """Return the document that a ticket runs: half of them are straight, the rest is shared by the others."""
    drawn = crc32(ticket.encode()) % (2 * len(known) - 2)
    return known[max(0, drawn - len(known) + 2)]


def request_of(ticket: str, shape: Shape) -> bytes:
    """Return the body of the request that submits a ticket."""
    inputs = {"ticket": ticket, "wait": shape.wait, "items": list(range(ITEMS))}
    return json.dumps({"workflow": shape.document, "inputs": inputs}).encode()
