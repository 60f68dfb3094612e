"""Saved workflows put together: the verbs, running by name, and what queued runs ask for documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muelle.core import Clock, Ids
from muelle.identity import Acts, AuditTrail, Principal
from muelle.stores import Database
from muelle.workflows.runs import Resolved
from muelle.workflows.service import Workflows
from muelle.workflows.versions.by_name import NamedRuns
from muelle.workflows.versions.keeping import SavedParts
from muelle.workflows.versions.service import SavedWorkflows
from muelle.workflows.versions.settings import SavedSettings
from muelle.workflows.versions.store import SqlSavedStore


@dataclass(frozen=True, slots=True)
class SavedDoors:
    """The verbs; runs by name; what `Runs` asks when a run of a saved workflow begins."""

    workflows: SavedWorkflows
    runs: NamedRuns
    documents: "NamedDocuments"


class NamedDocuments:
    """Finds the document of a saved workflow for a principal who may run that name."""

    def __init__(self, runs: NamedRuns) -> None:
        self._runs = runs

    async def resolve(
        self,
        principal: Principal,
        name: str,
        version: str,
        inputs: Mapping[str, Any],
        kept_for: str | None = None,
    ) -> Resolved:
        """Return document, version and inputs; raises as `NamedRuns.prepare`.

        `kept_for` is the version that inputs were kept for, by a schedule or a trigger: they are migrated from there.
        """
        found = await self._runs.prepare(principal, name, version, inputs, kept_for=kept_for)
        return Resolved(document=found.document, version=found.release.version, inputs=found.inputs)


def open_saved(
    database: Database,
    workflows: Workflows,
    trail: AuditTrail,
    clock: Clock,
    ids: Ids,
    settings: SavedSettings,
) -> SavedDoors:
    """Return saved workflows on a database; nothing is started, and nothing needs to be closed."""
    acts = Acts(clock, ids)
    parts = SavedParts(
        store=SqlSavedStore(database),
        planner=workflows.planner,
        limits=workflows.limits,
        trail=trail,
        acts=acts,
        clock=clock,
        settings=settings,
    )
    saved = SavedWorkflows(parts)
    runs = NamedRuns(saved, workflows.run, trail, acts)
    return SavedDoors(saved, runs, NamedDocuments(runs))
