import subprocess
import sys

from muelle.core import Metric, Metrics, NoMetrics
from muelle.core.prometheus import PrometheusMetrics

_RUNS = Metric("muelle_runs_total", "Runs by status.", "counter", ("status",))
_TOOK = Metric("muelle_run_seconds", "How long runs take.", "histogram", buckets=(0.1, 1))
_OPEN = Metric("muelle_open", "What is open.", "gauge")


def measure(metrics: Metrics) -> None:
    metrics.count(_RUNS, "success")
    metrics.count(_RUNS, "success", by=2)
    metrics.count(_RUNS, 'er"ror\n')
    metrics.observe(_TOOK, 0.5)
    metrics.gauge(_OPEN, 3)
    metrics.gauge(_OPEN, 2)


def test_measurements_are_in_the_text_format() -> None:
    metrics = PrometheusMetrics()
    measure(metrics)
    lines = metrics.render().decode().splitlines()
    assert 'muelle_runs_total{status="success"} 3.0' in lines
    assert r'muelle_runs_total{status="er\"ror\n"} 1.0' in lines
    assert 'muelle_run_seconds_bucket{le="0.1"} 0.0' in lines
    assert 'muelle_run_seconds_bucket{le="1.0"} 1.0' in lines
    assert "muelle_open 2.0" in lines
    assert "# HELP muelle_open What is open." in lines


def test_each_has_a_registry_of_its_own() -> None:
    first, second = PrometheusMetrics(), PrometheusMetrics()
    measure(first)
    assert b"muelle" not in second.render()


def test_no_metrics_forgets_everything() -> None:
    measure(NoMetrics())


def test_the_port_does_not_load_the_library() -> None:
    code = "import sys, muelle.core; print({'prometheus_client', 'opentelemetry'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    assert done.stdout == "set()\n"
