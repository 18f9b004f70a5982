"""Processors, exporters and readers of the application that raise, block or are busy: each takes its own signal only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import Any

import openai
import pytest
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler

import otel_refusals
from otel_refusals import failure
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

CHAT = ARGUMENTS["chat"]
REFUSED, COMPLETED = fixture("openai/chat_refusal.json").reply, fixture("openai/chat_completed_stop.json").reply


class Broken(SpanProcessor, LogRecordProcessor):
    """Of spans and of log records: raises whenever it is given one."""

    def on_end(self, span: Any) -> None:
        raise RuntimeError("broken")

    def on_emit(self, log_record: Any) -> None:
        raise RuntimeError("broken")

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class BrokenFilter:
    """An exemplar filter that raises at every measurement."""

    def should_sample(self, *args: Any) -> bool:
        raise RuntimeError("broken")


class Blocked(SpanExporter):
    """Holds whoever exports until it is let go."""

    def __init__(self) -> None:
        self.entered, self.let_go = Event(), Event()
        self.exported: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        assert self.let_go.wait(30)
        self.exported += spans
        return SpanExportResult.SUCCESS


@pytest.fixture
def refused(gpt: openai.OpenAI, vendor: StubServer) -> Callable[[], None]:
    """Make a call that is refused, and gets what the vendor said."""

    def ask() -> None:
        vendor.queue(REFUSED)
        assert gpt.chat.completions.create(**CHAT).choices[0].message.refusal

    return ask


@pytest.mark.parametrize("signal", ["spans", "metrics", "events"])
def test_a_signal_that_raises_takes_no_other_with_it(
    signal: str, refused: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets its answer, the other signals have the refusal, callbacks hear of it, and it is counted."""
    monkeypatch.setattr(failure, "raise_failures", False)
    recorded = Recorded()
    reader = InMemoryMetricReader()
    tracing, logging = recorded.tracer_provider, recorded.logger_provider
    metering = MeterProvider([reader], exemplar_filter=BrokenFilter()) if signal == "metrics" else recorded.meter_provider
    if signal == "spans":
        tracing.add_span_processor(Broken())
    if signal == "events":
        logging.add_log_record_processor(Broken())
    heard: list[Any] = []
    stop = otel_refusals.on_refusal(heard.append)
    otel_refusals.instrument(tracer_provider=tracing, meter_provider=metering, logger_provider=logging)
    try:
        refused()
    finally:
        stop()
        otel_refusals.uninstrument()

    assert ["refused"] == [outcome.outcome for outcome in heard]
    assert signal == "metrics" or {"refused": 1} == recorded.outcomes
    assert signal == "events" or ["refusal.detected"] == [name for name, _ in recorded.events]
    assert 1 == len(recorded.spans)
    if signal != "metrics":
        labels = ("refusal.vendor", "error.type")
        assert {("openai", "RuntimeError"): 1} == recorded.sums("refusal.instrumentation.errors", *labels)
