"""The verbs on saved workflows: publish, look, alias, roll back, deprecate, withdraw, resolve."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from muelle.core import TenantId
from muelle.identity import Page, Principal
from muelle.workflows.issues import InvalidDocument, as_dict
from muelle.workflows.versions.compatibility import compare
from muelle.workflows.versions.difference import Difference, difference
from muelle.workflows.versions.errors import (
    AliasNotFound,
    InvalidSunset,
    NothingToRollBackTo,
    TooManyWorkflows,
    VersionExists,
    VersionNotFound,
    WorkflowInUse,
)
from muelle.workflows.versions.keeping import Keeping, Request, SavedParts
from muelle.workflows.versions.migrations import read_migrations
from muelle.workflows.versions.model import (
    AUTO,
    LATEST,
    STABLE,
    Content,
    Draft,
    Entry,
    Head,
    Publication,
    Release,
    Resolved,
    Workflow,
    checked_alias,
    checked_name,
    checked_tags,
    checked_text,
    runnable,
)
from muelle.workflows.versions.needs import needs_of
from muelle.workflows.versions.publishing import base_of, decided, past_version, with_status, without_alias
from muelle.workflows.versions.resolving import Resolving
from muelle.workflows.versions.schemas import input_schema, output_schema
from muelle.workflows.versions.semver import read_version
from muelle.workflows.versions.store import Write

_MOST_PAST = 50


class SavedWorkflows:
    """The saved workflows of all tenants.

    To publish and change takes `workflows:write` on the name; to look, that, `workflows:read` or `workflows:run`.
    """

    def __init__(self, parts: SavedParts) -> None:
        self._parts = parts
        self._keeping = Keeping(parts)
        self._resolving = Resolving(parts.store, parts.clock, parts.settings)

    async def publish(
        self, actor: Principal, draft: Draft, *, is_rehearsal: bool = False, request: str = ""
    ) -> Publication:
        """Publish a version for good, the first one with the workflow itself; a rehearsal tells only what would be.

        What was published before under that version, or last where it is `auto`, is returned and not published again.
        Raises Refused, InvalidDocument, InvalidSchema, InvalidMigration, InvalidVersion, VersionExists, BumpTooSmall,
        TooManyWorkflows, WorkflowChanged and what is wrong with names and texts.
        """
        asked = Request(actor, "workflows.publish", checked_name(draft.name), request)
        await self._keeping.permit(asked)
        content, plan, warnings = await self._content(actor, draft)
        checked_text(draft.note, "note")

        async def attempt(workflow: Workflow | None, revision: int) -> tuple[Publication, Write | None]:
            publication = await self._publication(actor, draft, content, workflow, plan)
            publication = msgspec.structs.replace(publication, warnings=warnings)
            if not publication.is_new or is_rehearsal:
                return publication, None
            if workflow is None and await self._parts.store.count(actor.tenant) >= self._parts.settings.max_workflows:
                raise TooManyWorkflows(
                    limit=self._parts.settings.max_workflows, setting="workflows.saved.max_workflows"
                )
            return publication, self._published(actor, draft, workflow, publication, revision)

        return await self._keeping.change(asked, attempt)

    async def _content(self, actor: Principal, draft: Draft) -> tuple[Content, str, tuple[dict[str, Any], ...]]:
        """Return what would be published, checked, the hash of its plan, and advice on it."""
        limits = self._parts.limits(actor)
        planned = await self._parts.planner.seek(draft.document, limits)
        if planned.plan is not None and planned.plan.workflow != draft.name:
            planned = await self._parts.planner.seek(
                runnable(draft.document, draft.name, planned.plan.workflow), limits
            )
        plan = planned.plan
        if plan is None:
            raise InvalidDocument(planned.issues)
        most = self._parts.settings.schema_bytes
        inputs = None if draft.input_schema is None else dict(input_schema(draft.input_schema, most))
        outputs = None if draft.output_schema is None else dict(output_schema(draft.output_schema, most, plan.nodes))
        content = Content(
            document=draft.document,
            input_schema=inputs,
            output_schema=outputs,
            migrate_inputs=read_migrations(draft.migrate_inputs),
            needs=needs_of(plan),
        )
        return content, plan.hash, tuple(map(as_dict, planned.issues))

    async def _publication(
        self, actor: Principal, draft: Draft, content: Content, workflow: Workflow | None, plan: str
    ) -> Publication:
        name, tenant = draft.name, actor.tenant
        present = workflow.find(draft.version) if workflow and draft.version != AUTO else None
        base = base_of(workflow, draft.version)
        near = present or base
        old = None if near is None else await self._resolving.content(tenant, name, near)
        if near and old and content.is_like(old) and (present or draft.version == AUTO):
            return Publication(release=near, content=old, base=near.version, changes=(), warnings=(), is_new=False)
        if present is not None:
            raise VersionExists(workflow=name, version=present.version)
        changes = compare(old.contract, content.contract) if old else ()
        if workflow and len(workflow.releases) >= self._parts.settings.max_versions:
            raise TooManyWorkflows(limit=self._parts.settings.max_versions, setting="workflows.saved.max_versions")
        now = self._parts.clock.now()
        release = Release(
            version=str(decided(workflow, base, draft.version, changes)),
            plan=plan,
            note=draft.note,
            created=now,
            created_by=actor.id,
            status_at=now,
        )
        return Publication(
            release=release,
            content=content,
            base=base.version if base else None,
            changes=changes,
            warnings=(),
            is_new=True,
        )

    def _published(
        self, actor: Principal, draft: Draft, workflow: Workflow | None, publication: Publication, revision: int
    ) -> Write:
        release, now = publication.release, self._parts.clock.now()
        head = workflow.head if workflow else Head(
            tenant=actor.tenant, name=draft.name, created=now, created_by=actor.id, updated=now
        )  # fmt: skip
        highest = workflow.releases[0].number if workflow and workflow.releases else None
        if workflow and release.number.is_stable and (highest is None or release.number > highest):
            aliases, past = without_alias(workflow, LATEST)  # what was pinned is overtaken
            head = msgspec.structs.replace(head, aliases=aliases, past=past)
        entry = Entry(
            revision=revision, at=now, by=actor.id, action="publish", version=release.version, detail=draft.note
        )
        head = msgspec.structs.replace(self._described(head, draft), updated=now, revision=revision)
        return Write(head=head, entry=entry, published=(release, publication.content))

    def _described(self, head: Head, draft: Draft) -> Head:
        description = head.description if draft.description is None else checked_text(draft.description, "description")
        tags = head.tags if draft.tags is None else checked_tags(draft.tags, self._parts.settings.max_tags)
        return msgspec.structs.replace(head, description=description, tags=tags)

    async def list(self, actor: Principal, search: str = "", limit: int = 50, cursor: str | None = None) -> Page[Head]:
        """Return the workflows that the actor may see and in which a text is found, by name; raise InvalidLimit."""
        return await self._keeping.page(actor, search, limit, cursor)

    async def show(self, actor: Principal, name: str, *, request: str = "") -> Workflow:
        """Return a workflow with its releases, the highest first; raise WorkflowNotFound."""
        return await self._keeping.seen(Request(actor, "workflows.show", name, request))

    async def version(
        self, actor: Principal, name: str, wanted: str = "", *, request: str = ""
    ) -> tuple[Release, Content]:
        """Return a version by number, range or alias, also a withdrawn one by its number.

        Raises WorkflowNotFound, InvalidRange, AliasNotFound, VersionNotFound or VersionWithdrawn.
        """
        workflow = await self.show(actor, name, request=request)
        release = self._named(workflow, wanted)
        return release, await self._resolving.content(actor.tenant, name, release)

    async def diff(self, actor: Principal, name: str, old: str, new: str, *, request: str = "") -> Difference:
        """Return what leads from one version to another; raises as `version`."""
        before, first = await self.version(actor, name, old, request=request)
        after, second = await self.version(actor, name, new, request=request)
        return difference(first, second, (f"{name} {before.version}", f"{name} {after.version}"))

    async def history(
        self, actor: Principal, name: str, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Entry]:
        """Return what became of a workflow, the newest first; raise WorkflowNotFound or InvalidLimit."""
        await self.show(actor, name, request=request)
        return await self._keeping.history(actor, name, limit, cursor)

    async def describe(
        self,
        actor: Principal,
        name: str,
        *,
        description: str | None = None,
        tags: tuple[str, ...] | None = None,
        request: str = "",
    ) -> None:
        """Say otherwise what a workflow is for; what is None stays. Raises Refused, WorkflowNotFound, InvalidDetail."""
        words = Draft(name=name, document=b"", description=description, tags=tags)

        def decide(workflow: Workflow) -> tuple[Head, str, str]:
            return self._described(workflow.head, words), "", ""

        await self._rehead(Request(actor, "workflows.describe", name, request), decide)

    async def set_alias(
        self, actor: Principal, name: str, alias: str, wanted: str, *, request: str = ""
    ) -> tuple[str, str]:
        """Let an alias mean a version from now on; return it and the version. `latest` stays until one is published.

        Raises Refused, WorkflowNotFound, InvalidAlias, TooManyWorkflows and as `version`.
        """
        checked_alias(alias)

        def decide(workflow: Workflow) -> tuple[Head, str, str]:
            release = workflow.choose(wanted, self._parts.clock.now())
            head = workflow.head
            if alias not in head.aliases and len(head.aliases) >= self._parts.settings.max_aliases:
                raise TooManyWorkflows(limit=self._parts.settings.max_aliases, setting="workflows.saved.max_aliases")
            past = head.past.get(alias, [])
            if alias in head.aliases and head.aliases[alias] != release.version:
                past = [*past, head.aliases[alias]][-_MOST_PAST:]
            aliases = {**head.aliases, alias: release.version}
            return (
                msgspec.structs.replace(head, aliases=aliases, past={**head.past, alias: past}),
                release.version,
                alias,
            )

        version = await self._rehead(Request(actor, "workflows.alias", name, request), decide)
        return alias, version

    async def remove_alias(self, actor: Principal, name: str, alias: str, *, request: str = "") -> None:
        """Take an alias away; `latest` is then the highest version again. Raises Refused, AliasNotFound."""

        def decide(workflow: Workflow) -> tuple[Head, str, str]:
            if alias not in workflow.head.aliases:
                raise AliasNotFound(workflow=name, alias=alias[:100], known=sorted(workflow.head.aliases))
            aliases, past = without_alias(workflow, alias)
            return msgspec.structs.replace(workflow.head, aliases=aliases, past=past), "", alias

        await self._rehead(Request(actor, "workflows.unalias", name, request), decide)

    async def rollback(
        self, actor: Principal, name: str, alias: str | None = None, *, request: str = ""
    ) -> tuple[str, str]:
        """Move an alias back to where it stood before; by itself `stable`, where it is set, else `latest`.

        Return alias and version. Again, it goes further back. Raises Refused, WorkflowNotFound, NothingToRollBackTo.
        """
        moved = ""

        def decide(workflow: Workflow) -> tuple[Head, str, str]:
            nonlocal moved
            moved = alias or (STABLE if STABLE in workflow.head.aliases else LATEST)
            target = past_version(workflow, moved, self._parts.clock.now())
            if target is None:
                raise NothingToRollBackTo(workflow=name, alias=moved)
            version, past = target
            head = workflow.head
            aliases, pasts = {**head.aliases, moved: version}, {**head.past, moved: past}
            return msgspec.structs.replace(head, aliases=aliases, past=pasts), version, moved

        version = await self._rehead(Request(actor, "workflows.rollback", name, request), decide)
        return moved, version

    async def _rehead(self, asked: Request, decide: Callable[[Workflow], tuple[Head, str, str]]) -> str:
        async def attempt(workflow: Workflow | None, revision: int) -> tuple[str, Write | None]:
            head, version, alias = decide(self._keeping.present(workflow, asked))
            return version, self._write(asked, head, revision, version, alias)

        return await self._keeping.change(asked, attempt)

    def _write(self, asked: Request, head: Head, revision: int, version: str, detail: str) -> Write:
        now = self._parts.clock.now()
        action = asked.action.removeprefix("workflows.")
        entry = Entry(revision=revision, at=now, by=asked.actor.id, action=action, version=version, detail=detail)
        return Write(head=msgspec.structs.replace(head, updated=now, revision=revision), entry=entry)

    async def deprecate(
        self,
        actor: Principal,
        name: str,
        version: str,
        *,
        message: str = "",
        sunset: datetime | None = None,
        request: str = "",
    ) -> Release:
        """Advise against a version; from its sunset on it counts as withdrawn.

        Raises Refused, WorkflowNotFound, VersionNotFound, InvalidDetail or InvalidSunset.
        """
        now = self._parts.clock.now()
        if sunset is not None and (sunset.tzinfo is None or sunset <= now):
            raise InvalidSunset(field="sunset", value=sunset.isoformat())
        asked = Request(actor, "workflows.deprecate", name, request)
        return await self._mark(asked, version, "deprecated", message, sunset)

    async def withdraw(
        self, actor: Principal, name: str, version: str, *, message: str = "", request: str = ""
    ) -> Release:
        """Let nobody run a version any more, nor anything that only it would do for; raises as `deprecate`."""
        return await self._mark(Request(actor, "workflows.withdraw", name, request), version, "withdrawn", message)

    async def restore(self, actor: Principal, name: str, version: str, *, request: str = "") -> Release:
        """Take deprecation or withdrawal back; raises as `deprecate`."""
        return await self._mark(Request(actor, "workflows.restore", name, request), version, "published", "")

    async def _mark(
        self, asked: Request, version: str, status: str, message: str, sunset: datetime | None = None
    ) -> Release:
        checked_text(message, "message")

        async def attempt(workflow: Workflow | None, revision: int) -> tuple[Release, Write | None]:
            workflow = self._keeping.present(workflow, asked)
            release = self._exact(workflow, version)
            now = self._parts.clock.now()
            marked = with_status(release, now, status=status, message=message, sunset=sunset)
            write = self._write(asked, workflow.head, revision, release.version, message)
            return marked, msgspec.structs.replace(write, changed=marked)

        return await self._keeping.change(asked, attempt)

    async def remove(self, actor: Principal, name: str, *, request: str = "") -> None:
        """Take a workflow away whose versions are all withdrawn; its runs and its history stay.

        Raises Refused, WorkflowNotFound or WorkflowInUse.
        """
        asked = Request(actor, "workflows.remove", name, request)

        async def attempt(workflow: Workflow | None, revision: int) -> tuple[None, Write | None]:
            workflow = self._keeping.present(workflow, asked)
            now = self._parts.clock.now()
            usable = [release.version for release in workflow.releases if release.is_usable(now)]
            if usable:
                raise WorkflowInUse(workflow=name, versions=usable[:10])
            write = self._write(asked, workflow.head, revision, "", "")
            return None, msgspec.structs.replace(write, is_removal=True)

        await self._keeping.change(asked, attempt)

    async def resolve(
        self,
        tenant: TenantId,
        name: str,
        wanted: str = "",
        inputs: Mapping[str, Any] | None = None,
        kept_for: str | None = None,
    ) -> Resolved:
        """Return the version that is meant, the document to run, and inputs that it takes, with defaults.

        `kept_for` is the version that the inputs were made for, if they were kept: they are migrated from there.
        Whether somebody may run it is for the caller to ask. Raises WorkflowNotFound, InvalidRange, AliasNotFound,
        VersionNotFound, VersionWithdrawn, InputsRefused or InputsNotMigrated.
        """
        return await self._resolving.resolve(tenant, name, wanted, inputs, kept_for)

    def _named(self, workflow: Workflow, wanted: str) -> Release:
        exact = _found(workflow, wanted)
        return exact or workflow.choose(wanted, self._parts.clock.now())

    def _exact(self, workflow: Workflow, version: str) -> Release:
        read_version(version)
        release = workflow.find(version)
        if release is None:
            raise VersionNotFound(workflow=workflow.head.name, version=version)
        return release


def _found(workflow: Workflow, wanted: str) -> Release | None:
    return next((release for release in workflow.releases if release.version == wanted), None)
