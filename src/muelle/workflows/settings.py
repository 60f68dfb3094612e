"""Settings of the room `workflows`."""

from dataclasses import dataclass, field

from muelle.packs import Limits
from muelle.workflows.submissions import SubmissionsSettings
from muelle.workflows.triggers import TriggersSettings
from muelle.workflows.versions import SavedSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowsSettings:
    """Bounds and caches.

    `limits` bound every run unless the tenant or the agent has others. `plan_cache_entries` and `plan_cache_bytes` (of
    documents) bound how many plans are kept for documents that come again.
    """

    limits: Limits = field(default_factory=Limits)
    triggers: TriggersSettings = field(default_factory=TriggersSettings)
    submissions: SubmissionsSettings = field(default_factory=SubmissionsSettings)
    saved: SavedSettings = field(default_factory=SavedSettings)
    plan_cache_entries: int = 4_096
    plan_cache_bytes: int = 64 << 20
