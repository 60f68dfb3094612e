"""The Metrics port on the Prometheus client library; imported only by what serves `/metrics`.

Measurements are plain numbers in dictionaries, and become the library's families when somebody asks: its own counters
take a lock for each change, which at five changes a request is more than all of a request's routing.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from muelle.core.metrics import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Labels = tuple[str, ...]
_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class _Distribution:
    """A histogram: how many values in each bucket, and their sum."""

    __slots__ = ("counts", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.sum = 0.0


class PrometheusMetrics(Collector):
    """Keeps measurements; each metric is there once it was used. Use it on one loop: it takes no locks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._metrics: dict[str, Metric] = {}
        self._numbers: dict[str, dict[_Labels, float]] = {}
        self._distributions: dict[str, dict[_Labels, _Distribution]] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add `by` to a counter."""
        numbers = self._numbers.get(metric.name) or self._known(metric)
        numbers[labels] = numbers.get(labels, 0) + by

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._known(metric)[labels] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put a value into a histogram."""
        distributions = self._distributions.get(metric.name)
        if distributions is None:
            self._metrics[metric.name] = metric
            distributions = self._distributions[metric.name] = {}
        distribution = distributions.get(labels)
        if distribution is None:
            distribution = distributions[labels] = _Distribution(len(metric.buckets))
        distribution.counts[bisect_left(metric.buckets, value)] += 1
        distribution.sum += value

    def render(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[_Family]:
        """Yield the families of the library, in the order in which the metrics were first used."""
        for metric in self._metrics.values():
            if metric.kind == "histogram":
                yield self._histogram(metric)
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels)
            for labels, number in self._numbers[metric.name].items():
                family.add_metric(labels, number)
            yield family

    def _histogram(self, metric: Metric) -> HistogramMetricFamily:
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [*(str(float(bound)) for bound in metric.buckets), "+Inf"]
        for labels, distribution in self._distributions[metric.name].items():
            below = 0
            buckets = []
            for bound, count in zip(bounds, distribution.counts, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric(labels, buckets, distribution.sum)
        return family

    def _known(self, metric: Metric) -> dict[_Labels, float]:
        self._metrics[metric.name] = metric
        return self._numbers.setdefault(metric.name, {})
