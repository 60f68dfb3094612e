"""The settings tree: every room's settings under its name."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from muelle.doors.http.settings import HttpSettings
from muelle.egress import EgressSettings
from muelle.engine import EngineSettings, ScheduleSettings
from muelle.identity import IdentitySettings
from muelle.memory import MemorySettings
from muelle.packs import PacksSettings
from muelle.resilience import LimitsSettings
from muelle.stores import StoresSettings
from muelle.workflows import WorkflowsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """`level` of logs; `traces` is an OTLP endpoint over HTTP, or empty to send none."""

    level: Annotated[str, Meta(pattern="^(?i:debug|info|warning|error|critical)$")] = "INFO"
    traces: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set."""

    stores: StoresSettings = field(default_factory=StoresSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    schedules: ScheduleSettings = field(default_factory=ScheduleSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)
    workflows: WorkflowsSettings = field(default_factory=WorkflowsSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    packs: PacksSettings = field(default_factory=PacksSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
