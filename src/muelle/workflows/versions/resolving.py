"""From a name, a range and inputs to what is run: the hot path of saved workflows."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from muelle.core import Clock, TenantId
from muelle.workflows.versions.errors import (
    InputsNotMigrated,
    InputsRefused,
    VersionNotFound,
    WorkflowNotFound,
)
from muelle.workflows.versions.migrations import Stop, migrate, route
from muelle.workflows.versions.model import Content, Release, Resolved, Workflow, as_planned
from muelle.workflows.versions.schemas import faults_of, with_defaults
from muelle.workflows.versions.semver import read_version
from muelle.workflows.versions.settings import SavedSettings
from muelle.workflows.versions.store import SavedStore

_Key = tuple[TenantId, str, str, datetime]
_MOST_WORDS = 50  # of one workflow: versions, ranges, aliases


class Resolving:
    """Finds versions and makes inputs fit. Contents never change, so they are kept, the least used first out."""

    def __init__(self, store: SavedStore, clock: Clock, settings: SavedSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._kept: OrderedDict[_Key, Content] = OrderedDict()
        self._bytes = 0
        self._known: OrderedDict[tuple[TenantId, str], _Known] = OrderedDict()

    async def resolve(
        self, tenant: TenantId, name: str, wanted: str, inputs: Mapping[str, Any] | None, kept_for: str | None
    ) -> Resolved:
        """Return what is to be run; raises as `SavedWorkflows.resolve`."""
        known = await self._seek(tenant, name)
        workflow, release = known.workflow, known.choose(wanted, self._clock.now())
        content = await self.content(tenant, name, release)
        given, migrated = dict(inputs or {}), list[str]()
        if kept_for is not None and read_version(kept_for) == release.number:
            kept_for = None
        if kept_for is not None:
            given, migrated = await self._migrated(tenant, workflow, release, given, kept_for)
        return Resolved(
            workflow=name,
            release=release,
            content=content,
            document=as_planned(content, name, release.plan),
            inputs=_accepted(content, given, name, release, kept_for),
            migrated=tuple(migrated),
        )

    async def _seek(self, tenant: TenantId, name: str) -> "_Known":
        """Return a workflow, read again only if it changed: its head is short, its releases may be many."""
        head = await self._store.head(tenant, name)
        if head is None:
            raise WorkflowNotFound(workflow=name[:100])
        known = self._known.get((tenant, name))
        if known is None or known.workflow.head.revision != head.revision:
            workflow = await self._store.find(tenant, name)
            if workflow is None:
                raise WorkflowNotFound(workflow=name[:100])
            known = self._known[tenant, name] = _Known(workflow)
            while len(self._known) > self._settings.kept_entries:
                self._known.popitem(last=False)
        return known

    async def content(self, tenant: TenantId, name: str, release: Release) -> Content:
        """Return what was published; raise VersionNotFound if it was removed meanwhile."""
        key = (tenant, name, release.version, release.created)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        content = await self._store.content(tenant, name, release.version)
        if content is None:
            raise VersionNotFound(workflow=name, version=release.version)
        self._keep(key, content)
        return content

    def _keep(self, key: _Key, content: Content) -> None:
        if key not in self._kept:  # it may be, if two asked for it at once
            self._bytes += len(content.document)
        self._kept[key] = content
        while len(self._kept) > self._settings.kept_entries or self._bytes > self._settings.kept_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped.document)

    async def _migrated(
        self, tenant: TenantId, workflow: Workflow, release: Release, inputs: dict[str, Any], kept_for: str
    ) -> tuple[dict[str, Any], list[str]]:
        """Bring inputs from one version to another by what those between say; as they are where nobody says anything.

        A version that was withdrawn still says what became of inputs.
        """
        start, goal = read_version(kept_for), release.number
        stops = []
        for each in workflow.releases if start < goal else ():
            if start < each.number <= goal:
                content = await self.content(tenant, workflow.head.name, each)
                if content.migrate_inputs:
                    stops.append(Stop(each.number, content.migrate_inputs))
        migrated = []
        for version, steps in route(start, goal, stops) or ():
            inputs = migrate(inputs, steps, str(version))
            migrated.append(str(version))
        return inputs, migrated


class _Known:
    """A workflow as it was read, and which release each word meant; not where a sunset may change that by itself."""

    __slots__ = ("_chosen", "_is_lasting", "workflow")

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self._is_lasting = all(release.sunset is None for release in workflow.releases)
        self._chosen: dict[str, Release] = {}

    def choose(self, wanted: str, now: datetime) -> Release:
        found = self._chosen.get(wanted)
        if found is None:
            found = self.workflow.choose(wanted, now)
            if self._is_lasting and len(self._chosen) < _MOST_WORDS:
                self._chosen[wanted] = found
        return found


def _accepted(
    content: Content, inputs: dict[str, Any], name: str, release: Release, kept_for: str | None
) -> dict[str, Any]:
    """Return inputs with defaults; raise InputsRefused, or InputsNotMigrated for those of an older version."""
    schema = content.input_schema
    if schema is None:
        return inputs
    issues = sorted(faults_of(schema, inputs), key=lambda issue: str(issue["path"]))
    if not issues:
        return with_defaults(schema, inputs)
    facts = {"workflow": name, "version": release.version, "field": issues[0]["path"], "issues": issues}
    if kept_for is not None:
        raise InputsNotMigrated(
            f"Inputs kept for {kept_for} do not fit: {issues[0]['message']}", kept_for=kept_for, **facts
        )
    raise InputsRefused(f"The workflow does not take these inputs: {issues[0]['message']}", **facts)
