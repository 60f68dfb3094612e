"""Server-sent events of a run, read without input or output: bytes in, events out.

https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as Muelle speaks it.
"""

import json
from collections.abc import Iterator

from muelle_client.errors import UnexpectedAnswer
from muelle_client.results import as_object
from muelle_client.standing import RunEvent

ENDS = frozenset({"run.finished", "run.dead"})
CLOSED = "stream.closed"


class EventReader:
    """Reads one stream; a new connection needs a new one. Lines end with a line feed, and with nothing else."""

    def __init__(self) -> None:
        self._left = b""
        self._fields: dict[str, str] = {}

    def feed(self, received: bytes) -> Iterator[RunEvent]:
        """Yield the events that are whole by now; raise UnexpectedAnswer for what is no event of a run."""
        *lines, self._left = (self._left + received).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            if not text and "event" in self._fields:
                yield self._event()
            if not text:
                self._fields = {}
            elif not text.startswith(":"):
                name, _, value = text.partition(":")
                value = value.removeprefix(" ")
                more = name == "data" and name in self._fields
                self._fields[name] = f"{self._fields[name]}\n{value}" if more else value

    def _event(self) -> RunEvent:
        number = self._fields.get("id", "")
        try:
            data = as_object(json.loads(self._fields.get("data", "")), "an event")
        except ValueError:
            raise UnexpectedAnswer("An event of the run is no JSON; is the URL that of a Muelle?") from None
        return RunEvent(kind=self._fields["event"], id=int(number) if number.isdigit() else None, data=data)


class Following:
    """Where somebody stands who follows a run over connections that break: what to ask for, and when it is over."""

    def __init__(self, after: int | None) -> None:
        self.after = after
        self.is_over = False
        self.failures = 0

    def take(self, event: RunEvent) -> bool:
        """Note that an event came; return whether it is one of the run, and not of the connection."""
        if event.kind == CLOSED:
            return False
        self.failures = 0
        if event.id is not None:
            self.after = event.id
        self.is_over = event.kind in ENDS
        return True
