"""Where saved workflows are kept: heads, releases, what was published under them, and every change."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from muelle.core import TenantId
from muelle.stores import Database, Statement
from muelle.workflows.versions.model import Content, Entry, Head, Release, Workflow, by_precedence

_ADD_ENTRY = "INSERT INTO workflows_changes (tenant, workflow, revision, entry) VALUES (?, ?, ?, ?)"
_PUT_HEAD = (
    "INSERT INTO workflows_saved (tenant, name, searched, head) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (tenant, name) DO UPDATE SET searched = excluded.searched, head = excluded.head"
)
_ADD_RELEASE = "INSERT INTO workflows_versions (tenant, workflow, version, release) VALUES (?, ?, ?, ?)"
_SET_RELEASE = "UPDATE workflows_versions SET release = ? WHERE tenant = ? AND workflow = ? AND version = ?"
_ADD_CONTENT = "INSERT INTO workflows_contents (tenant, workflow, version, content) VALUES (?, ?, ?, ?)"
_REMOVE = (
    "DELETE FROM workflows_contents WHERE tenant = ? AND workflow = ?",
    "DELETE FROM workflows_versions WHERE tenant = ? AND workflow = ?",
    "DELETE FROM workflows_saved WHERE tenant = ? AND name = ?",
)
_HEAD = "SELECT head FROM workflows_saved WHERE tenant = ? AND name = ?"
_RELEASES = "SELECT release FROM workflows_versions WHERE tenant = ? AND workflow = ?"
_CONTENT = "SELECT content FROM workflows_contents WHERE tenant = ? AND workflow = ? AND version = ?"
_COUNT = "SELECT COUNT(*) FROM workflows_saved WHERE tenant = ?"
_REVISION = "SELECT MAX(revision) FROM workflows_changes WHERE tenant = ? AND workflow = ?"
_PAGE = (
    "SELECT head FROM workflows_saved WHERE tenant = ? AND name > ? AND searched LIKE ? ESCAPE '!'"
    " ORDER BY name LIMIT ?"
)
_ENTRIES = (
    "SELECT entry FROM workflows_changes WHERE tenant = ? AND workflow = ? AND revision < ?"
    " ORDER BY revision DESC LIMIT ?"
)
_NEWEST = 1 << 62


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One change, made whole or not at all: the head as it is then, what was published, which release is another now.

    `is_removal` takes the workflow away and leaves its history.
    """

    head: Head
    entry: Entry
    published: tuple[Release, Content] | None = None
    changed: Release | None = None
    is_removal: bool = False


class SavedStore(Protocol):
    """Where a tenant's saved workflows are kept."""

    def write(self, write: Write) -> Awaitable[None]:
        """Make a change; raise ConstraintViolated where another one has taken its revision."""
        ...

    async def find(self, tenant: TenantId, name: str) -> Workflow | None:
        """Return a workflow with its releases, or None."""
        ...

    async def head(self, tenant: TenantId, name: str) -> Head | None:
        """Return a workflow without its releases, or None."""
        ...

    async def content(self, tenant: TenantId, name: str, version: str) -> Content | None:
        """Return what was published under a version, or None."""
        ...

    async def page(self, tenant: TenantId, search: str, after: str, limit: int) -> list[Head]:
        """Return the workflows in which a text is found, in the order of their names."""
        ...

    async def count(self, tenant: TenantId) -> int:
        """Return how many workflows the tenant has."""
        ...

    async def revision(self, tenant: TenantId, name: str) -> int:
        """Return the last revision of a name, 0 if it never was there; what was removed goes on counting."""
        ...

    async def history(self, tenant: TenantId, name: str, limit: int, before: int | None = None) -> list[Entry]:
        """Return changes, the newest first."""
        ...


class SqlSavedStore:
    """Saved workflows in a Database; what is only ever read whole stands in one column."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._head = msgspec.json.Decoder(Head)
        self._release = msgspec.json.Decoder(Release)
        self._entry = msgspec.json.Decoder(Entry)
        self._content = msgspec.msgpack.Decoder(Content)

    def write(self, write: Write) -> Awaitable[None]:
        """Queue one commit: first the entry, whose revision only one can have."""
        return self._database.commit(_statements(write))

    async def find(self, tenant: TenantId, name: str) -> Workflow | None:
        """Return a workflow with its releases, or None."""
        head = await self.head(tenant, name)
        if head is None:
            return None
        releases = [self._release.decode(row[0]) for row in await self._database.fetch(_RELEASES, tenant, name)]
        return Workflow(head=head, releases=by_precedence(releases))

    async def head(self, tenant: TenantId, name: str) -> Head | None:
        """Return a workflow without its releases, or None."""
        rows = await self._database.fetch(_HEAD, tenant, name)
        return self._head.decode(rows[0][0]) if rows else None

    async def content(self, tenant: TenantId, name: str, version: str) -> Content | None:
        """Return what was published under a version, or None."""
        rows = await self._database.fetch(_CONTENT, tenant, name, version)
        return self._content.decode(rows[0][0]) if rows else None

    async def page(self, tenant: TenantId, search: str, after: str, limit: int) -> list[Head]:
        """Return the workflows in which a text is found, in the order of their names."""
        rows = await self._database.fetch(_PAGE, tenant, after, _pattern(search), limit)
        return [self._head.decode(row[0]) for row in rows]

    async def count(self, tenant: TenantId) -> int:
        """Return how many workflows the tenant has."""
        return int((await self._database.fetch(_COUNT, tenant))[0][0])

    async def revision(self, tenant: TenantId, name: str) -> int:
        """Return the last revision of a name, 0 if it never was there."""
        return int((await self._database.fetch(_REVISION, tenant, name))[0][0] or 0)

    async def history(self, tenant: TenantId, name: str, limit: int, before: int | None = None) -> list[Entry]:
        """Return changes, the newest first."""
        rows = await self._database.fetch(_ENTRIES, tenant, name, before or _NEWEST, limit)
        return [self._entry.decode(row[0]) for row in rows]


def _pattern(search: str) -> str:
    """Return what LIKE finds a text by, whatever it has of LIKE's own signs."""
    for sign in "!%_":
        search = search.replace(sign, f"!{sign}")
    return f"%{search}%"


def _statements(write: Write) -> Sequence[Statement]:
    head, encode = write.head, msgspec.json.encode
    tenant, name = head.tenant, head.name
    statements = [Statement(_ADD_ENTRY, [(tenant, name, write.entry.revision, encode(write.entry))])]
    if write.is_removal:
        return [*statements, *(Statement(sql, [(tenant, name)]) for sql in _REMOVE)]
    statements.append(Statement(_PUT_HEAD, [(tenant, name, head.searched, encode(head))]))
    if write.published is not None:
        release, content = write.published
        statements.append(Statement(_ADD_RELEASE, [(tenant, name, release.version, encode(release))]))
        statements.append(Statement(_ADD_CONTENT, [(tenant, name, release.version, msgspec.msgpack.encode(content))]))
    if write.changed is not None:
        changed = write.changed
        statements.append(Statement(_SET_RELEASE, [(encode(changed), tenant, name, changed.version)]))
    return statements
