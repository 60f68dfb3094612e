"""A run as it is watched: a tree of operations that is drawn anew, or a line for each event."""

import asyncio
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import click
import msgspec

from muelle.app import App
from muelle.cli.console import Console, readable
from muelle.identity import Principal
from muelle.workflows.plan import Plan
from muelle.workflows.submissions.streams import RunEvent

_DECODE = msgspec.json.Decoder().decode
_SIGNS = {"success": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("-", "yellow"), "started": ("●", "cyan")}
_AHEAD = ("·", "white")
_DRAW_SECONDS = 0.2
_DEEPEST = 16  # levels of a tree


class Row:
    """What is known of one operation; turns of a loop add up."""

    __slots__ = ("began", "depth", "error", "kind", "milliseconds", "name", "status", "turns")

    def __init__(self, name: str, kind: str, depth: int) -> None:
        self.name = name
        self.kind = kind
        self.depth = depth
        self.status = ""
        self.began: datetime | None = None
        self.milliseconds = 0.0
        self.turns = 0
        self.error = ""


class Picture:
    """What a run looks like after the events that were taken; pure."""

    def __init__(self, run: str, plan: Plan | None) -> None:
        self.run = run
        self.status = "queued"
        self.workflow = ""
        self.began: datetime | None = None
        self.milliseconds: float | None = None
        self.rows = {row.name: row for row in _rows(plan)} if plan else {}

    def take(self, event: RunEvent) -> None:
        """Take in what happened."""
        data = _DECODE(event.data)
        if event.kind.startswith("run."):
            self.status, self.workflow = data["status"], data["workflow_id"]
            self.milliseconds = data["total_duration_ms"]
            self.began = datetime.fromisoformat(data["began_at"] or data["timestamp"])
            return
        row = self.rows.setdefault(data["operation_id"], Row(data["operation_id"], "", 0))
        if event.kind == "operation.started":
            row.status, row.began = "started", datetime.fromisoformat(data["timestamp"])
            return
        row.status, row.kind, row.began = data["status"], data["operation_type"], None
        row.milliseconds += data["duration_ms"]
        row.turns += 1
        row.error = data["error"]["message"] if "error" in data else ""

    def lines(self, now: datetime, height: int) -> list[str]:
        """Return it as lines with colours, no more than `height`: what has ended gives way first."""
        total = self.milliseconds
        if total is None:
            total = (now - self.began).total_seconds() * 1000 if self.began else 0.0
        head = f"{click.style(self.run, bold=True)}  {self.workflow}  {self.status}  {_duration(total)}"
        rows = list(self.rows.values())
        while len(rows) > max(1, height - 1):
            ended = next((row for row in rows if row.status in {"success", "skipped"}), rows[-1])
            rows.remove(ended)
        return [head, *(_line(row, now) for row in rows)]


def _rows(plan: Plan) -> Iterator[Row]:
    seen: set[str] = set()

    def below(names: Sequence[str], depth: int) -> Iterator[Row]:
        for name in names:
            if name in seen or depth > _DEEPEST:
                continue
            seen.add(name)
            node = plan.nodes[name]
            yield Row(name, node.type.name, depth)
            yield from below(sorted(node.children, key=list(plan.nodes).index), depth + 1)

    yield from below([node.id for node in plan.main.nodes], 0)


def _line(row: Row, now: datetime) -> str:
    sign, color = _SIGNS.get(row.status, _AHEAD)
    took = row.milliseconds + ((now - row.began).total_seconds() * 1000 if row.began else 0.0)
    parts = [f"{'  ' * row.depth}{click.style(sign, fg=color)} {row.name}"]
    if row.kind:
        parts.append(click.style(row.kind, dim=True))
    if row.status and row.status != "skipped":
        parts.append(_duration(took))
    if row.turns > 1:
        parts.append(f"{row.turns} times")
    if row.error:
        parts.append(click.style(row.error, fg=color))
    return "  ".join(parts)


def _duration(milliseconds: float) -> str:
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds:.1f} ms"
    seconds = milliseconds / 1000
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {rest:.0f} s" if minutes else f"{seconds:.1f} s"


class Screen:
    """Draws lines over those that it drew before."""

    def __init__(self) -> None:
        self._drawn = 0

    def draw(self, lines: Sequence[str]) -> None:
        """Put lines where the last ones were; what is too wide is not wrapped."""
        up = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        sys.stdout.write(f"{up}\x1b[?7l" + "".join(f"{line}\n" for line in lines) + "\x1b[?7h")
        sys.stdout.flush()
        self._drawn = len(lines)


async def watched(console: Console, app: App, owner: Principal, run: str) -> str:
    """Follow a run to its end, and return its status; raise ExecutionNotFound."""
    if console.is_json or not console.is_terminal:
        return await _told(console, app, owner, run)
    record = await app.runs.find(owner, run)
    document = await app.stores.journal.document(record.tenant, record.run)
    planned = app.planner.look(document, app.workflows.limits(owner)) if document else None
    picture, screen = Picture(record.run, planned.plan if planned else None), Screen()
    drawing = asyncio.create_task(_draw(app, picture, screen))
    try:
        async with aclosing(app.streams.follow(owner, run)) as events:
            async for event in events:
                if event is not None:
                    picture.take(event)
    finally:
        drawing.cancel()
        screen.draw(picture.lines(app.clock.now(), _height()))
    return picture.status


async def _draw(app: App, picture: Picture, screen: Screen) -> None:
    while True:
        screen.draw(picture.lines(app.clock.now(), _height()))
        await asyncio.sleep(_DRAW_SECONDS)


def _height() -> int:
    return shutil.get_terminal_size().lines - 1


async def _told(console: Console, app: App, owner: Principal, run: str) -> str:
    """Print a line for each event: JSON, or words."""
    status = ""
    async with aclosing(app.streams.follow(owner, run)) as events:
        async for event in events:
            if event is None:
                continue
            data = _DECODE(event.data)
            if event.kind.startswith("run."):
                status = data["status"]
            if console.is_json:
                click.echo(msgspec.json.encode({"event": event.kind, "id": event.id, **data}))
            else:
                click.echo(readable(_words(event.kind, data)))
    return status


def _words(kind: str, data: Mapping[str, Any]) -> str:
    parts = [data["timestamp"], kind]
    if kind.startswith("run."):
        parts += [data["execution_id"], data["status"]]
        took = data["total_duration_ms"]
    else:
        turn = f"[{data['iteration']}]" if "iteration" in data else ""
        parts += [f"{data['operation_id']}{turn}", data.get("status", "")]
        took = data.get("duration_ms")
    if took is not None:
        parts.append(_duration(took))
    if "error" in data and "message" in data["error"]:
        parts.append(data["error"]["message"])
    return "  ".join(filter(None, parts))
