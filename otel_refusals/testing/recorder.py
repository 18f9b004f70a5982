"""Telemetry in memory, with assertions that say what was found instead.

    with RefusalRecorder() as refusals:
        ...  # calls through any vendor's SDK
    refusals.assert_one(category="cyber", stage="mid_stream")

Needs `opentelemetry-sdk`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_refusals import names
from otel_refusals.instrumentation import instrument, suspended, uninstrument

if TYPE_CHECKING:
    from typing_extensions import Self

try:
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
except ImportError:  # its name before 1.39
    from opentelemetry.sdk._logs.export import InMemoryLogExporter as InMemoryLogRecordExporter

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRefusal:
    """One operation that was declined, or ended with a stop reason that nobody knows, as its event tells it.

    Args:
        outcome: `refused`, `rescued` or `unknown`.
        attributes: All attributes of the event.
        trace_id: Of the span that the event belongs to, hexadecimal; zeros for none.
    """

    provider: str
    operation: str
    model: str
    workload: str
    outcome: str
    category: str | None
    raw_category: str | None
    stage: str | None
    source: str | None
    signal: str | None
    discarded_input_tokens: int | None
    discarded_output_tokens: int | None
    rescued_by: str | None
    trace_id: str
    attributes: Attributes

    def __str__(self) -> str:
        told = {name: getattr(self, name) for name in self.__slots__ if name not in ("attributes", "trace_id")}
        return ", ".join(f"{name}={value!r}" for name, value in told.items() if value is not None)


class RefusalRecorder:
    """In-memory providers, and what is reported to them.

    As a context manager it instruments every vendor, in place of any instrumentation that is active, which comes back
    at the end.

    Args:
        tracer_provider: Makes the spans; one of its own by default. Give the one that `spans` listens to.
        spans: Where its spans arrive.
        settings: Arguments of `otel_refusals.instrument`, for the context manager.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        spans: InMemorySpanExporter | None = None,
        **settings: Any,
    ) -> None:
        self._metrics = InMemoryMetricReader()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self._spans = spans or InMemorySpanExporter()
        self.tracer_provider = tracer_provider or TracerProvider()
        if spans is None:
            self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._metrics])
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self._settings = settings
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(suspended())
        instrument(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
            **self._settings,
        )
        self._stack.callback(uninstrument)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def refusals(self) -> list[RecordedRefusal]:
        """The operations that were refused or rescued, in order."""
        return self._told(names.REFUSAL_DETECTED)

    @property
    def unknown(self) -> list[RecordedRefusal]:
        """The operations that ended with a stop reason that no reader knows."""
        return self._told(names.UNKNOWN_STOP_REASON)

    @property
    def operations(self) -> dict[str, float]:
        """How many operations ended how."""
        return self.sums(names.OPERATIONS.name, names.OUTCOME)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended."""
        return list(self._spans.get_finished_spans())

    @property
    def events(self) -> list[tuple[str, Attributes]]:
        """The names and attributes of the events."""
        return [(record.event_name, record.attributes) for record in self.log_records]

    @property
    def log_records(self) -> list[Any]:
        """The events as log records."""
        return [log.log_record for log in self._logs.get_finished_logs()]

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

    def assert_one(self, **expected: object) -> RecordedRefusal:
        """Exactly one operation was refused or rescued, and it is as `expected`.

        Args:
            expected: Fields of `RecordedRefusal`, for example `category="cyber", stage="mid_stream"`.

        Returns:
            That one.

        Raises:
            AssertionError: otherwise; the message tells what was recorded instead.
        """
        found = self.refusals
        if len(found) != 1:
            raise AssertionError(f"expected one refusal, found {len(found)}{self._listed()}")
        wrong = _differences(found[0], expected)
        if wrong:
            raise AssertionError(f"expected {'; '.join(wrong)}{self._listed()}")
        return found[0]

    def assert_none(self) -> None:
        """Nothing was refused or rescued, and no stop reason was unknown.

        Raises:
            AssertionError: otherwise; the message tells what was recorded.
        """
        if self.refusals or self.unknown:
            raise AssertionError(f"expected no refusal{self._listed()}")

    def _listed(self) -> str:
        lines = [f"  {told.outcome}: {told}" for told in (*self.refusals, *self.unknown)]
        counts = ", ".join(f"{count:g} {outcome}" for outcome, count in self.operations.items())
        return "\n".join(["", *lines, f"  operations: {counts or 'none was seen; is its SDK instrumented?'}"])

    def _told(self, event: str) -> list[RecordedRefusal]:
        return [_recorded(record) for record in self.log_records if record.event_name == event]


def _recorded(record: Any) -> RecordedRefusal:
    attributes: Attributes = record.attributes or {}
    return RecordedRefusal(
        provider=attributes.get(names.PROVIDER, ""),
        operation=attributes.get(names.OPERATION, ""),
        model=attributes.get(names.REQUEST_MODEL, ""),
        workload=attributes.get(names.WORKLOAD, ""),
        outcome=attributes.get(names.OUTCOME, "unknown"),
        category=attributes.get(names.CATEGORY),
        raw_category=attributes.get(names.RAW_CATEGORY),
        stage=attributes.get(names.STAGE),
        source=attributes.get(names.SOURCE),
        signal=attributes.get(names.SIGNAL),
        discarded_input_tokens=attributes.get(names.DISCARDED_INPUT),
        discarded_output_tokens=attributes.get(names.DISCARDED_OUTPUT),
        rescued_by=attributes.get(names.RESCUED_BY),
        trace_id=f"{record.trace_id or 0:032x}",
        attributes=attributes,
    )


def _differences(found: RecordedRefusal, expected: Mapping[str, object]) -> list[str]:
    for name in expected:
        if name not in found.__slots__:
            raise TypeError(f"{name!r} is no field of a recorded refusal: {', '.join(found.__slots__)}")
    return [
        f"{name}={value!r}, found {getattr(found, name)!r}"
        for name, value in expected.items()
        if getattr(found, name) != value
    ]
