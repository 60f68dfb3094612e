"""Saved workflows and their versions as values, and what follows from them alone."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from muelle.core import PrincipalId, TenantId
from muelle.workflows.versions.compatibility import Change, Contract
from muelle.workflows.versions.errors import (
    AliasNotFound,
    InvalidAlias,
    InvalidDetail,
    InvalidWorkflowName,
    VersionNotFound,
    VersionWithdrawn,
)
from muelle.workflows.versions.migrations import Migrations
from muelle.workflows.versions.needs import Needs
from muelle.workflows.versions.ranges import best, read_range
from muelle.workflows.versions.semver import Version, read_version

Status = Literal["published", "deprecated", "withdrawn"]
LATEST, STABLE = "latest", "stable"
AUTO = "auto"
RESERVED = frozenset({"execute", "validate"})  # paths of the HTTP API beside those of saved workflows
LONGEST_TEXT = 2_000
LONGEST_TAG = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}\Z")
_WILDCARDS = frozenset({"x", "X", "v"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it is listed: everything but its content, which never changes. `status_at` is when the status began.

    One past its sunset counts as withdrawn.
    """

    version: str
    plan: str
    note: str
    created: datetime
    created_by: PrincipalId
    status: Status = "published"
    message: str = ""
    sunset: datetime | None = None
    status_at: datetime

    @property
    def number(self) -> Version:
        """The version, to be compared."""
        return read_version(self.version)

    def is_usable(self, now: datetime) -> bool:
        """Whether it may be run."""
        return self.status != "withdrawn" and (self.sunset is None or now < self.sunset)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What was published under a version, for good."""

    document: bytes
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    migrate_inputs: Migrations = {}
    needs: Needs

    @property
    def contract(self) -> Contract:
        """What it is compared by."""
        return Contract(inputs=self.input_schema, outputs=self.output_schema, needs=self.needs)

    def is_like(self, other: "Content") -> bool:
        """Whether nobody could tell the two apart."""
        mine = (self.document, self.input_schema, self.output_schema, self.migrate_inputs)
        return mine == (other.document, other.input_schema, other.output_schema, other.migrate_inputs)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A saved workflow without its versions. `aliases` are those set by hand; `past` is where each stood before.

    `revision` counts changes: each writes one more, so that two at once cannot both be made.
    """

    tenant: TenantId
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    created: datetime
    created_by: PrincipalId
    updated: datetime
    revision: int = 0
    aliases: dict[str, str] = {}
    past: dict[str, list[str]] = {}

    @property
    def searched(self) -> str:
        """What a search looks through."""
        return "\n".join((self.name, self.description, *self.tags)).casefold()


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A saved workflow with its versions, the highest first."""

    head: Head
    releases: tuple[Release, ...]

    def find(self, version: str) -> Release | None:
        """Return the release of an exact version, or None."""
        wanted = read_version(version)
        return next((release for release in self.releases if release.number == wanted), None)

    def aliases(self, now: datetime) -> dict[str, str]:
        """Return the version of each alias; `latest` is the highest usable release unless it was set."""
        latest = self.highest(now)
        automatic = {} if latest is None else {LATEST: latest.version}
        return {**automatic, **self.head.aliases}

    def highest(self, now: datetime) -> Release | None:
        """Return the highest usable release that is no pre-release."""
        return next((each for each in self.releases if each.number.is_stable and each.is_usable(now)), None)

    def choose(self, wanted: str, now: datetime) -> Release:
        """Return what is meant by a version, a range or an alias; by nothing `stable`, where it is set, else `latest`.

        Of what a range takes, the highest that is not deprecated comes first. Raises InvalidRange, AliasNotFound,
        VersionNotFound or VersionWithdrawn.
        """
        aliases = self.aliases(now)
        wanted = wanted or (STABLE if STABLE in aliases else LATEST)
        if is_alias(wanted):
            return self._aliased(wanted, aliases, now)
        asked = read_range(wanted)
        usable = [release for release in self.releases if release.is_usable(now)]
        for some in ([each for each in usable if each.status == "published"], usable):
            found = best(asked, (each.number for each in some))
            if found is not None:
                return next(each for each in some if each.number == found)
        gone = next((each for each in self.releases if each.number in asked), None)
        if gone is None:
            raise VersionNotFound(workflow=self.head.name, version=wanted, highest=self._named(3))
        raise withdrawn(self.head.name, gone)

    def _aliased(self, alias: str, aliases: Mapping[str, str], now: datetime) -> Release:
        if alias not in aliases:
            gone = next((each for each in self.releases if each.number.is_stable), None)
            if alias == LATEST and gone is not None:
                raise withdrawn(self.head.name, gone)
            if alias == LATEST:
                raise VersionNotFound(workflow=self.head.name, version=alias, highest=self._named(3))
            raise AliasNotFound(workflow=self.head.name, alias=alias, known=sorted(aliases))
        found = self.find(aliases[alias])
        if found is None:
            raise VersionNotFound(workflow=self.head.name, version=aliases[alias])
        if not found.is_usable(now):
            raise withdrawn(self.head.name, found)
        return found

    def _named(self, most: int) -> list[str]:
        return [release.version for release in self.releases[:most]]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was asked for, and the inputs as it takes them. `document` runs under the workflow's name."""

    workflow: str
    release: Release
    content: Content
    document: bytes
    inputs: dict[str, Any]
    migrated: tuple[str, ...] = ()


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be published. `version` is one, or `auto`; what is None of the head stays as it is."""

    name: str
    document: bytes
    version: str = AUTO
    description: str | None = None
    tags: tuple[str, ...] | None = None
    input_schema: Any = None
    output_schema: Any = None
    migrate_inputs: Any = None
    note: str = ""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a draft. `base` is what it was compared with; nothing is new where it was published before."""

    release: Release
    content: Content
    base: str | None
    changes: tuple[Change, ...]
    warnings: tuple[dict[str, Any], ...]
    is_new: bool


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a workflow's history; `action` is `publish`, `alias`, `rollback`, `deprecate`, `withdraw` or so."""

    revision: int
    at: datetime
    by: PrincipalId
    action: str
    version: str = ""
    detail: str = ""


