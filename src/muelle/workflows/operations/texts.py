"""Values as text, and how long a text may grow."""

from muelle.packs import Json, Limits
from muelle.workflows.operations.errors import ResultTooLarge


def text_of(value: Json) -> str:
    """Return the value as A2E writes it into text: text as it is, anything else as Python's str() does."""
    return value if type(value) is str else str(value)


def bounded(text: str, limits: Limits) -> str:
    """Return the text; raise ResultTooLarge if it is longer than the data model may be."""
    afford_length(len(text), limits)
    return text


def afford_length(length: int, limits: Limits) -> None:
    """Raise ResultTooLarge if a result of `length` characters cannot be stored."""
    if length > limits.data_bytes:
        raise ResultTooLarge(limit=limits.data_bytes, length=length)
