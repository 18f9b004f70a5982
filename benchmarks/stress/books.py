"""What was reported, kept as counts alone, so that the books do not grow with the run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

import otel_refusals
from otel_refusals import names

LOUD = frozenset({"refused", "rescued", "unknown"})
"""Outcomes of which one span, the SDK's own or ours, and one event tell too."""


class _Spans(SpanProcessor):
    """Counts at once and sets no context variable, as `SimpleSpanProcessor` does.

    Before CPython 3.12, the garbage collector may end a span inside `ContextVar.set`, which then uses freed memory if
    another variable is set meanwhile: the spans that anthropic makes and drops would end the process now and then.
    """

    def __init__(self) -> None:
        self.counted = 0

    def on_end(self, span: ReadableSpan) -> None:
        self.counted += (span.attributes or {}).get(names.OUTCOME) in LOUD


class _Events(LogRecordProcessor):
    def __init__(self) -> None:
        self.counted = 0

    def on_emit(self, log_record: Any) -> None:  # noqa: ARG002
        self.counted += 1

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002
        """Nothing is held."""
        return True


class Books:
    """Real providers, and what arrives there."""

    def __init__(self) -> None:
        self._metrics = InMemoryMetricReader()
        self._spans = _Spans()
        self._events = _Events()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(self._spans)
        # Exemplars are kept per series and bucket: they would fill up over the whole of a run.
        self.meter_provider = MeterProvider([self._metrics], exemplar_filter=AlwaysOffExemplarFilter())
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(self._events)

    def instrument(self) -> None:
        """Have everything reported here, with room for a workload per case."""
        otel_refusals.instrument(
            vendors=["anthropic", "openai"],
            max_label_values=1000,
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
        )

    @property
    def operations(self) -> Counter[tuple[str, ...]]:
        """How many operations ended how, by workload and outcome."""
        return self._sums(names.OPERATIONS.name, names.WORKLOAD, names.OUTCOME)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many operations ended how."""
        return dict(Counter(outcome for (_, outcome), times in self.operations.items() for _ in range(times)))

    def differences(self, made: Counter[tuple[str, str]]) -> list[str]:
        """Where what was reported is not what was `made`, in words."""
        operations = self.operations
        found = [
            f"{name}: {made[name, outcome]} operations ended {outcome}, {operations[name, outcome]:g} were reported"
            for name, outcome in sorted({*made, *operations})
            if made[name, outcome] != operations[name, outcome]
        ]
        loud = sum(times for (_, outcome), times in made.items() if outcome in LOUD)
        if self._events.counted != loud:
            found.append(f"{loud} operations were loud, {self._events.counted} events came")
        # The SDK may end a span of its own inside the garbage collector, in a moment that our report has to wait out.
        if not loud - loud // 100 - 2 <= self._spans.counted <= loud:
            found.append(f"{loud} operations were loud, {self._spans.counted} spans came")
        failures = self._sums(names.INSTRUMENTATION_ERRORS.name, names.ERROR_TYPE)
        return found + [f"the instrumentation failed by {name}, {times:g} times" for (name,), times in failures.items()]

    def _sums(self, metric: str, *labels: str) -> Counter[tuple[str, ...]]:
        sums: Counter[tuple[str, ...]] = Counter()
        data = self._metrics.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for found in (found for scope in resource.scope_metrics for found in scope.metrics if found.name == metric):
                for point in found.data.data_points:
                    if point.value:
                        sums[tuple(point.attributes[label] for label in labels)] += point.value
        return sums
