"""Spans on the real OpenTelemetry SDK, sent to a server that only listens."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from muelle.core import NoTracer, OpenTelemetryTracer, Tracer

_BLOCKED = """
import sys
sys.modules["opentelemetry.sdk.trace"] = None
from muelle.core import OpenTelemetryTracer
from muelle.core.tracing import TelemetryMissing
try:
    OpenTelemetryTracer("http://127.0.0.1:1/v1/traces")
except TelemetryMissing as error:
    print(error.code)
"""


class Collector(HTTPServer):
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _resources(collector: Collector) -> list[Any]:
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415 - an extra

    request: Any = trace_service_pb2
    return [
        resource
        for body in collector.received
        for resource in request.ExportTraceServiceRequest.FromString(body).resource_spans
    ]


def _spans(collector: Collector) -> dict[str, Any]:
    found = [span for resource in _resources(collector) for scope in resource.scope_spans for span in scope.spans]
    return {span.name: span for span in found}


def test_spans_arrive_with_their_attributes_and_parents(collector: Collector) -> None:
    tracer = OpenTelemetryTracer(collector.endpoint)
    with tracer.span("run", {"run": "run_1"}), tracer.span("step", {"operation": "fetch"}):
        pass
    tracer.close()
    spans = _spans(collector)
    assert spans["step"].parent_span_id == spans["run"].span_id
    assert {item.key: item.value.string_value for item in spans["step"].attributes} == {"operation": "fetch"}
    [resource] = _resources(collector)
    service = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert service["service.name"] == "muelle"


def test_an_exception_marks_the_span_as_failed_and_goes_on(collector: Collector) -> None:
    tracer = OpenTelemetryTracer(collector.endpoint)
    with pytest.raises(RuntimeError, match="on purpose"), tracer.span("run", {}):
        raise RuntimeError("on purpose")
    tracer.close()
    error = 2  # StatusCode.STATUS_CODE_ERROR
    assert _spans(collector)["run"].status.code == error


def test_no_tracer_only_runs_the_block() -> None:
    tracer: Tracer = NoTracer()
    with pytest.raises(RuntimeError, match="on purpose"), tracer.span("run", {"run": "run_1"}):
        raise RuntimeError("on purpose")


def test_without_the_extra_it_says_what_to_install() -> None:
    answer = subprocess.run([sys.executable, "-c", _BLOCKED], capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    assert (answer.stdout, answer.stderr) == ("telemetry_missing\n", "")
