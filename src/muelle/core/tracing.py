"""Spans on OpenTelemetry where the `telemetry` extra is installed and switched on; else no cost but one call.

The interface is ours and tiny, so that rooms need not know which it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from muelle.core.errors import Invalid


class TelemetryMissing(Invalid):
    """Tracing is switched on but the telemetry extra is not installed."""

    code = "telemetry_missing"
    suggestions = ("Install muelle[telemetry], or set telemetry.traces to an empty string.",)


class Tracer(Protocol):
    """Opens spans."""

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[None]:
        """Measure the block as a span."""
        ...


class NoTracer:
    """Opens no spans."""

    __slots__ = ()

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[None]:
        """Run the block."""
        del name, attributes
        return nullcontext()


class OpenTelemetryTracer:
    """Sends spans by OTLP over HTTP to an endpoint such as `http://127.0.0.1:4318/v1/traces`."""

    def __init__(self, endpoint: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - extra
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - extra
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - extra
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - extra
        except ImportError:
            raise TelemetryMissing from None
        self._provider = TracerProvider(resource=Resource.create({"service.name": "muelle"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("muelle")

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        """Measure the block; an exception marks the span as failed."""
        with self._tracer.start_as_current_span(name, attributes=dict(attributes)):
            yield

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
