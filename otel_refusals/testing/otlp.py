"""A loopback OTLP receiver: what an application exports, as plain Python objects.

    with OtlpReceiver() as otlp:
        ...  # run something with OTEL_EXPORTER_OTLP_ENDPOINT=otlp.url and OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
        otlp.total("refusal.client.refusals", {"refusal.category": "cyber"})

Needs `opentelemetry-proto`, which every OTLP exporter brings along; the gRPC variant needs `grpcio` as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from otel_refusals.testing.otlp_records import (
    Attributes,
    Exemplar,
    LogRecord,
    MetricPoint,
    Span,
    logs_in,
    points_in,
    spans_in,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Exemplar", "LogRecord", "MetricPoint", "OtlpGrpcReceiver", "OtlpReceiver", "Received", "Span"]


class Received:
    """Everything that arrived, in the order of arrival: `metrics`, `spans`, `logs`."""

    def __init__(self) -> None:
        self.metrics: list[MetricPoint] = []
        self.spans: list[Span] = []
        self.logs: list[LogRecord] = []
        self._changed = Condition()

    def wait_for(self, condition: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Wait until `condition()` holds, asked at every arrival; False when `timeout` seconds have passed."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def latest(self, metric: str) -> list[MetricPoint]:
        """The newest point of every series of `metric`. Right for cumulative export, the default of OTLP exporters."""
        series: dict[object, MetricPoint] = {}
        with self._changed:
            for point in self.metrics:
                if point.metric == metric:
                    series[_identity(point.resource), point.scope, _identity(point.attributes)] = point
        return list(series.values())

    def total(self, metric: str, attributes: Mapping[str, object] | None = None) -> float:
        """The sum over the newest points of `metric` that have all of `attributes`."""
        wanted = (attributes or {}).items()
        return sum(point.value for point in self.latest(metric) if wanted <= point.attributes.items())

    def accept(self, request: object) -> None:
        """Take in one export request of any signal."""
        with self._changed:
            if isinstance(request, ExportMetricsServiceRequest):
                self.metrics += points_in(request)
            elif isinstance(request, ExportTraceServiceRequest):
                self.spans += spans_in(request)
            elif isinstance(request, ExportLogsServiceRequest):
                self.logs += logs_in(request)
            self._changed.notify_all()


class OtlpReceiver(Received):
    """Receives OTLP over HTTP with protobuf bodies, plain or compressed, on a free port of the loopback interface."""

    def __init__(self) -> None:
        super().__init__()
        self._server = _HttpServer(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="otlp-http", daemon=True)

    @property
    def url(self) -> str:
        """Value for `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class OtlpGrpcReceiver(Received):
    """Receives OTLP over gRPC on a free port of the loopback interface. Needs `grpcio`."""

    def __init__(self) -> None:
        import grpc

        super().__init__()
        self._server: Any = grpc.server(ThreadPoolExecutor(2, "otlp-grpc"))
        self._server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.unary_unary_rpc_method_handler(self._answer(reply), request.FromString)}
                )
                for service, request, reply in _SIGNALS.values()
            ]
        )
        self._port: int = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def url(self) -> str:
        """Value for `OTEL_EXPORTER_OTLP_ENDPOINT`, with `OTEL_EXPORTER_OTLP_PROTOCOL=grpc`."""
        return f"http://127.0.0.1:{self._port}"

    def _answer(self, reply: Any) -> Callable[[object, object], bytes]:
        def export(request: object, _context: object) -> bytes:
            self.accept(request)
            return bytes(reply().SerializeToString())

        return export

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.stop(None).wait()


_SIGNALS: dict[str, tuple[str, Any, Any]] = {
    f"/v1/{signal}": (f"opentelemetry.proto.collector.{package}.v1.{name}Service", request, reply)
    for signal, package, name, request, reply in (
        ("metrics", "metrics", "Metrics", ExportMetricsServiceRequest, ExportMetricsServiceResponse),
        ("traces", "trace", "Trace", ExportTraceServiceRequest, ExportTraceServiceResponse),
        ("logs", "logs", "Logs", ExportLogsServiceRequest, ExportLogsServiceResponse),
    )
}
"""HTTP path to gRPC service, request and reply."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, received: Received) -> None:
        self.received = received
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An exporter that leaves is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, answer = self._take(body)
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _take(self, body: bytes) -> tuple[int, bytes]:
        signal = _SIGNALS.get(self.path)
        if signal is None:
            return 404, b""
        if self.headers.get_content_type() != "application/x-protobuf":
            return 415, b""
        _, request, reply = signal
        try:
            if self.headers.get("content-encoding"):
                body = zlib.decompress(body, zlib.MAX_WBITS | 32)  # 32: gzip and deflate alike, told by their header
            cast("_HttpServer", self.server).received.accept(request.FromString(body))
        except (zlib.error, DecodeError):
            return 400, b""
        return 200, reply().SerializeToString()

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


def _identity(attributes: Attributes) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in attributes.items()))
