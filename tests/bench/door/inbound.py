"""What the chain at the door adds to a request: key, grants, limits with their headers, audit. In process, on SQLite.

Two doors stand around the same empty route. One asks for nothing; at the other a key is looked up, a grant is required,
limits are charged and told of in the answer, and what was done is recorded. The difference of their medians is what the
chain costs.
"""

import asyncio
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from muelle.app import App, open_app, read_configuration
from muelle.doors.http.api import build_api
from muelle.doors.http.door import Asked, Door, Receive, Send
from muelle.doors.http.limits import Gate
from muelle.doors.http.problems import Reply
from muelle.identity import Acts

PATH = "/api/v1/nothing"
Message = MutableMapping[str, Any]


def scope_of(key: str) -> Message:
    """Return a request as a server hands it in."""
    return {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "client": ("127.0.0.1", 4711),
        "headers": [(b"host", b"muelle.test"), (b"x-api-key", key.encode()), (b"content-length", b"2")],
    }


async def receive() -> Message:
    """Hand in the body."""
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def send(message: Message) -> None:
    """Take the answer."""


def guarded(app: App) -> Door:
    """Return the door with the whole chain."""
    acts = Acts(app.clock, app.ids)

    async def answer(asked: Asked) -> Reply:
        asked.principal.require("workflows:run", "nothing")
        act = acts.allowed(asked.principal, "nothing.done", "nothing", request=asked.request)
        written = app.stores.trail.record([act], flush=False)
        del written  # nobody waits for it: it is a part of the next group commit
        return Reply(200, b"{}")

    door = Door(build_api(app), {("POST", PATH): answer}, app.identity, app.ids, app.metrics, app.settings.http)
    door.gate = Gate(app.budgets, app.clock, lambda _: False)
    return door


async def nothing(scope: Message, receive: Receive, send: Send) -> None:
    """Answer at once, whoever asks."""
    del scope
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def each(door: Door, scope: Message, number: int) -> list[int]:
    """Return the nanoseconds of so many requests, one after the other."""
    took = []
    for index in range(number):
        began = perf_counter_ns()
        await door(dict(scope), receive, send)
        took.append(perf_counter_ns() - began)
        if index % 50 == 0:
            await asyncio.sleep(0)  # group commits happen beside, as they do in operation
    return took


async def inbound(number: int) -> float:
    """Return what the chain adds, in microseconds: the median of rounds that take turns."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_app(read_configuration(None, {}), Path(folder)) as app:
            assert app.admin_key is not None
            scope = scope_of(app.admin_key.reveal())
            full = guarded(app)
            none = Door(nothing, {}, app.identity, app.ids, app.metrics, app.settings.http)
            await each(full, scope, 500)
            keyless = {**scope, "headers": scope["headers"][:1]}
            await each(none, keyless, 500)
            differences = [
                median(await each(full, scope, number)) - median(await each(none, keyless, number)) for _ in range(7)
            ]
            return round(median(differences) / 1000, 1)


def measure(quick: bool) -> dict[str, float | None]:  # noqa: FBT001 - every part is asked so
    """Return inbound_us."""
    return {"inbound_us": asyncio.run(inbound(500 if quick else 5_000))}
