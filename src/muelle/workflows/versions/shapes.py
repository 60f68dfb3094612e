"""What the HTTP routes of saved workflows take and give. The OpenAPI document is made from these types."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.workflows.requests import ExecuteRequest
from muelle.workflows.versions.compatibility import Change, Weight
from muelle.workflows.versions.difference import Difference, Edit
from muelle.workflows.versions.model import (
    AUTO,
    LONGEST_TEXT,
    Content,
    Draft,
    Entry,
    Head,
    Publication,
    Release,
    Status,
    Workflow,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
_OPEN: dict[str, Any] = {"type": "object"}

Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Tags = Annotated[list[str], Meta(description="Words to find it by.")]
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
Document = Annotated[
    str | list[dict[str, Any]] | dict[str, Any],
    Meta(description="The document: its text, or its messages as JSON."),
]
InputSchema = Annotated[
    Any,
    Meta(description="JSON Schema of the inputs, an object; closed unless it says otherwise.", extra_json_schema=_OPEN),
]
OutputSchema = Annotated[
    Any, Meta(description="JSON Schema of the results, by operation: what is promised.", extra_json_schema=_OPEN)
]
MigrateInputs = Annotated[
    Any, Meta(description="Steps by range of older versions, for inputs kept for those.", extra_json_schema=_OPEN)
]
Wanted = Annotated[
    str, Meta(max_length=100, description="A version, a range such as ^1.2, or an alias; empty: stable, else latest.")
]
Inputs = Annotated[dict[str, Any], Meta(description="What operations find under /input.")]
KeptFor = Annotated[
    str, Meta(max_length=100, description="The version that the inputs were made for, if not this one: migrate them.")
]
ExactVersion = Annotated[str, Meta(max_length=100, description="1.2.3, or auto: the least one that will do.")]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: what nobody declared is an error."""


class NewVersion(_Strict, frozen=True, kw_only=True):
    """A version to publish; the first one makes the workflow. A rehearsal publishes nothing."""

    name: Name
    workflow: Document
    version: ExactVersion = AUTO
    description: Text | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    input_schema: InputSchema = None
    output_schema: OutputSchema = None
    migrate_inputs: MigrateInputs = None
    note: Text = ""
    rehearsal: bool = False


class WorkflowUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there."""

    description: Text | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


class AliasBody(_Strict, frozen=True, kw_only=True):
    """What an alias shall mean."""

    version: Wanted


class RollbackBody(_Strict, frozen=True, kw_only=True):
    """Which alias goes back; without a name stable, where it is set, else latest."""

    alias: str | None = None


class DeprecationBody(_Strict, frozen=True, kw_only=True):
    """Why not to use a version any more, and from when on nobody can."""

    message: Text = ""
    sunset: Moment | None = None


class WithdrawalBody(_Strict, frozen=True, kw_only=True):
    """Why nobody can use a version any more."""

    message: Text = ""


class ExecuteByName(_Strict, frozen=True, kw_only=True):
    """What to run a saved workflow with."""

    inputs: Inputs = {}
    version: Wanted = ""
    inputs_version: KeptFor | None = None


class WorkflowShape(msgspec.Struct, frozen=True, kw_only=True):
    """A saved workflow as it is listed."""

    name: str
    description: str
    tags: tuple[str, ...]
    created_at: Moment
    updated_at: Moment
    created_by: str


class ReleaseShape(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it is listed."""

    version: str
    status: Status
    note: str
    created_at: Moment
    created_by: str
    message: str
    sunset: Moment | None


class WorkflowDetail(WorkflowShape, frozen=True, kw_only=True):
    """A saved workflow with its versions, the highest first."""

    aliases: dict[str, str]
    versions: tuple[ReleaseShape, ...]


class VersionShape(ReleaseShape, frozen=True, kw_only=True):
    """A version with all that was published."""

    workflow: str
    document: str
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    migrate_inputs: dict[str, Any]


class ChangeShape(msgspec.Struct, frozen=True, kw_only=True):
    """A change as callers see it."""

    weight: Weight
    path: str
    message: str


class PublicationShape(msgspec.Struct, frozen=True, kw_only=True):
    """What was published, or would be, and what changed since the version that it was compared with."""

    name: str
    version: str
    published: bool
    compared_with: str | None
    changes: tuple[ChangeShape, ...]
    warnings: tuple[dict[str, Any], ...]


class EditShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field that is not the same in both versions."""

    path: str
    kind: str
    before: Any = UNSET
    after: Any = UNSET


class DifferenceShape(msgspec.Struct, frozen=True, kw_only=True):
    """What leads from one version to another; the text is a unified diff."""

    required_bump: str
    changes: tuple[ChangeShape, ...]
    edits: tuple[EditShape, ...]
    text: str


class EntryShape(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history."""

    revision: int
    at: Moment
    by: str
    action: str
    version: str
    detail: str


class AliasShape(msgspec.Struct, frozen=True, kw_only=True):
    """What an alias means."""

    alias: str
    version: str


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page: send `next_cursor` as `cursor` for what follows; it is null at the end."""

    count: int
    next_cursor: str | None


class WorkflowPage(_Listed, frozen=True, kw_only=True):
    """A page of saved workflows."""

    workflows: tuple[WorkflowShape, ...]


class EntryPage(_Listed, frozen=True, kw_only=True):
    """A page of a history."""

    history: tuple[EntryShape, ...]


class VersionList(msgspec.Struct, frozen=True, kw_only=True):
    """All versions, the highest first."""

    versions: tuple[ReleaseShape, ...]


def draft_of(body: NewVersion) -> Draft:
    """Return what is to be published."""
    return Draft(
        name=body.name,
        document=ExecuteRequest(workflow=body.workflow).document,
        version=body.version,
        description=given(body.description),
        tags=tags_of(body.tags),
        input_schema=body.input_schema,
        output_schema=body.output_schema,
        migrate_inputs=body.migrate_inputs,
        note=body.note,
    )


def given(value: Any) -> Any:  # noqa: ANN401 - a field of a body
    """Return a field of an update, or None if it was not sent."""
    return None if value is UNSET else value


def tags_of(value: list[str] | UnsetType) -> tuple[str, ...] | None:
    """Return tags, or None if they were not sent."""
    return None if value is UNSET else tuple(value)


def workflow_shape(head: Head) -> WorkflowShape:
    """Return a workflow as it is listed."""
    return WorkflowShape(**_head(head))


def workflow_detail(workflow: Workflow, now: datetime) -> WorkflowDetail:
    """Return a workflow as it is shown."""
    releases = tuple(map(release_shape, workflow.releases))
    return WorkflowDetail(**_head(workflow.head), aliases=workflow.aliases(now), versions=releases)


def _head(head: Head) -> dict[str, Any]:
    return {
        "name": head.name,
        "description": head.description,
        "tags": head.tags,
        "created_at": head.created,
        "updated_at": head.updated,
        "created_by": head.created_by,
    }


def release_shape(release: Release) -> ReleaseShape:
    """Return a version as it is listed."""
    return ReleaseShape(**_release(release))


def version_shape(name: str, release: Release, content: Content) -> VersionShape:
    """Return a version as it is shown."""
    return VersionShape(
        **_release(release),
        workflow=name,
        document=content.document.decode("utf-8", "replace"),
        input_schema=content.input_schema,
        output_schema=content.output_schema,
        migrate_inputs=msgspec.to_builtins(content.migrate_inputs),
    )


def _release(release: Release) -> dict[str, Any]:
    return {
        "version": release.version,
        "status": release.status,
        "note": release.note,
        "created_at": release.created,
        "created_by": release.created_by,
        "message": release.message,
        "sunset": release.sunset,
    }


def publication_shape(name: str, publication: Publication, *, is_rehearsal: bool) -> PublicationShape:
    """Return what became of a draft."""
    return PublicationShape(
        name=name,
        version=publication.release.version,
        published=publication.is_new and not is_rehearsal,
        compared_with=publication.base,
        changes=tuple(map(change_shape, publication.changes)),
        warnings=publication.warnings,
    )


def change_shape(change: Change) -> ChangeShape:
    """Return a change as it is told."""
    return ChangeShape(weight=change.weight, path=change.path, message=change.message)


def difference_shape(found: Difference) -> DifferenceShape:
    """Return a difference as it is told."""
    return DifferenceShape(
        required_bump=found.required_bump,
        changes=tuple(map(change_shape, found.changes)),
        edits=tuple(map(edit_shape, found.edits)),
        text=found.text,
    )


def edit_shape(edit: Edit) -> EditShape:
    """Return an edit as it is told."""
    return EditShape(path=edit.path, kind=edit.kind, before=edit.before, after=edit.after)


def entry_shape(entry: Entry) -> EntryShape:
    """Return a line of the history as it is told."""
    return EntryShape(
        revision=entry.revision,
        at=entry.at,
        by=entry.by,
        action=entry.action,
        version=entry.version,
        detail=entry.detail,
    )
