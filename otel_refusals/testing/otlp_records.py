"""Metrics, spans and log records as plain Python objects, and how OTLP's protobuf messages become them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanProto
from opentelemetry.proto.trace.v1.trace_pb2 import Status

Attributes = dict[str, Any]
"""Values are strings, numbers, booleans, bytes, None, tuples and dictionaries of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One measurement that a data point shows for all of its kind; ids are hexadecimal, empty for none."""

    value: float
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One data point of one export.

    Args:
        kind: `sum`, `gauge` or `histogram`.
        value: The number; of a histogram the sum of what was recorded.
        count: How many measurements a histogram holds; 1 for the other kinds.
        time: When it was taken, in nanoseconds of Unix time.
    """

    metric: str
    unit: str
    description: str
    kind: str
    value: float
    count: int
    attributes: Attributes
    exemplars: tuple[Exemplar, ...]
    time: int
    scope: str
    resource: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span. Ids are hexadecimal, `kind` and `status` are OTLP's words without prefix: `CLIENT`, `UNSET`."""

    name: str
    kind: str
    status: str
    trace_id: str
    span_id: str
    parent_span_id: str
    start: int
    end: int
    attributes: Attributes
    scope: str
    resource: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One log record; with an `event_name` it is an event."""

    event_name: str
    severity: str
    body: object
    time: int
    trace_id: str
    span_id: str
    attributes: Attributes
    scope: str
    resource: Attributes


def points_in(request: ExportMetricsServiceRequest) -> Iterable[MetricPoint]:
    """Every data point of one export."""
    for group in request.resource_metrics:
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                kind = metric.WhichOneof("data") or ""
                data: Any = getattr(metric, kind, None)
                for point in () if data is None else data.data_points:
                    whole = kind in ("histogram", "exponential_histogram", "summary")
                    yield MetricPoint(
                        metric=metric.name,
                        unit=metric.unit,
                        description=metric.description,
                        kind=kind,
                        value=point.sum if whole else _number(point),
                        count=point.count if whole else 1,
                        attributes=_attributes(point.attributes),
                        exemplars=tuple(
                            Exemplar(value=_number(one), trace_id=one.trace_id.hex(), span_id=one.span_id.hex())
                            for one in getattr(point, "exemplars", ())
                        ),
                        time=point.time_unix_nano,
                        scope=scoped.scope.name,
                        resource=_attributes(group.resource.attributes),
                    )


def spans_in(request: ExportTraceServiceRequest) -> Iterable[Span]:
    """Every span of one export."""
    for group in request.resource_spans:
        for scoped in group.scope_spans:
            for span in scoped.spans:
                yield Span(
                    name=span.name,
                    kind=SpanProto.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    status=Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_span_id=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=_attributes(span.attributes),
                    scope=scoped.scope.name,
                    resource=_attributes(group.resource.attributes),
                )


def logs_in(request: ExportLogsServiceRequest) -> Iterable[LogRecord]:
    """Every log record of one export."""
    for group in request.resource_logs:
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                yield LogRecord(
                    event_name=record.event_name,
                    severity=record.severity_text,
                    body=_value(record.body),
                    time=record.time_unix_nano,
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    attributes=_attributes(record.attributes),
                    scope=scoped.scope.name,
                    resource=_attributes(group.resource.attributes),
                )


def _number(point: Any) -> float:
    return point.as_int if point.WhichOneof("value") == "as_int" else float(point.as_double)


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(_value(one) for one in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)
