"""Operations that nobody must act on are counted when metrics are collected: each once, whoever counts or collects."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.metrics import Counter
from opentelemetry.sdk.metrics import ExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import otel_refusals
from otel_refusals import failure, names, tally
from otel_refusals.tally import Tallies, Tally
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

CLAUDE = ARGUMENTS["messages"]
CHAT = ARGUMENTS["chat"]
COMPLETED = fixture("anthropic/completed_end_turn.json").reply
STREAM = fixture("anthropic/stream_completed.sse").reply


SAMPLED = trace.SpanContext(1, 1, is_remote=False, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED))


class Owner:
    """Who counts."""


class Told:
    """A counter that keeps what it is told, or what is `seen` at that moment."""

    def __init__(self, kept: list[Any], seen: Callable[[int], Any] = int) -> None:
        self._kept = kept
        self._seen = seen

    def add(self, amount: int, *_: object) -> None:
        self._kept.append(self._seen(amount))


def counter_and_reader() -> tuple[Counter, InMemoryMetricReader]:
    """A counter whose collections add up the tallies first, and what collects it."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("tests")
    tally.flush_on_collection(meter)
    return meter.create_counter("counted"), reader


def collected(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """The points of every metric, by its name."""
    data = reader.get_metrics_data()
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
    return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


@given(st.lists(st.sampled_from(["count", "take"])))
def test_what_is_taken_is_what_was_counted(steps: list[str]) -> None:
    """However the two take turns."""
    one, counted, taken = Tally({}), 0, 0
    for step in steps:
        if step == "count":
            one.add()
            counted += 1
        else:
            taken += one.take()
    assert counted == taken + one.take()
    assert 0 == one.take()


def test_a_collection_finds_what_was_counted_before_it(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The one right after it, not the next."""
    vendor.queue(*[COMPLETED] * 3)
    for made in (1, 2, 3):
        claude.messages.create(**CLAUDE)
        assert {"completed": made} == recorded.outcomes


def test_the_instrument_that_hears_the_collection_is_not_exported(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """It has no value, so the SDK leaves it out."""
    vendor.queue(COMPLETED)
    claude.messages.create(**CLAUDE)

    assert {"refusal.client.operations"} == set(collected(recorded._metrics))


def test_two_readers_are_told_the_same() -> None:
    """The collection of one adds up for the other."""
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    meter = MeterProvider(readers).get_meter("tests")
    tally.flush_on_collection(meter)
    owner = Owner()
    one = Tallies(meter.create_counter("counted"), owner).new({"outcome": "completed"})

    for told in (1, 2):
        one.add()
        assert [[told], [told]] == [[point.value for point in collected(reader)["counted"]] for reader in readers]


def test_threads_that_count_and_collect_at_once_lose_nothing() -> None:
    """Nor count anything twice."""
    counter, reader = counter_and_reader()
    owner = Owner()
    one = Tallies(counter, owner).new({"outcome": "completed"})

    def count(_: int) -> None:
        for _ in range(5_000):
            one.add()

    with ThreadPoolExecutor(8) as threads:
        jobs = [threads.submit(count, number) for number in range(6)]
        jobs += [threads.submit(lambda: [collected(reader) for _ in range(200)]) for _ in range(2)]
    for job in jobs:
        job.result()

    assert [30_000] == [point.value for point in collected(reader)["counted"]]


def test_an_answer_that_outlives_the_instrumentation_is_counted(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """With it goes who counts, but not what was counted."""
    vendor.queue(STREAM)
    stream = claude.messages.create(**CLAUDE, stream=True)
    otel_refusals.uninstrument()
    list(stream)
    del stream
    gc.collect()

    assert {"completed": 1} == recorded.outcomes


def test_instrumenting_again_and_again_counts_on_and_keeps_nothing(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Also with the same provider, which knows the instruments already."""
    recorded = instrument()
    kept = len(tally._ALL)
    for _ in range(5):
        vendor.queue(COMPLETED)
        claude.messages.create(**CLAUDE)
        otel_refusals.uninstrument()
        gc.collect()
        otel_refusals.instrument(
            tracer_provider=recorded.tracer_provider,
            meter_provider=recorded.meter_provider,
            logger_provider=recorded.logger_provider,
        )

    assert {"completed": 5} == recorded.outcomes
    assert len(tally._ALL) <= kept + 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_what_was_counted_to_its_parent(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Else both would add it."""
    vendor.queue(COMPLETED)
    claude.messages.create(**CLAUDE)
    child = os.fork()
    if child == 0:
        os._exit(int(sum(recorded.outcomes.values())))
    _, status = os.waitpid(child, 0)

    assert 0 == os.waitstatus_to_exitcode(status)
    assert {"completed": 1} == recorded.outcomes


def test_the_exemplar_is_of_the_first_sampled_trace(recorded: Recorded, gpt: openai.OpenAI, vendor: StubServer) -> None:
    """It stands for all that were counted with it."""
    vendor.queue(*[fixture("openai/chat_completed.json").reply] * 3)
    with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=True))):
        gpt.chat.completions.create(**CHAT)
    for name in ("first", "last"):
        with trace.get_tracer("app").start_as_current_span(name):
            gpt.chat.completions.create(**CHAT)

    first = next(span for span in recorded.spans if span.name == "first")
    (point,) = [point for point in recorded.points(names.OPERATIONS.name) if point.value]
    assert 3 == point.value
    assert [first.context.span_id] == [exemplar.span_id for exemplar in point.exemplars]


def test_a_counter_that_raises_fails_neither_the_collection_nor_other_counters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it was to count is lost, as it would be with `Counter.add`."""

    class Broken(Owner):
        def add(self, *_: object) -> None:
            raise ArithmeticError

    monkeypatch.setattr(failure, "raise_failures", False)
    counter, reader = counter_and_reader()
    owner = Owner()
    broken: Any = Broken()
    for whose in (broken, counter):
        Tallies(whose, owner).new({"outcome": "completed"}).add()

    assert [1] == [point.value for point in collected(reader)["counted"]]
    del owner
    tally.flush()  # while it may raise


def test_what_another_owner_counted_waits_for_its_own_collection() -> None:
    """Its provider may not be set yet, and then what is added to its counter is gone."""
    added: list[int] = []
    first = Owner()
    Tallies(Told(added), first).new({"outcome": "completed"}).add()
    second = Owner()
    Tallies(Told([]), second)
    assert [] == added

    del first
    Tallies(Told([]), second)
    assert [1] == added


def test_an_owner_that_is_gone_is_forgotten_after_its_counts_were_added() -> None:
    """Until then, whoever else collects finds it and waits."""
    during: list[bool] = []
    owner = Owner()
    tallies = Tallies(Told(during, lambda _: tallies in tally._ALL), owner)
    tallies.new({"outcome": "completed"})
    del owner
    tally.flush()

    assert [True] == during
    assert tallies not in tally._ALL


def test_a_collection_that_interrupts_another_on_its_thread_counts_nothing_twice() -> None:
    """As that of a signal handler does, between the taking and the adding."""
    added: list[int] = []

    class Interrupted(Told):
        def add(self, amount: int, *_: object) -> None:
            one.add()
            tally.flush()
            super().add(amount)

    owner = Owner()
    one = Tallies(Interrupted(added), owner).new({"outcome": "completed"})
    one.add()
    tally.flush()
    assert [1] == added

    tally.flush()
    assert [1, 1] == added


def test_an_exemplar_filter_that_raises_takes_one_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that it was asked about: the exemplar's."""

    class Particular(ExemplarFilter):
        def should_sample(self, *measurement: Any) -> bool:
            if trace.get_current_span(measurement[-1]).get_span_context().is_valid:
                raise LookupError
            return False

    monkeypatch.setattr(failure, "raise_failures", False)
    reader, owner = InMemoryMetricReader(), Owner()
    meter = MeterProvider([reader], exemplar_filter=Particular()).get_meter("tests")
    tally.flush_on_collection(meter)
    one = Tallies(meter.create_counter("counted"), owner).new({"outcome": "completed"})
    for _ in range(3):
        one.add()
    one.note(SAMPLED)

    assert [2] == [point.value for point in collected(reader)["counted"]]


def test_a_forked_child_leaves_the_exemplar_to_its_parent_too() -> None:
    """The trace of the parent's call is of none of the child's."""
    owner = Owner()
    tallies = Tallies(Told([]), owner)
    one = tallies.new({"outcome": "completed"})
    one.note(SAMPLED)
    tallies.forget()

    assert one.exemplar() is None
