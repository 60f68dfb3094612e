"""What is handed in to run a saved workflow, as it is kept until the run begins."""

from typing import Any

import msgspec


class NamedPayload(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed in to run a saved workflow; `muelle_depth` is what `depth` is about.

    `inputs_version` is the version that the inputs were kept for.
    """

    workflow: str
    version: str = "latest"
    inputs: dict[str, Any] = {}
    muelle_depth: int = 0
    inputs_version: str | None = None
