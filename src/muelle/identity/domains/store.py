"""The SQL of domains, and what both kinds of store do with their changes."""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import assert_never

from muelle.core import TenantId
from muelle.identity.domains.model import (
    MAX_DOMAINS,
    Domain,
    DomainAdded,
    DomainChange,
    DomainRemoved,
    DomainVerified,
)
from muelle.identity.errors import DomainExists, DomainTaken, TooManyDomains
from muelle.identity.times import micros, moment
from muelle.stores import Row, Transaction

TABLE = "identity_domains"
COLUMNS = ("id", "tenant", "token", "created", "verified")
_ADD = (
    "INSERT INTO identity_domains (id, tenant, token, created, verified) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_TAKEN = "SELECT 1 FROM identity_domains WHERE id = ? AND tenant <> ? AND verified IS NOT NULL"
_VERIFY = "UPDATE identity_domains SET verified = ? WHERE tenant = ? AND id = ?"
_REMOVE = "DELETE FROM identity_domains WHERE tenant = ? AND id = ?"
_COUNT = "SELECT count(*) FROM identity_domains WHERE tenant = ?"
Domains = MutableMapping[tuple[str, str], Domain]


async def make(transaction: Transaction, change: DomainChange) -> None:
    """Make a change; raise DomainExists, DomainTaken or TooManyDomains."""
    match change:
        case DomainAdded(domain):
            values = (domain.id, domain.tenant, domain.token, micros(domain.created), None)
            if not await transaction.execute(_ADD, *values):
                raise DomainExists(domain=domain.id)
            _bounded(int((await transaction.fetch(_COUNT, domain.tenant))[0][0]))
        case DomainVerified(tenant, domain, at):
            if await transaction.fetch(_TAKEN, domain, tenant):
                raise DomainTaken(domain=domain)
            await transaction.execute(_VERIFY, micros(at), tenant, domain)
        case DomainRemoved(tenant, domain):
            await transaction.execute(_REMOVE, tenant, domain)
        case _:
            assert_never(change)


def keep(domains: Domains, change: DomainChange) -> None:
    """Make a change in memory, as `make` does."""
    match change:
        case DomainAdded(domain):
            if (domain.tenant, domain.id) in domains:
                raise DomainExists(domain=domain.id)
            _bounded(1 + sum(one.tenant == domain.tenant for one in domains.values()))
            domains[domain.tenant, domain.id] = domain
        case DomainVerified(tenant, name, at):
            if any(one.id == name and one.tenant != tenant and one.verified for one in domains.values()):
                raise DomainTaken(domain=name)
            domains[tenant, name] = replace(domains[tenant, name], verified=at)
        case DomainRemoved(tenant, name):
            domains.pop((tenant, name), None)


def _bounded(number: int) -> None:
    if number > MAX_DOMAINS:
        raise TooManyDomains(most=MAX_DOMAINS)


def read(row: Row) -> Domain:
    """Return a domain as it is stored."""
    verified = None if row[4] is None else moment(row[4])
    return Domain(id=row[0], tenant=TenantId(row[1]), token=row[2], created=moment(row[3]), verified=verified)
