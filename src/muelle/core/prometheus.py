"""The Metrics port on the Prometheus client library; imported only by what serves `/metrics`."""

from typing import cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from muelle.core.metrics import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Instrument = Counter | Gauge | Histogram


class PrometheusMetrics:
    """Keeps measurements in a registry of its own; each metric is created when it is first used."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._instruments: dict[str, _Instrument] = {}
        self._children: dict[tuple[str, ...], _Instrument] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add `by` to a counter."""
        cast("Counter", self._child(metric, labels)).inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put a value into a histogram."""
        cast("Histogram", self._child(metric, labels)).observe(value)

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        cast("Gauge", self._child(metric, labels)).set(value)

    def render(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def _child(self, metric: Metric, labels: tuple[str, ...]) -> _Instrument:
        key = (metric.name, *labels)
        child = self._children.get(key)
        if child is None:
            instrument = self._instruments.get(metric.name) or self._create(metric)
            child = self._children[key] = instrument.labels(*labels) if labels else instrument
        return child

    def _create(self, metric: Metric) -> _Instrument:
        match metric.kind:
            case "counter":
                instrument: _Instrument = Counter(metric.name, metric.help, metric.labels, registry=self._registry)
            case "gauge":
                instrument = Gauge(metric.name, metric.help, metric.labels, registry=self._registry)
            case "histogram":
                instrument = Histogram(
                    metric.name, metric.help, metric.labels, registry=self._registry, buckets=metric.buckets
                )
        self._instruments[metric.name] = instrument
        return instrument
