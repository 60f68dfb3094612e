"""What the HTTP routes of domains take and give."""

from typing import Annotated

import msgspec
from msgspec import Meta

from muelle.identity.domains.model import Domain
from muelle.identity.shapes import Moment


class NewDomain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A domain to add."""

    domain: Annotated[str, Meta(min_length=1, max_length=260)]


class DomainShape(msgspec.Struct, frozen=True, kw_only=True):
    """A domain; it counts once the TXT record `record` says `value`, and that was verified."""

    domain: str
    created_at: Moment
    verified_at: Moment | None
    record: str
    value: str


class DomainPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of domains; send `next_cursor` as `cursor` for what follows."""

    count: int
    next_cursor: str | None
    domains: tuple[DomainShape, ...]


def domain_shape(domain: Domain) -> DomainShape:
    """Return a domain as it is shown."""
    return DomainShape(
        domain=domain.id,
        created_at=domain.created,
        verified_at=domain.verified,
        record=domain.record,
        value=domain.value,
    )
