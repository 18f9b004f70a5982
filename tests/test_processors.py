"""Processors, exporters and readers of the application that raise, block or are busy take their own signal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import Any

import openai
import pytest
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import otel_refusals
from otel_refusals import failure
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

CHAT = ARGUMENTS["chat"]
REFUSED, COMPLETED = fixture("openai/chat_refusal.json").reply, fixture("openai/chat_completed.json").reply


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


class Instrumented:
    """Instrumented with the providers of `recorded`, for the length of a `with`."""

    def __init__(self, recorded: Recorded, **providers: Any) -> None:
        mine = {name: getattr(recorded, name) for name in ("tracer_provider", "meter_provider", "logger_provider")}
        self._providers = {**mine, **providers}

    def __enter__(self) -> None:
        otel_refusals.instrument(**self._providers)

    def __exit__(self, *_: object) -> None:
        otel_refusals.uninstrument()


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
    broken: dict[str, Any] = {}
    if signal == "spans":
        recorded.tracer_provider.add_span_processor(Broken())
    elif signal == "events":
        recorded.logger_provider.add_log_record_processor(Broken())
    else:
        broken = {"meter_provider": MeterProvider([InMemoryMetricReader()], exemplar_filter=BrokenFilter())}
    heard: list[Any] = []
    stop = otel_refusals.on_refusal(heard.append)
    with Instrumented(recorded, **broken):
        refused()
    stop()

    assert ["refused"] == [outcome.outcome for outcome in heard]
    assert signal == "metrics" or {"refused": 1} == recorded.outcomes
    assert signal == "events" or ["refusal.detected"] == [name for name, _ in recorded.events]
    assert 1 == len(recorded.spans)
    if signal != "metrics":
        labels = ("refusal.vendor", "error.type")
        assert {("openai", "RuntimeError"): 1} == recorded.sums("refusal.instrumentation.errors", *labels)


def test_an_exporter_that_blocks_holds_nobody_up(refused: Callable[[], None]) -> None:
    """Calls go on while one hangs in the processor's own thread; nothing of theirs is lost."""
    recorded, exporter = Recorded(), Blocked()
    recorded.tracer_provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=10))
    with Instrumented(recorded):
        refused()
        assert exporter.entered.wait(30)
        for _ in range(5):
            refused()
        assert {"refused": 6} == recorded.outcomes
        exporter.let_go.set()
    recorded.tracer_provider.shutdown()
    assert 6 == len(exporter.exported)


def test_a_reader_that_hangs_in_a_collection_holds_nobody_up(refused: Callable[[], None]) -> None:
    """Somebody else's observable instrument may take as long as it likes."""
    recorded, entered, let_go = Recorded(), Event(), Event()

    def observe(_: CallbackOptions) -> Iterator[Observation]:
        entered.set()
        assert let_go.wait(30)
        yield Observation(1)

    recorded.meter_provider.get_meter("other").create_observable_gauge("slow", [observe])
    found: list[dict[str, float]] = []
    with Instrumented(recorded):
        collecting = Thread(target=lambda: found.append(recorded.outcomes))
        collecting.start()
        assert entered.wait(30)
        for _ in range(3):
            refused()
        let_go.set()
        collecting.join()
    assert [{"refused": 3}] == found


def test_what_is_collected_while_operations_end_adds_up(gpt: openai.OpenAI, vendor: StubServer) -> None:
    """Deltas, collected without a pause while two threads report: each operation is in exactly one of them."""
    delta = {Counter: AggregationTemporality.DELTA}
    reader = InMemoryMetricReader(preferred_temporality=delta)
    collected: list[float] = []
    done = Event()

    def collect() -> None:
        for resource in getattr(reader.get_metrics_data(), "resource_metrics", ()):
            metrics = (metric for scope in resource.scope_metrics for metric in scope.metrics)
            points = (
                point for one in metrics if one.name == "refusal.client.operations" for point in one.data.data_points
            )
            collected.append(sum(point.value for point in points))

    def collect_all() -> None:
        while not done.is_set():
            collect()

    def report() -> None:
        for _ in range(20):
            gpt.chat.completions.create(**CHAT)

    vendor.queue(*[COMPLETED] * 40)
    threads = [Thread(target=report) for _ in range(2)]
    collecting = Thread(target=collect_all)
    with Instrumented(Recorded(), meter_provider=MeterProvider([reader])):
        for thread in (collecting, *threads):
            thread.start()
        for thread in threads:
            thread.join()
    done.set()
    collecting.join()
    collect()
    assert 40 == sum(collected)
    assert len(collected) > 1
