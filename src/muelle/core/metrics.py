"""Metrics behind a port, so that a command that serves nobody need not load a metrics library.

`count`, `observe` and `gauge` take a name and label values; `PrometheusMetrics` (in a module of its own, because
importing the library takes 60 ms) keeps them for `/metrics`, `NoMetrics` forgets them.
"""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Metric:
    """The declaration of a metric; `labels` are its label names, in the order in which values are given."""

    name: str
    help: str
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = (
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30,
        60,
    )


class Metrics(Protocol):
    """Where measurements go."""

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add `by` to a counter."""
        ...

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put a value into a histogram."""
        ...

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        ...


class NoMetrics:
    """Forgets every measurement."""

    __slots__ = ()

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Forget it."""

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Forget it."""

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Forget it."""
