"""The OTLP receiver of the testing kit, fed by the real exporters over HTTP and gRPC."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_refusals.testing.otlp import OtlpGrpcReceiver, OtlpReceiver, Received

RESOURCE = Resource.create({"service.name": "shop"})


def _export(spans: Any, metrics: Any, logs: Any) -> str:
    """Send one span, a log record inside it, and one point of each kind of metric, twice; the span's id comes back."""
    tracing = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logging = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
    metering = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    meter = metering.get_meter("scope")
    calls = meter.create_counter("calls", "{call}", "Calls.")
    with tracing.get_tracer("scope").start_as_current_span("chat m", kind=trace.SpanKind.CLIENT) as span:
        span.set_attributes({"reasons": ["stop", "length"], "count": 2, "share": 0.5, "done": True})
        span.set_status(trace.StatusCode.OK)
        calls.add(2, {"job": "a"})
        logging.get_logger("scope").emit(
            timestamp=7, severity_number=SeverityNumber.WARN, severity_text="WARN", body={"k": 1}, event_name="seen"
        )
    meter.create_gauge("last_seen", "s").set(12.5)
    meter.create_histogram("wait", "s").record(3)
    reader.collect()
    calls.add(3, {"job": "a"})
    calls.add(1, {"job": "b"})
    reader.collect()
    for provider in (metering, tracing, logging):
        provider.shutdown()
    return f"{span.get_span_context().span_id:016x}"


def _has_everything(otlp: Received, span_id: str) -> None:
    span, record = otlp.spans[0], otlp.logs[0]
    assert (span.name, span.kind, span.status, span.scope, span.span_id) == ("chat m", "CLIENT", "OK", "scope", span_id)
    assert span.attributes == {"reasons": ("stop", "length"), "count": 2, "share": 0.5, "done": True}
    assert span.resource["service.name"] == "shop"
    assert span.start <= span.end
    assert (record.event_name, record.severity, record.time, record.body) == ("seen", "WARN", 7, {"k": 1})
    assert (record.trace_id, record.span_id) == (span.trace_id, span_id)
    assert otlp.total("calls") == 6
    assert otlp.total("calls", {"job": "a"}) == 5
    first = next(point for point in otlp.metrics if point.metric == "calls")
    assert (first.value, first.kind, first.unit, first.description) == (2, "sum", "{call}", "Calls.")
    assert [exemplar.span_id for exemplar in first.exemplars] == [span_id]
    assert [(point.kind, point.value) for point in otlp.latest("last_seen")] == [("gauge", 12.5)]
    assert [(point.kind, point.count, point.value) for point in otlp.latest("wait")] == [("histogram", 1, 3)]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_http_with_every_compression(compression: Compression) -> None:
    """What the HTTP exporters send arrives whole, however it is compressed."""
    with OtlpReceiver() as otlp:
        span_id = _export(
            HttpSpans(f"{otlp.url}/v1/traces", compression=compression),
            HttpMetrics(f"{otlp.url}/v1/metrics", compression=compression),
            HttpLogs(f"{otlp.url}/v1/logs", compression=compression),
        )
        _has_everything(otlp, span_id)


def test_grpc() -> None:
    """What the gRPC exporters send arrives whole."""
    with OtlpGrpcReceiver() as otlp:
        ends: dict[str, Any] = {"endpoint": otlp.url, "insecure": True}
        _has_everything(otlp, _export(GrpcSpans(**ends), GrpcMetrics(**ends), GrpcLogs(**ends)))


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/v1/profiles", {"content-type": "application/x-protobuf"}, b"", 404),
        ("/v1/traces", {"content-type": "application/json"}, b"{}", 415),
        ("/v1/traces", {"content-type": "application/x-protobuf"}, b"\xff\xff", 400),
        ("/v1/traces", {"content-type": "application/x-protobuf", "content-encoding": "gzip"}, b"no gzip", 400),
    ],
)
def test_what_is_no_otlp_is_turned_away(path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    """A path, a content type or a body that is not OTLP gets its HTTP status, and nothing is kept."""
    with OtlpReceiver() as otlp:
        connection = HTTPConnection(otlp.url.removeprefix("http://"), timeout=10)
        connection.request("POST", path, body, headers)
        assert connection.getresponse().status == status
        connection.close()
        assert (otlp.spans, otlp.metrics, otlp.logs) == ([], [], [])


def test_waiting_ends_with_the_arrival_or_with_the_time() -> None:
    """`wait_for` tells whether its condition came true: at once, or False when the time is over."""
    waits: Callable[[], bool]
    with OtlpReceiver() as otlp:
        waits = lambda: len(otlp.spans) > 0  # noqa: E731
        assert not otlp.wait_for(waits, timeout=0.01)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(HttpSpans(f"{otlp.url}/v1/traces")))
        provider.get_tracer("scope").start_span("one").end()
        assert otlp.wait_for(waits)
        provider.shutdown()