def withdrawn(name: str, release: Release) -> VersionWithdrawn:
    """Return the error for a version that may not be run any more."""
    sunset = None if release.sunset is None else release.sunset.isoformat()
    facts = {"message_of_author": release.message, "sunset": sunset}
    return VersionWithdrawn(
        workflow=name, version=release.version, **{key: value for key, value in facts.items() if value}
    )


def by_precedence(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return releases, the highest first."""
    return tuple(sorted(releases, key=lambda release: release.number, reverse=True))


def is_alias(text: str) -> bool:
    """Tell whether a text can only be an alias: a word that is no wildcard and does not begin as a version does."""
    return bool(_ALIAS.match(text)) and text not in _WILDCARDS and not re.match(r"v\d", text)


def checked_name(name: str) -> str:
    """Return a name that a workflow may have, else raise InvalidWorkflowName."""
    if not _NAME.match(name) or name in RESERVED:
        raise InvalidWorkflowName(field="name", value=name[:100])
    return name


def checked_alias(alias: str) -> str:
    """Return an alias that there can be, else raise InvalidAlias."""
    if not is_alias(alias) or alias == AUTO:
        raise InvalidAlias(field="alias", value=alias[:100])
    return alias


def checked_text(text: str, field: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text that may be kept, else raise InvalidDetail."""
    if len(text) > longest or _CONTROL.search(text):
        raise InvalidDetail(field=field, length=len(text), longest=longest)
    return text


def checked_tags(tags: Iterable[str], most: int) -> tuple[str, ...]:
    """Return tags without repetitions; raise InvalidDetail for one that is empty or long, or for too many."""
    tags = tuple(dict.fromkeys(tags))
    if len(tags) > most or not all(tags):
        raise InvalidDetail(field="tags", length=len(tags), longest=most)
    return tuple(checked_text(tag, "tags", LONGEST_TAG) for tag in tags)


def runnable(document: bytes, name: str, workflow: str) -> bytes:
    """Return a document that runs under a name: grants, runs and lists go by it, whatever the document calls itself."""
    if workflow == name:
        return document
    naming = {"type": "dataModelUpdate", "workflowId": name, "contents": []}
    return document.rstrip() + b"\n" + msgspec.json.encode(naming) + b"\n"


def as_planned(content: Content, name: str, plan: str) -> bytes:
    """Return the document of which the plan was made, by the hash of which one knows it."""
    if hashlib.sha256(content.document).hexdigest() == plan:
        return content.document
    return runnable(content.document, name, "")
