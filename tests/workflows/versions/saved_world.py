"""Saved workflows in memory or on a database, an author who may do everything, and documents to publish."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from muelle.core import Ids, ManualClock, PrincipalId, TenantId
from muelle.identity import Acts, AuditFilter, MemoryAuditTrail, Principal, Rule, Rules
from muelle.packs import Limits, find_packs
from muelle.workflows import Catalogue, Outcome, Planner, WorkflowsSettings
from muelle.workflows.operations.pack import BUILT_IN
from muelle.workflows.versions import SavedSettings
from muelle.workflows.versions.by_name import NamedRuns
from muelle.workflows.versions.keeping import SavedParts
from muelle.workflows.versions.memory import MemorySavedStore
from muelle.workflows.versions.model import Draft, Publication
from muelle.workflows.versions.service import SavedWorkflows
from muelle.workflows.versions.store import SavedStore

TENANT, OTHER = TenantId("default"), TenantId("other")
START = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = SavedSettings(max_workflows=3, max_versions=4, max_aliases=2, max_tags=2, schema_bytes=1_000)


def someone(*rules: tuple[str, str], tenant: TenantId = TENANT, name: str = "bot") -> Principal:
    """Return a principal with these grants."""
    return Principal(
        id=PrincipalId(f"agent_{name}"),
        kind="agent",
        name=name,
        tenant=tenant,
        rules=Rules(Rule(scope, pattern) for scope, pattern in rules),
    )


AUTHOR = someone(("*", "*"), name="author")


def document(*names: str, kind: str = "FormatText", workflow: str | None = None, **config: Any) -> bytes:
    """Return a document whose operations do alike: by default they write text in capitals."""
    config = config or {"inputPath": "/input/who", "format": "upper"}
    operations = [
        {"id": name, "operation": {kind: {**config, "outputPath": f"/workflow/{name}"}}} for name in names or ("hello",)
    ]
    named = {"workflowId": workflow} if workflow else {}
    return json.dumps({"operationUpdate": {**named, "operations": operations}}).encode()


def call(url: str, method: str = "GET", **config: Any) -> bytes:
    """Return a document that calls something."""
    return document("fetch", kind="ApiCall", method=method, url=url, **config)


def takes(*required: str, **properties: Any) -> dict[str, Any]:
    """Return a schema of inputs."""
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
NUMBER = {"type": "number"}


class FakeRuns:
    """Notes what was to be run; the outcome is whatever was set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes, Mapping[str, Any]]] = []
        self.outcome: Outcome | None = None

    async def __call__(
        self, principal: Principal, document: bytes, inputs: Mapping[str, Any] | None = None, *, request: str = ""
    ) -> Outcome:
        self.asked.append((principal.id, request, document, inputs or {}))
        assert self.outcome is not None
        return self.outcome


@dataclass
class World:
    """An installation's saved workflows."""

    saved: SavedWorkflows
    store: SavedStore
    runs: NamedRuns
    fake: FakeRuns
    trail: MemoryAuditTrail
    clock: ManualClock
    planner: Planner
    limits: Limits

    async def publish(
        self, version: str = "auto", body: bytes | None = None, *, by: Principal = AUTHOR, **fields: Any
    ) -> Publication:
        """Publish a version of `report`, or of another name."""
        name = fields.pop("name", "report")
        return await self.saved.publish(by, Draft(name=name, document=body or document(), version=version, **fields))

    async def published(self, *versions: str) -> None:
        """Publish versions that differ in nothing that a caller sees."""
        for number, version in enumerate(versions):
            await self.publish(version, document() + b" " * number)

    async def acts(self) -> list[tuple[str, str, str]]:
        """Return action, resource and decision of all acts, the newest first."""
        page = await self.trail.page(TENANT, AuditFilter(), 100)
        return [(act.action, act.resource, act.decision) for act in page.items]


def world_on(store: SavedStore, settings: SavedSettings = SMALL) -> World:
    clock, trail, fake = ManualClock(START), MemoryAuditTrail(), FakeRuns()
    acts = Acts(clock, Ids(clock))
    planner = Planner(Catalogue(find_packs((BUILT_IN,), ()).operations), WorkflowsSettings())
    limits = Limits()
    parts = SavedParts(
        store=store,
        planner=planner,
        limits=lambda _: limits,
        trail=trail,
        acts=acts,
        clock=clock,
        settings=settings,
    )
    saved = SavedWorkflows(parts)
    return World(saved, store, NamedRuns(saved, fake, trail, acts), fake, trail, clock, planner, limits)


def memory_world(settings: SavedSettings = SMALL) -> World:
    return world_on(MemorySavedStore(), settings)
