"""The audit record: who did, or tried to do, what, and when."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import structs

from muelle.core import AuditId, Clock, Ids, PrincipalId, TenantId, redact
from muelle.identity.errors import InvalidCursor, InvalidPage
from muelle.identity.model import DEFAULT_TENANT, Act, Decision, Page, Principal
from muelle.identity.times import micros

MAX_RESOURCE = 500  # characters that are kept; strangers choose some of them
MAX_DETAIL = 2000
MAX_REQUEST = 100
MAX_PAGE = 500
_SHORTEST_SECRET = 22  # a shorter text without a space is no key and no header: most are, and it saves 1 us


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which acts to read: all that is given must hold; `since` is included, `until` is not."""

    principal: PrincipalId | None = None
    action: str | None = None
    resource: str | None = None  # how it begins
    request: str | None = None
    decision: Decision | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditTrail(Protocol):
    """The append-only audit record of all tenants, read by tenant."""

    def record(self, acts: Sequence[Act], *, flush: bool = True) -> Awaitable[None]:
        """Queue acts at once; await the result to know them durable. Recording one again changes nothing.

        Without `flush` they need only survive a crash of this process, not of the machine.
        """
        ...

    async def page(self, tenant: TenantId, where: AuditFilter, limit: int = 50, cursor: str | None = None) -> Page[Act]:
        """Return acts of a tenant, newest first; raise InvalidPage or InvalidCursor."""
        ...


class Acts:
    """Makes acts: stamps them with an id and the time."""

    __slots__ = ("_clock", "_ids")

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def allowed(self, principal: Principal, action: str, resource: str, *, request: str = "", detail: str = "") -> Act:
        """Return the act of a principal who did something."""
        return self._act(principal, action, resource, "allowed", request, detail)

    def refused(
        self, principal: Principal | None, action: str, resource: str, *, request: str = "", detail: str = ""
    ) -> Act:
        """Return the act of somebody who was refused; None is a stranger, whose acts the default tenant keeps."""
        return self._act(principal, action, resource, "refused", request, detail)

    def _act(
        self, principal: Principal | None, action: str, resource: str, decision: Decision, request: str, detail: str
    ) -> Act:
        return Act(
            id=AuditId(self._ids.mint("audit")),
            tenant=principal.tenant if principal else DEFAULT_TENANT,
            principal=principal.id if principal else None,
            action=action,
            resource=resource,
            decision=decision,
            at=self._clock.now(),
            request=request,
            detail=detail,
        )


def cleaned(act: Act) -> Act:
    """Return the act as it may be kept: no key in it, no text too long, no character that a database refuses."""
    resource, request, detail = cleaned_texts(act)
    if (resource, request, detail) == (act.resource, act.request, act.detail):  # as most are
        return act
    return structs.replace(act, resource=resource, request=request, detail=detail)


def cleaned_texts(act: Act) -> tuple[str, str, str]:
    """Return resource, request and detail of an act as they may be kept."""
    return clean(act.resource, MAX_RESOURCE), clean(act.request, MAX_REQUEST), clean(act.detail, MAX_DETAIL)


def clean(text: str, limit: int) -> str:
    """Return text without keys, NUL and lone surrogates, at most `limit` characters long."""
    if not text:
        return text
    if not text.isascii() or "\0" in text:
        text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if len(text) > _SHORTEST_SECRET or " " in text:
        text = redact(text[: limit * 2])
    return text if len(text) <= limit else text[:limit]


def cursor_after(act: Act) -> str:
    """Return the cursor of the acts before this one."""
    return f"{micros(act.at)}.{act.id}"


def read_cursor(cursor: str) -> tuple[int, str]:
    """Return time and id of the act that a cursor names; raise InvalidCursor."""
    time, _, act = cursor.partition(".")
    if not (time.isascii() and time.isdigit() and len(time) <= 18 and act.startswith("audit_") and act.isascii()):  # noqa: PLR2004 - digits that fit 64 bits
        raise InvalidCursor(field="cursor")
    if "\0" in act:
        raise InvalidCursor(field="cursor")
    return int(time), act


def page_size(limit: int) -> int:
    """Return `limit` if a page may be that long, else raise InvalidPage."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidPage(field="limit", value=limit, largest=MAX_PAGE)
    return limit
