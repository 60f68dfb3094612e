"""What the verbs on saved workflows share: permission first, then change and act; pages; trying again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from muelle.core import Clock, Invalid
from muelle.identity import Acts, AuditTrail, Page, Principal, Refused
from muelle.packs import Limits
from muelle.stores import ConstraintViolated
from muelle.workflows.planner import Planner
from muelle.workflows.versions.errors import WorkflowChanged, WorkflowNotFound
from muelle.workflows.versions.model import Entry, Head, Workflow
from muelle.workflows.versions.settings import SavedSettings
from muelle.workflows.versions.store import SavedStore, Write

T = TypeVar("T")
MAX_PAGE = 500
_ATTEMPTS = 5
_SEEING = ("workflows:read", "workflows:write", "workflows:run")


class InvalidPlace(Invalid):
    """A page of saved workflows has 1 to 500 items, and begins where the page before said."""

    code = "invalid_page_of_workflows"
    suggestions = ("Give a limit of 1 to 500, and as cursor the next_cursor of the page before.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedParts:
    """What saved workflows are made of; `limits` tells which bounds hold for a principal."""

    store: SavedStore
    planner: Planner
    limits: Callable[[Principal], Limits]
    trail: AuditTrail
    acts: Acts
    clock: Clock
    settings: SavedSettings = field(default_factory=SavedSettings)


@dataclass(frozen=True, slots=True)
class Request:
    """An act about to be decided: who, what (`workflows.publish`), on which workflow, in which request."""

    actor: Principal
    action: str
    name: str
    id: str = ""


Attempt = Callable[[Workflow | None, int], Awaitable[tuple[T, Write | None]]]


class Keeping:
    """Reads and changes saved workflows for principals who may, and records what they did or tried."""

    def __init__(self, parts: SavedParts) -> None:
        self._parts = parts

    async def permit(self, asked: Request, scope: str = "workflows:write") -> None:
        """Raise Refused, and record it, unless the actor may do so."""
        if not asked.actor.may(scope, asked.name):
            act = self._parts.acts.refused(
                asked.actor, asked.action, asked.name[:200], request=asked.id, detail=f"refused scope={scope}"
            )
            await self._parts.trail.record([act])
            raise Refused(scope=scope, resource=asked.name[:200])

    async def change(self, asked: Request, attempt: Attempt[T]) -> T:
        """Do what an attempt decides from the present state; try again where others were faster.

        An attempt gets the workflow, if there is one, and the revision that its change will be.
        """
        await self.permit(asked)
        tenant, name = asked.actor.tenant, asked.name
        for _ in range(_ATTEMPTS):
            workflow = await self._parts.store.find(tenant, name)
            last = workflow.head.revision if workflow else await self._parts.store.revision(tenant, name)
            result, write = await attempt(workflow, last + 1)
            if write is None:
                return result
            try:
                await self._parts.store.write(write)
            except ConstraintViolated:
                continue  # somebody else took the revision: what was decided may be wrong by now
            detail = " ".join(filter(None, (write.entry.version, write.entry.detail)))
            act = self._parts.acts.allowed(asked.actor, asked.action, name, request=asked.id, detail=detail)
            await self._parts.trail.record([act])
            return result
        raise WorkflowChanged(workflow=name)

    async def seen(self, asked: Request) -> Workflow:
        """Return a workflow that the actor may see; raise WorkflowNotFound."""
        workflow = None
        if is_visible(asked.actor, asked.name):
            workflow = await self._parts.store.find(asked.actor.tenant, asked.name)
        return self.present(workflow, asked)

    def present(self, workflow: Workflow | None, asked: Request) -> Workflow:
        """Return a workflow that is there; raise WorkflowNotFound."""
        if workflow is None:
            raise WorkflowNotFound(workflow=asked.name[:100])
        return workflow

    async def page(self, actor: Principal, search: str, limit: int, cursor: str | None) -> Page[Head]:
        """Return up to `limit` workflows after the one that the cursor names."""
        _checked_page(limit, cursor)
        found: list[Head] = []
        after = cursor or ""
        while len(found) <= limit:
            heads = await self._parts.store.page(actor.tenant, search.casefold()[:200], after, MAX_PAGE)
            found += [head for head in heads if is_visible(actor, head.name)]
            if len(heads) < MAX_PAGE:
                break
            after = heads[-1].name
        return Page(tuple(found[:limit]), found[limit - 1].name if len(found) > limit else None)

    async def history(self, actor: Principal, name: str, limit: int, cursor: str | None) -> Page[Entry]:
        """Return up to `limit` changes before the one that the cursor names."""
        _checked_page(limit, cursor)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
            raise InvalidPlace(field="cursor")
        before = None if cursor is None else int(cursor[:18])
        entries = await self._parts.store.history(actor.tenant, name, limit + 1, before)
        more = str(entries[limit - 1].revision) if len(entries) > limit else None
        return Page(tuple(entries[:limit]), more)


def is_visible(actor: Principal, name: str) -> bool:
    """Tell whether a principal may see that there is a workflow of that name."""
    return any(actor.may(scope, name) for scope in _SEEING)


def _checked_page(limit: int, cursor: str | None) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidPlace(field="limit", value=limit, largest=MAX_PAGE)
    if cursor is not None and (len(cursor) > 100 or not cursor.isascii() or not cursor.isprintable()):  # noqa: PLR2004 - a name's length
        raise InvalidPlace(field="cursor")
