"""The memory twin of the store of saved workflows."""

from collections.abc import Awaitable

from muelle.core import TenantId
from muelle.stores import ConstraintViolated
from muelle.workflows.versions.model import Content, Entry, Head, Release, Workflow, by_precedence
from muelle.workflows.versions.store import Write

_Key = tuple[TenantId, str]


class MemorySavedStore:
    """Saved workflows that end with their process."""

    def __init__(self) -> None:
        self._heads: dict[_Key, Head] = {}
        self._releases: dict[_Key, dict[str, Release]] = {}
        self._contents: dict[tuple[TenantId, str, str], Content] = {}
        self._entries: dict[_Key, list[Entry]] = {}

    def write(self, write: Write) -> Awaitable[None]:
        """Make a change."""
        return self._write(write)

    async def _write(self, write: Write) -> None:
        head = write.head
        key = (head.tenant, head.name)
        entries = self._entries.setdefault(key, [])
        if write.entry.revision <= len(entries):
            raise ConstraintViolated
        entries.append(write.entry)
        if write.is_removal:
            self._remove(key)
            return
        self._heads[key] = head
        releases = self._releases.setdefault(key, {})
        if write.published is not None:
            release, content = write.published
            releases[release.version] = release
            self._contents[*key, release.version] = content
        if write.changed is not None:
            releases[write.changed.version] = write.changed

    def _remove(self, key: _Key) -> None:
        self._heads.pop(key, None)
        for version in self._releases.pop(key, {}):
            del self._contents[*key, version]

    async def find(self, tenant: TenantId, name: str) -> Workflow | None:
        """Return a workflow with its releases, or None."""
        head = self._heads.get((tenant, name))
        if head is None:
            return None
        return Workflow(head=head, releases=by_precedence(self._releases[tenant, name].values()))

    async def head(self, tenant: TenantId, name: str) -> Head | None:
        """Return a workflow without its releases, or None."""
        return self._heads.get((tenant, name))

    async def content(self, tenant: TenantId, name: str, version: str) -> Content | None:
        """Return what was published under a version, or None."""
        return self._contents.get((tenant, name, version))

    async def page(self, tenant: TenantId, search: str, after: str, limit: int) -> list[Head]:
        """Return the workflows in which a text is found, in the order of their names."""
        found = [head for (owner, _), head in self._heads.items() if owner == tenant and search in head.searched]
        return sorted((head for head in found if head.name > after), key=lambda head: head.name)[:limit]

    async def count(self, tenant: TenantId) -> int:
        """Return how many workflows the tenant has."""
        return sum(owner == tenant for owner, _ in self._heads)

    async def revision(self, tenant: TenantId, name: str) -> int:
        """Return the last revision of a name, 0 if it never was there."""
        return len(self._entries.get((tenant, name), ()))

    async def history(self, tenant: TenantId, name: str, limit: int, before: int | None = None) -> list[Entry]:
        """Return changes, the newest first."""
        entries = self._entries.get((tenant, name), [])
        return [entry for entry in reversed(entries) if before is None or entry.revision < before][:limit]
