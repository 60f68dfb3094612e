"""What workflows offer to discovery: types of operations, and saved workflows."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from muelle.core import NotFound, TenantId
from muelle.identity import Principal
from muelle.memory import Entry, Found, Sight
from muelle.packs import schema_of
from muelle.workflows.plan import Catalogue
from muelle.workflows.versions.model import Head, Workflow
from muelle.workflows.versions.service import SavedWorkflows
from muelle.workflows.versions.store import SavedStore

_PAGE = 500
_BRIEF = 160
_SEEING = ("workflows:read", "workflows:run", "workflows:write")


class OperationSource:
    """The types of operations that documents can be made of. Who may use one sees it."""

    name = "operations"

    def __init__(self, catalogue: Catalogue) -> None:
        self._types = catalogue.types
        summaries = "\n".join(f"{name} {kind.permission} {kind.summary}" for name, kind in self._types.items())
        self._mark = hashlib.sha256(summaries.encode()).hexdigest()[:32]

    async def mark(self, tenant: TenantId) -> str:
        """Return a hash of the types: they are the same for all tenants, as long as the process runs."""
        del tenant
        return self._mark

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return all types of operations."""
        del tenant
        return [
            Entry(
                kind="operation",
                id=name,
                title=name,
                body=f"{kind.summary} {' '.join(schema_of(kind).get('properties', ()))}",
                sights=(Sight(kind.permission, name),),
            )
            for name, kind in self._types.items()
        ]

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return a type with its schema, with the names of its fields, or with its summary alone."""
        kind = self._types.get(entry.id)
        if kind is None or not principal.may(kind.permission, kind.name):
            return ()
        schema = schema_of(kind)
        fields = outline(schema)
        short = {"summary": kind.summary}
        return [
            {**short, "schema": schema},
            {**short, "fields": fields, "example": dict(kind.example)},
            {**short, "fields": fields},
            short,
        ]


class WorkflowSource:
    """Saved workflows. Who may read, run or publish under a name sees it."""

    name = "workflows"

    def __init__(self, store: SavedStore, saved: SavedWorkflows) -> None:
        self._store = store
        self._saved = saved

    async def mark(self, tenant: TenantId) -> str:
        """Return a hash of all revisions."""
        heads = await self._heads(tenant)
        return hashlib.sha256("\n".join(f"{head.name} {head.revision}" for head in heads).encode()).hexdigest()[:32]

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return all saved workflows by their descriptions."""
        return [
            Entry(
                kind="workflow",
                id=head.name,
                title=head.name,
                body=head.description,
                tags=head.tags,
                sights=tuple(Sight(scope, head.name) for scope in _SEEING),
            )
            for head in await self._heads(tenant)
        ]

    async def _heads(self, tenant: TenantId) -> list[Head]:
        heads: list[Head] = []
        after = ""
        while page := await self._store.page(tenant, "", after, _PAGE):
            heads += page
            after = page[-1].name
            if len(page) < _PAGE:
                break
        return heads

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return a workflow with the schemas of its newest version, with their outlines, or without."""
        try:
            workflow = await self._saved.show(principal, entry.id)
        except NotFound:
            return ()
        content = await self._newest(workflow)
        short = {"description": workflow.head.description[:_BRIEF], "tags": list(workflow.head.tags)}
        if content is None:
            return [short]
        version, inputs, outputs = content
        told = {"description": workflow.head.description, "tags": list(workflow.head.tags), "version": version}
        schemas = {"input_schema": inputs, "output_schema": outputs}
        full = {name: schema for name, schema in schemas.items() if schema is not None}
        if not full:
            return [told, short]
        return [{**told, **full}, {**told, "inputs": outline(inputs or {})}, short]

    async def _newest(self, workflow: Workflow) -> tuple[str, Any, Any] | None:
        """Return version and schemas of the newest version that may be run."""
        for release in workflow.releases:
            if release.status != "withdrawn":
                content = await self._store.content(workflow.head.tenant, workflow.head.name, release.version)
                return None if content is None else (release.version, content.input_schema, content.output_schema)
        return None


def outline(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an object's schema with their types; `*` marks what is required."""
    required = schema.get("required") or ()
    return {
        f"{name}*" if name in required else name: _type(field)
        for name, field in (schema.get("properties") or {}).items()
    }


def _type(field: Any) -> str:  # noqa: ANN401 - any JSON Schema
    if not isinstance(field, Mapping):
        return "any"
    if field.get("enum"):
        return "|".join(str(each) for each in list(field["enum"])[:10])
    kind = field.get("type", "any")
    return "|".join(kind) if isinstance(kind, list) else str(kind)
