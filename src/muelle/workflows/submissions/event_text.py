"""Events of a run as the text that browsers read: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from muelle.workflows.submissions.streams import RunEvent

_RETRY_MS = 2000
OPENING = b"retry: %d\n\n" % _RETRY_MS
"""What a stream begins with: how long a client waits before it asks again."""
_BEAT = b": still here\n\n"


def event_text(event: RunEvent | None) -> bytes:
    """Return an event, or for None a comment that keeps the connection alive."""
    if event is None:
        return _BEAT
    number = b"" if event.id is None else b"id: %d\n" % event.id
    data = event.data.replace(b"\r", b"").replace(b"\n", b"\ndata: ")  # JSON has them between its parts alone
    return b"event: %s\n%sdata: %s\n\n" % (event.kind.encode(), number, data)
