"""How rules of limits are kept: rows of one table."""

from typing import Final

import msgspec

from muelle.core import PrincipalId, TenantId
from muelle.identity.limiting.model import LimitReset, LimitRule, LimitSet
from muelle.stores import Row, Transaction

COLUMNS: Final = ("tenant", "id", "principal", "target", "rate", "era")
TABLE: Final = "identity_limits"
_SET = (
    "INSERT INTO identity_limits (tenant, id, principal, target, rate, era) VALUES (?, ?, ?, ?, ?, 0)"
    " ON CONFLICT (tenant, id) DO UPDATE SET rate = excluded.rate"
)
_RESET = (
    "INSERT INTO identity_limits (tenant, id, principal, target, rate, era) VALUES (?, ?, ?, ?, '{}', 1)"
    " ON CONFLICT (tenant, id) DO UPDATE SET era = identity_limits.era + 1"
)


async def make(transaction: Transaction, change: LimitSet | LimitReset) -> None:
    """Make a change."""
    rule = change.rule
    place = rule.tenant, rule.id, rule.principal, rule.target
    if isinstance(change, LimitSet):
        await transaction.execute(_SET, *place, msgspec.json.encode(rule.rate).decode())
    else:
        await transaction.execute(_RESET, *place)


def read(row: Row) -> LimitRule:
    """Return the rule of a row."""
    return LimitRule(
        tenant=TenantId(row[0]),
        principal=PrincipalId(row[2]),
        target=row[3],
        rate=msgspec.json.decode(row[4]),
        era=row[5],
    )


def kept(known: LimitRule | None, change: LimitSet | LimitReset) -> LimitRule:
    """Return what a change makes of a rule; for the twin in memory."""
    rule = change.rule
    era, rate = (known.era, known.rate) if known else (0, {})
    if isinstance(change, LimitSet):
        rate = rule.rate
    else:
        era += 1
    return LimitRule(tenant=rule.tenant, principal=rule.principal, target=rule.target, rate=rate, era=era)
