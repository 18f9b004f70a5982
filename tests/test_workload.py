"""The workload: named by the caller, carried by the OpenTelemetry context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import anthropic
import pytest
from opentelemetry import baggage, context

import otel_refusals
from otel_refusals import workload
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

COMPLETED = fixture("anthropic/completed_end_turn.json").reply
STREAM = fixture("anthropic/stream_refusal_mid_text.sse").reply


@pytest.fixture
def call(claude: anthropic.Anthropic, vendor: StubServer) -> Callable[[], None]:
    """Makes one call."""

    def make() -> None:
        vendor.queue(COMPLETED)
        claude.messages.create(**ARGUMENTS["messages"])

    return make


def workloads(recorded: Recorded) -> dict[str, float]:
    """How many operations each workload had."""
    return recorded.sums("refusal.client.operations", "refusal.workload")


def test_a_context_names_the_workload_and_the_innermost_wins(recorded: Recorded, call: Callable[[], None]) -> None:
    """Outside of any, it is unspecified."""
    call()
    with workload("outer"):
        call()
        with workload("inner"):
            call()
        call()
    call()

    assert {"unspecified": 2, "outer": 2, "inner": 1} == workloads(recorded)


def test_a_decorator_names_the_workload_of_a_function(recorded: Recorded, call: Callable[[], None]) -> None:
    """Also of a recursive one."""

    @workload("job")
    def job(depth: int) -> int:
        call()
        return job(depth - 1) if depth else 7

    assert 7 == job(1)
    assert {"job": 2} == workloads(recorded)


def test_a_decorator_names_the_workload_of_a_coroutine(recorded: Recorded, vendor: StubServer) -> None:
    """Interleaved ones do not see each other's."""
    vendor.queue(*[COMPLETED] * 4)

    async def both() -> None:
        async with anthropic.AsyncAnthropic(base_url=vendor.url, api_key="key") as client:

            @workload("first")
            async def first() -> None:
                await client.messages.create(**ARGUMENTS["messages"])

            @workload("second")
            async def second() -> None:
                await client.messages.create(**ARGUMENTS["messages"])

            await asyncio.gather(first(), second(), first(), second())

    asyncio.run(both())

    assert {"first": 2, "second": 2} == workloads(recorded)


def test_a_stream_belongs_to_the_workload_that_opened_it(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """Although it is read in another."""
    vendor.queue(STREAM)
    with workload("opener"):
        stream = claude.messages.create(**ARGUMENTS["messages"], stream=True)
    with workload("reader"):
        list(stream)

    assert {"opener": 1} == workloads(recorded)
    assert "opener" == recorded.span["refusal.workload"]
    assert "opener" == recorded.events[0][1]["refusal.workload"]


def test_the_baggage_of_a_calling_service_names_the_workload(recorded: Recorded, call: Callable[[], None]) -> None:
    """The entry `refusal.workload`; a name given here wins over it."""
    token = context.attach(baggage.set_baggage("refusal.workload", "upstream"))
    try:
        call()
        with workload("here"):
            call()
    finally:
        context.detach(token)

    assert {"upstream": 1, "here": 1} == workloads(recorded)


def test_the_default_workload_can_be_set(instrument: Callable[..., Recorded], call: Callable[[], None]) -> None:
    """For a service that is one job."""
    recorded = instrument(workload="nightly")
    call()

    assert {"nightly": 1} == workloads(recorded)


def test_a_generator_cannot_be_decorated() -> None:
    """It would run in its caller's context, outside the workload, without a word."""

    def events() -> Iterator[int]:
        yield 1

    async def async_events() -> AsyncIterator[int]:
        yield 1

    for generator in (events, async_events):
        with pytest.raises(TypeError, match="use `with` inside it"):
            workload("job")(generator)


@pytest.mark.parametrize("name", ["", None, 7])
def test_a_workload_needs_a_name(name: object) -> None:
    """An empty one would be lost silently."""
    with pytest.raises(ValueError, match="non-empty name"):
        otel_refusals.workload(name)  # type: ignore[arg-type]
