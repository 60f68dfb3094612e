"""The CRM's API: which calls to make, and how to read what comes back. Calls leave through the step, nowhere else."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from muelle.packs import CredentialRef, Http, HttpAnswer, HttpCall
from muelle_crm.errors import ContactNotFound, CrmMisunderstood, CrmNotConfigured, NoCrm, require_success
from muelle_crm.settings import CrmSettings

T = TypeVar("T")
Contact = dict[str, Any]


class Page(msgspec.Struct):
    """One page of contacts; `next` is where the next one begins, or None."""

    contacts: list[Contact]
    next: str | None = None


class Note(msgspec.Struct):
    """A note as the CRM keeps it."""

    id: str


class Crm:
    """The CRM that the settings name; what this pack's steps see as `step.resource`."""

    def __init__(self, settings: CrmSettings) -> None:
        self._settings = settings
        self._base_url = settings.base_url.rstrip("/")

    async def find(self, http: Http, query: str, limit: int) -> list[Contact]:
        """Return up to `limit` contacts, page by page, in the CRM's order."""
        found: list[Contact] = []
        cursor: str | None = None
        for _ in range(self._settings.max_pages):
            page = await self.page(http, query, limit - len(found), cursor)
            found += page.contacts
            if page.next is None or len(found) >= limit:
                return found[:limit]
            if page.next == cursor:
                raise CrmMisunderstood(cause="a page names itself as the next")
            cursor = page.next
        raise CrmMisunderstood(cause="more pages than packs.crm.max_pages allows", pages=self._settings.max_pages)

    async def add_note(self, http: Http, contact: str, text: str, key: str) -> Note:
        """Add a note; the CRM adds it once for each `key`. Raise ContactNotFound if there is no such contact."""
        url = f"{self._base_url}/contacts/{quote(contact, safe='')}/notes"
        try:
            answer = await self._call(http, HttpCall(method="POST", url=url, body={"text": text}, idempotency_key=key))
        except NoCrm:
            raise ContactNotFound(contact=contact) from None
        return _read(answer, Note)

    async def page(self, http: Http, query: str, wanted: int, cursor: str | None) -> Page:
        """Return up to `wanted` contacts, from where `cursor` says."""
        asked: dict[str, str] = {"q": query, "limit": str(min(wanted, self._settings.page_size))}
        if cursor is not None:
            asked["cursor"] = cursor
        call = HttpCall(method="GET", url=f"{self._base_url}/contacts", query=asked)
        return _read(await self._call(http, call), Page)

    async def _call(self, http: Http, call: HttpCall) -> HttpAnswer:
        if not self._base_url:
            raise CrmNotConfigured(setting="packs.crm.base_url")
        headers: Mapping[str, Any] = {
            "Accept": "application/json",
            "Authorization": CredentialRef(self._settings.credential),
        }
        answer = await http.call(replace(call, headers=headers, timeout=self._settings.timeout))
        require_success(answer, self._settings.credential)
        return answer


def _read(answer: HttpAnswer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError as error:  # ValidationError is one too
        raise CrmMisunderstood(cause=str(error)) from None
