"""Domains: values, the changes that write them, and what may be one. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from muelle.core import TenantId
from muelle.identity.errors import InvalidDomain

MAX_DOMAINS = 100  # of one tenant
LABEL = "_muelle"  # where the record is: TXT of _muelle.example.com
_VALUE = "muelle-verification="
_LONGEST = 253 - len(LABEL) - 1  # RFC 1035, section 2.3.4, with room for the record's name
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain that a tenant says is its own; `id` is its name in ASCII and small letters."""

    id: str
    tenant: TenantId
    token: str
    created: datetime
    verified: datetime | None = None

    @property
    def record(self) -> str:
        """Return the name of the TXT record that shows it."""
        return f"{LABEL}.{self.id}"

    @property
    def value(self) -> str:
        """Return what the record has to say."""
        return f"{_VALUE}{self.token}"


@dataclass(frozen=True, slots=True)
class DomainAdded:
    """A tenant says that a domain is its own; conflicts with the same of this tenant, and with too many."""

    domain: Domain


@dataclass(frozen=True, slots=True)
class DomainVerified:
    """The record was there; conflicts with another tenant that has shown the same."""

    tenant: TenantId
    domain: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DomainRemoved:
    """A tenant has a domain no more."""

    tenant: TenantId
    domain: str


DomainChange = DomainAdded | DomainVerified | DomainRemoved


class TxtRecords(Protocol):
    """Looks up TXT records."""

    async def texts(self, name: str) -> tuple[str, ...]:
        """Return what the records of a name say, nothing if it has none; raise RecordsUnreachable if nobody knows."""
        ...


def checked_domain(domain: str) -> str:
    """Return a domain in ASCII and small letters; raise InvalidDomain."""
    import idna  # noqa: PLC0415 - loads its tables, which only this needs

    try:
        name = idna.encode(domain.rstrip("."), uts46=True).decode() if domain else ""
    except idna.IDNAError:
        raise InvalidDomain(field="domain", value=domain[:100]) from None
    labels = name.split(".")
    is_fine = len(name) <= _LONGEST and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    if not is_fine or labels[-1].isdigit():
        raise InvalidDomain(field="domain", value=domain[:100])
    return name
