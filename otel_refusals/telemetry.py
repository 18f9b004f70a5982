"""Outcome in; counters, span attributes and events out. The only emitter.

The law of this module: nothing that a vendor or a caller sends becomes a metric label unbounded, and no content leaves
unless capture is switched on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import time, time_ns
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace
from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import Counter, MeterProvider
from opentelemetry.trace import Span, TracerProvider, set_span_in_context

from otel_refusals import events, names, spans
from otel_refusals._version import __version__
from otel_refusals.attributes import Attributes, attributes_of, official_attributes, origin_as_seen
from otel_refusals.callbacks import call_back
from otel_refusals.config import Config, outcome_from
from otel_refusals.failure import swallow
from otel_refusals.gateways import Addresses
from otel_refusals.labels import BoundedLabels
from otel_refusals.names import Metric
from otel_refusals.origins import remember
from otel_refusals.outcome import Ending, Errored, Origin, Outcome, Refused, Rescued, Unknown
from otel_refusals.seen import Seen
from otel_refusals.spans import NOWHERE
from otel_refusals.tally import Tallies, Tally, flush_on_collection
from otel_refusals.workloads import workload_heard, workload_of, workload_of_route

if TYPE_CHECKING:
    from otel_refusals.operation import Operation

Labels = dict[str, str]
Loud = Refused | Rescued | Unknown

_MAX_ERROR_TYPES = 100


@dataclass(frozen=True, slots=True)
class _Series:
    """The label sets of one (provider, operation, model, workload): that alone, and with each outcome."""

    base: Labels
    operations: dict[str, Tally] = field(default_factory=dict)


class Telemetry:
    """Reports operations to OpenTelemetry.

    Args:
        config: What to make spans for, how labels are bounded, what may be captured.
        tracer_provider: None for the global one; likewise the other two.
    """

    def __init__(
        self,
        config: Config,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.seen = Seen()
        self.providers: Addresses = config.providers or {}
        self._config = config
        self._tracer = trace.get_tracer(names.SCOPE, __version__, tracer_provider)
        self._logger = (logger_provider or get_logger_provider()).get_logger(names.SCOPE, __version__)
        caps = config.max_label_values
        self._models = BoundedLabels(caps.models)
        self._workloads = BoundedLabels(caps.workloads)
        # What callers send must leave room for the names of the application itself.
        self._heard = BoundedLabels(caps.workloads // 2)
        self._signals = BoundedLabels(caps.signals)
        self._error_types = BoundedLabels(_MAX_ERROR_TYPES)
        # Label sets by what they are made of: bounded, because each part is.
        self._series: dict[tuple[str, str, str, str], _Series] = {}
        meter = metrics.get_meter(names.SCOPE, __version__, meter_provider)
        self._create_instruments(meter)
        flush_on_collection(meter)
        self._tallies = Tallies(self._operations, owner=self)

    def _create_instruments(self, meter: metrics.Meter) -> None:
        def counter(metric: Metric) -> Counter:
            return meter.create_counter(metric.name, metric.unit, metric.brief)

        self._operations = counter(names.OPERATIONS)
        self._refusals = counter(names.REFUSALS)
        self._discarded_input = counter(names.DISCARDED_INPUT_TOKENS)
        self._discarded_output = counter(names.DISCARDED_OUTPUT_TOKENS)
        self._unknown = counter(names.UNKNOWN_STOP_REASONS)
        self._dispositions = counter(names.DISPOSITIONS)
        self._errors = counter(names.INSTRUMENTATION_ERRORS)
        last_seen = names.UNKNOWN_LAST_SEEN
        self._last_seen = meter.create_gauge(last_seen.name, last_seen.unit, last_seen.brief)
        duration = names.TIME_TO_REFUSAL
        self._time_to_refusal = meter.create_histogram(
            duration.name, duration.unit, duration.brief, explicit_bucket_boundaries_advisory=names.TIME_BUCKETS
        )

    call_span = staticmethod(spans.call_span)

    def taught(self, provider: str, unknown: Unknown) -> Outcome:
        """What the configuration teaches about a stop reason that no reader knows; `unknown` itself for nothing."""
        word = (self._config.stop_reasons or {}).get((provider, unknown.signal))
        return unknown if word is None else outcome_from(word, unknown.signal)

    def count_failure(self, vendor: str, error_type: str) -> None:
        """Count one failure of our own."""
        self._errors.add(1, {names.VENDOR: vendor, names.ERROR_TYPE: self._error_types.bound(error_type)})

    def annotate(self, span: Span, operation: Operation, outcome: Outcome, *, tokens: bool = True) -> None:
        """Write `outcome` on the span of the call, with its `tokens` or still without."""
        try:
            if not span.is_recording():
                return
            ours = attributes_of(outcome, explanation=self._config.capture_explanation)
            ours[names.WORKLOAD] = self._workload_in(operation.context) if operation.context else self._config.workload
            if isinstance(outcome, (Refused, Rescued)):
                if not tokens:
                    ours.pop(names.DISCARDED_INPUT, None)
                    ours.pop(names.DISCARDED_OUTPUT, None)
                # Of a decline, a span tells all that is known; of anything else, only what its maker cannot know.
                ours.update(spans.lacking(span, official_attributes(operation)))
            span.set_attributes(ours)
        except Exception as error:
            swallow(error, "Telemetry.annotate", operation.vendor_name)

    def report_plain(self, operation: Operation, outcome: Ending) -> None:
        """Annotate and count, in one step, what ended as most do."""
        workload = self._workload_in(operation.context) if operation.context else self._config.workload
        span = operation.span
        if span is not None:
            try:
                if span.is_recording():
                    span.set_attribute(names.OUTCOME, outcome.outcome)
                    span.set_attribute(names.SIGNAL, outcome.signal)
                    span.set_attribute(names.WORKLOAD, workload)
            except Exception as error:
                swallow(error, "Telemetry.annotate", operation.vendor_name)
        self._report_quietly(operation, outcome, workload)

    def report(self, operation: Operation, outcome: Outcome) -> None:
        """Count the operation and tell the world. Called once per operation.

        A signal whose SDK or processor raises takes no other with it.
        """
        workload = self._workload_in(operation.context) if operation.context else self._config.workload
        if isinstance(outcome, (Refused, Rescued, Unknown)):
            self._report_loudly(operation, outcome, workload)
            return
        self._report_quietly(operation, outcome, workload)

    def _report_quietly(self, operation: Operation, outcome: Outcome, workload: str) -> None:
        span = operation.span
        if span is None and self._config.spans == "all":
            span = self._own_span(operation, outcome, workload)
        try:
            _, tally = self._series_and_tally(operation, outcome, workload)
            tally.add()
            if tally.trace is None:
                if span is None and operation.context:
                    span = trace.get_current_span(operation.context)
                if span is not None:
                    tally.note(span.get_span_context())
        except Exception as error:
            swallow(error, "Telemetry.report: metrics", operation.vendor_name)

    def _report_loudly(self, operation: Operation, outcome: Loud, workload: str) -> None:
        """What somebody must act on: counted at once and in its context, with a span and an event."""
        origin = origin_as_seen(operation, workload)
        outcome = replace(outcome, origin=origin)
        remember(origin, operation.error)
        span = operation.span
        if span is None and self._config.spans != "off":
            span = self._own_span(operation, outcome, workload)
        context = operation.context or NOWHERE
        if span is not None:
            context = set_span_in_context(span, context)
        try:
            base, tally = self._series_and_tally(operation, outcome, workload)
            self._operations.add(1, tally.labels, context)
            if isinstance(outcome, Unknown):
                self._count_unknown(outcome, base, context)
            else:
                self._count_refusals(operation, outcome, base, context)
        except Exception as error:
            swallow(error, "Telemetry.report: metrics", operation.vendor_name)
        self._tell(operation, outcome, workload, context)

    def _tell(self, operation: Operation, outcome: Loud, workload: str, context: Context) -> None:
        try:
            events.emit(self._logger, outcome, self._attributes(operation, outcome, workload), context)
        except Exception as error:
            swallow(error, "Telemetry.report: event", operation.vendor_name)
        if isinstance(outcome, Unknown):
            events.warn(operation.provider, self._signals.bound(outcome.signal))
        else:
            call_back(outcome)

    def count_disposition(self, outcome: Loud, disposition: str) -> None:
        """Count what the application did about `outcome`, and mark the current span.

        That of a rescued one is not counted: it would make up for a refusal that has none.
        """
        trace.get_current_span().set_attribute(names.DISPOSITION, disposition)
        if isinstance(outcome, Rescued):
            return
        origin = outcome.origin
        labels = {
            names.PROVIDER: origin.provider if origin else "unknown",
            names.REQUEST_MODEL: self._models.bound(_model(origin) if origin else "unknown"),
            names.WORKLOAD: self._workloads.bound(origin.workload if origin else self._workload_in(get_current())),
            names.CATEGORY: "unspecified" if isinstance(outcome, Unknown) else outcome.refusal.category,
            names.DISPOSITION: disposition,
        }
        self._dispositions.add(1, labels)

    def _workload_in(self, context: Context) -> str:
        """The application's own name for it, its caller's, that of the route, or the default."""
        if name := workload_of(context):
            return name
        if name := workload_heard(context):
            return self._heard.bound(name)
        return workload_of_route(context) or self._config.workload

    def _own_span(self, operation: Operation, outcome: Outcome, workload: str) -> Span | None:
        attributes = self._attributes(operation, outcome, workload)
        if isinstance(outcome, Errored):
            attributes[names.ERROR_TYPE] = self._error_types.bound(outcome.error_type)
        try:
            return spans.own_span(
                self._tracer,
                operation.endpoint.operation,
                operation.model,
                operation.context,
                operation.started_at,
                attributes,
            )
        except Exception as error:
            swallow(error, "Telemetry.report: span", operation.vendor_name)
            return None

    def _attributes(self, operation: Operation, outcome: Outcome, workload: str) -> Attributes:
        ours = attributes_of(outcome, explanation=self._config.capture_explanation)
        return {**official_attributes(operation), **ours, names.WORKLOAD: workload}

    def _series_and_tally(self, operation: Operation, outcome: Outcome, workload: str) -> tuple[Labels, Tally]:
        model = operation.model or operation.reader.response_model or "unknown"
        key = (operation.provider, operation.endpoint.operation, model, workload)
        series = self._series.get(key) or self._new_series(key)
        return series.base, series.operations.get(outcome.outcome) or self._new_tally(series, outcome)

    def _new_series(self, key: tuple[str, str, str, str]) -> _Series:
        provider, operation, model, workload = key
        key = (provider, operation, self._models.bound(model), self._workloads.bound(workload))
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(dict(zip(names.BASE, key, strict=True)))
            for word in (Refused.outcome, Rescued.outcome, Unknown.outcome):  # at zero, before there is one
                series.operations[word] = self._tallies.new({**series.base, names.OUTCOME: word})
        return series

    def _new_tally(self, series: _Series, outcome: Outcome) -> Tally:
        labels = {**series.base, names.OUTCOME: outcome.outcome}
        key: str = outcome.outcome
        if isinstance(outcome, Errored):
            labels[names.ERROR_TYPE] = self._error_types.bound(outcome.error_type)
            key = f"{key}: {labels[names.ERROR_TYPE]}"  # there are several, so none is found by the outcome alone
        tally = series.operations.get(key)
        if tally is None:
            tally = series.operations[key] = self._tallies.new(labels)
        return tally

    def _count_refusals(self, operation: Operation, outcome: Refused | Rescued, base: Labels, context: Context) -> None:
        for refusal in outcome.refusals:
            labels = {
                **base,
                names.OUTCOME: outcome.outcome,
                names.CATEGORY: refusal.category,
                names.STAGE: refusal.stage,
                names.SOURCE: refusal.source,
            }
            self._refusals.add(1, labels, context)
        refusal = outcome.refusal
        labels = {**base, names.CATEGORY: refusal.category, names.STAGE: refusal.stage}
        if outcome.discarded_input_tokens is not None:
            self._discarded_input.add(outcome.discarded_input_tokens, labels, context)
        if outcome.discarded_output_tokens is not None:
            self._discarded_output.add(outcome.discarded_output_tokens, labels, context)
        if operation.endpoint.results != "each":  # when that call was made, nobody knows here
            seconds = max(0, (operation.decided_at or time_ns()) - operation.started_at) / 1e9
            self._time_to_refusal.record(seconds, {**base, names.STAGE: refusal.stage}, context)

    def _count_unknown(self, outcome: Unknown, base: Labels, context: Context) -> None:
        signal = self._signals.bound(outcome.signal)
        self._unknown.add(1, {**base, names.SIGNAL: signal}, context)
        gauge_labels = {name: base[name] for name in names.UNKNOWN_LAST_SEEN.attributes if name in base}
        self._last_seen.set(time(), {**gauge_labels, names.SIGNAL: signal}, context)


def _model(origin: Origin) -> str:
    return origin.model or origin.response_model or "unknown"
