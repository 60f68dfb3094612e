"""What keeps the counts, as a port."""

from collections.abc import Sequence
from typing import Protocol

from muelle.resilience.limits.model import Charge, Decision


class Counts(Protocol):
    """Counts what was admitted, in this process or for all of them."""

    async def take(self, charges: Sequence[Charge]) -> Decision:
        """Admit and count one act under all charges together, or count nothing."""
        ...

    async def look(self, charges: Sequence[Charge]) -> Decision:
        """Return what `take` would decide, and count nothing."""
        ...

    async def give_back(self, decision: Decision) -> None:
        """Give back the places that an admitted act held among what is under way."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
