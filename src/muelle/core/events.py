"""Events: facts that happened, in the form of CloudEvents 1.0."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from muelle.core.ids import EventId, TenantId


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent; `tenant` is an extension attribute and every event has one."""

    id: EventId
    type: str
    source: str
    tenant: TenantId
    time: datetime
    subject: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def cloud_event(self) -> dict[str, Any]:
        """Return the structured JSON form (CloudEvents 1.0, JSON format)."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "tenant": self.tenant,
            **({"subject": self.subject} if self.subject else {}),
            "data": self.data,
        }
