"""What was reported, in the contract's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

try:
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
except ImportError:  # its name before 1.39
    from opentelemetry.sdk._logs.export import InMemoryLogExporter as InMemoryLogRecordExporter

Attributes = Mapping[str, Any]


class Recorded:
    """In-memory providers and what arrived there."""

    def __init__(self, tracer_provider: TracerProvider, spans: InMemorySpanExporter) -> None:
        self._metrics = InMemoryMetricReader()
        self._logs = InMemoryLogRecordExporter()
        self._spans = spans
        self.tracer_provider = tracer_provider
        self.meter_provider = MeterProvider([self._metrics])
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    def points(self, metric: str) -> list[Any]:
        """The data points of one metric."""
        data = self._metrics.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]

    def sums(self, metric: str, *labels: str) -> dict[Any, float]:
        """The non-zero sums of one counter by the values of `labels` (one value, or a tuple of several)."""
        sums: Counter[Any] = Counter()
        for point in self.points(metric):
            values = tuple(point.attributes.get(label) for label in labels)
            sums[values[0] if len(values) == 1 else values] += point.value
        return {values: total for values, total in sums.items() if total}

    @property
    def outcomes(self) -> dict[str, float]:
        """How many operations ended how."""
        return self.sums("refusal.client.operations", "refusal.outcome")

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended."""
        return list(self._spans.get_finished_spans())

    @property
    def span(self) -> Attributes:
        """The attributes of the one span that has ended."""
        (span,) = self.spans
        return span.attributes or {}

    @property
    def events(self) -> list[tuple[str, Attributes]]:
        """The names and attributes of the events."""
        return [(log.log_record.event_name, log.log_record.attributes) for log in self._logs.get_finished_logs()]

    @property
    def log_records(self) -> list[Any]:
        """The events as log records."""
        return [log.log_record for log in self._logs.get_finished_logs()]
