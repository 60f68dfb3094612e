"""What every room shares: ids, time, money, events, errors, settings, telemetry."""

from muelle.core.bodies import Body, InvalidBody, UnsupportedMediaType, answers, dated, json_schema
from muelle.core.clock import Clock, ManualClock, SystemClock
from muelle.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    MuelleError,
    NotFound,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Upstream,
)
from muelle.core.events import Event
from muelle.core.http import Again, Attempt, CredentialRef, EndpointRef, HttpAnswer, HttpCall, SqlRef
from muelle.core.ids import AuditId, EventId, GrantId, Ids, KeyId, PrincipalId, RequestId, RunId, TenantId, name
from muelle.core.logs import bind, correlate, log_to, plain_line, redact
from muelle.core.metrics import Metric, Metrics, NoMetrics
from muelle.core.money import Money
from muelle.core.settings import Secret, read_settings, setting_names
from muelle.core.tracing import NoTracer, OpenTelemetryTracer, Tracer

__all__ = [
    "Again",
    "Attempt",
    "AuditId",
    "Body",
    "Clock",
    "Conflict",
    "CredentialRef",
    "EndpointRef",
    "Event",
    "EventId",
    "Forbidden",
    "GrantId",
    "HttpAnswer",
    "HttpCall",
    "Ids",
    "Invalid",
    "InvalidBody",
    "KeyId",
    "ManualClock",
    "Metric",
    "Metrics",
    "Money",
    "MuelleError",
    "NoMetrics",
    "NoTracer",
    "NotFound",
    "OpenTelemetryTracer",
    "PrincipalId",
    "RequestId",
    "RunId",
    "Secret",
    "SqlRef",
    "SystemClock",
    "TenantId",
    "TimedOut",
    "TooLarge",
    "Tracer",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMediaType",
    "Upstream",
    "answers",
    "bind",
    "correlate",
    "dated",
    "json_schema",
    "log_to",
    "name",
    "plain_line",
    "read_settings",
    "redact",
    "setting_names",
]
