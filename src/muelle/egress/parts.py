"""What egress is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from muelle.core import Clock, Metrics, NoMetrics, SystemClock, TenantId
from muelle.egress.model import Api, Credential
from muelle.egress.settings import EgressSettings
from muelle.egress.store import Register
from muelle.egress.uses import MemoryUses, Uses
from muelle.egress.wire import Wire
from muelle.identity import AuditTrail, Budgets
from muelle.stores import Database, Vault


class Addresses(Protocol):
    """Tells which networks a tenant's calls may reach though they are not public."""

    async def addresses(self, tenant: TenantId) -> tuple[str, ...]:
        """Return networks such as `10.1.0.0/16`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressParts:
    """What egress is made of. `wire` opens the HTTP client at the first call; None opens the real one."""

    apis: Register[Api]
    credentials: Register[Credential]
    vault: Vault
    addresses: Addresses
    trail: AuditTrail
    uses: Uses = field(default_factory=MemoryUses)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    database: Database | None = None  # for what Apis offer; without one it ends with the process
    settings: EgressSettings = field(default_factory=EgressSettings)
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=NoMetrics)
    wire: Callable[[EgressSettings], Wire] | None = None
    home: Path | None = None  # where answers are kept, if in a file
    budgets: Budgets | None = None  # what calls to Apis are charged to
