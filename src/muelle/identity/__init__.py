"""Who acts and what they may do: tenants, agents, keys, grants, audit."""

from muelle.identity.agents import AgentDraft
from muelle.identity.audit import Acts, AuditFilter, AuditTrail
from muelle.identity.changes import IdentityStore
from muelle.identity.errors import DisabledAgent, ExpiredKey, InvalidKey, RevokedKey
from muelle.identity.keys import IssuedKey
from muelle.identity.limiting.budgets import Budgets
from muelle.identity.limiting.service import Limits, LimitStatus
from muelle.identity.memory import MemoryAuditTrail, MemoryIdentityStore
from muelle.identity.model import (
    DEFAULT_TENANT,
    SCOPES,
    Act,
    Agent,
    Explanation,
    Grant,
    Key,
    Page,
    Principal,
    Refused,
    Rule,
    Rules,
    Tenant,
    explain,
    matches,
)
from muelle.identity.people import People
from muelle.identity.presets import PRESETS
from muelle.identity.record.sealer import Sealer
from muelle.identity.record.verifier import Chain, SqlChain, Unchained
from muelle.identity.service import Identity
from muelle.identity.settings import IdentitySettings
from muelle.identity.store import SqlAuditTrail, SqlIdentityStore
from muelle.identity.tenants import NewTenant

__all__ = [
    "DEFAULT_TENANT", "PRESETS", "SCOPES", "Act", "Acts", "Agent", "AgentDraft", "AuditFilter", "AuditTrail",
    "Budgets", "Chain", "DisabledAgent", "ExpiredKey", "Explanation", "Grant", "Identity", "IdentitySettings",
    "IdentityStore", "InvalidKey", "IssuedKey", "Key", "LimitStatus", "Limits", "MemoryAuditTrail",
    "MemoryIdentityStore", "NewTenant", "Page", "People", "Principal", "Refused", "RevokedKey", "Rule", "Rules",
    "Sealer", "SqlAuditTrail", "SqlChain", "SqlIdentityStore", "Tenant", "Unchained", "explain", "matches",
]  # fmt: skip
