"""The journal's port."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from muelle.core import RunId, TenantId
from muelle.engine.model import Entry, Past, RunFilter, RunPage, RunRecord, StepFinished


class Journal(Protocol):
    """The append-only record of runs and steps. Everything that is read is read for one tenant."""

    def append(self, entries: Sequence[Entry], *, flush: bool = True, lease: str | None = None) -> Awaitable[None]:
        """Queue entries of one run at once; awaiting the result returns once all of them are durable, or none.

        Without `flush` they need only survive a crash of this process, not of the machine.
        With `lease`, the id of a worker, they are refused if it is not alive any more (see `durable`); then a run that
        begins here and does not end is held by it, and a run that ends here leaves the queue.
        Appending an entry again changes nothing.
        """
        ...

    async def runs(self, tenant: TenantId, where: RunFilter, limit: int, cursor: str | None = None) -> RunPage:
        """Return runs, newest first; raise InvalidCursor for a cursor that did not come from here."""
        ...

    async def run(self, tenant: TenantId, run: RunId) -> RunRecord | None:
        """Return one run, or None if the tenant has no such run."""
        ...

    async def past(self, tenant: TenantId, run: RunId, since: int = 0) -> tuple[Past, ...]:
        """Return what the run remembers, in order, from the entry `since` on."""
        ...

    async def steps(self, tenant: TenantId, run: RunId) -> tuple[StepFinished, ...]:
        """Return the run's steps in the order of their sequence."""
        ...

    async def document(self, tenant: TenantId, run: RunId) -> bytes | None:
        """Return the document that the run was planned from."""
        ...

    async def inputs(self, tenant: TenantId, run: RunId) -> bytes | None:
        """Return the inputs, or the payload, that the run was given."""
        ...
