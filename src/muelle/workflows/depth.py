"""How many runs led to an event by events, so that no chain of them goes on without end."""

from typing import Final

from muelle.packs import Json

DEPTH: Final = "muelle_depth"
"""The member of an event's data that says how many runs led there by events; a run's payload has the same member.

Whatever raises events for a run is to put the payload's number into their data, over what the document says.
"""


def with_depth(data: Json, depth: int) -> Json:
    """Return an event's data with the depth of the run that raises it."""
    if not isinstance(data, dict):
        return data
    return {**{key: value for key, value in data.items() if key != DEPTH}, **({DEPTH: depth} if depth else {})}
