"""What a check may look at before the run: values that are written out, not references."""

from collections.abc import Mapping

from muelle.packs import Json

_BEGIN = ("/workflow/", "/config/", "/input/", "/loop/")
_INSIDE = ("{workflow/", "{config/", "{input/", "{loop/", "{/workflow/", "{/config/", "{/input/", "{/loop/")


def is_literal(value: Json) -> bool:
    """Return whether a value of a raw config stands for itself."""
    if isinstance(value, dict):
        return "path" not in value
    if not isinstance(value, str) or value.startswith(_BEGIN):
        return not isinstance(value, str)
    return "{" not in value or not any(start in value for start in _INSIDE)


def literal_text(config: Mapping[str, Json], name: str) -> str | None:
    """Return the text that a field of a raw config holds, or None if it is absent, a reference, or no text."""
    value = config.get(name)
    return value if isinstance(value, str) and is_literal(value) else None


def plain_text(config: Mapping[str, Json], name: str) -> str | None:
    """Return the text of a field in which references are never resolved, or None if it is absent or no text."""
    value = config.get(name)
    return value if isinstance(value, str) else None
