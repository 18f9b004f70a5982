"""The workload: named by the caller, carried by the OpenTelemetry context."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from importlib import import_module
from typing import Any

import anthropic
import pytest
from opentelemetry import baggage, context
from opentelemetry.baggage.propagation import W3CBaggagePropagator

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


def test_one_workload_can_be_entered_by_several_tasks_at_once(recorded: Recorded, call: Callable[[], None]) -> None:
    """Each leaves its own, whichever is first."""
    shared = workload("shared")

    async def inside(enter: asyncio.Event, leave: asyncio.Event, entered: asyncio.Event, left: asyncio.Event) -> None:
        await enter.wait()
        with shared:
            entered.set()
            await leave.wait()
            call()
        call()
        left.set()

    async def both() -> None:
        now, first, second, gone = (asyncio.Event() for _ in range(4))
        now.set()
        await asyncio.gather(inside(now, second, first, gone), inside(first, gone, second, asyncio.Event()))

    asyncio.run(both())

    assert {"shared": 2, "unspecified": 2} == workloads(recorded)


def test_a_workload_that_is_left_in_another_context_raises_nothing(
    recorded: Recorded, call: Callable[[], None]
) -> None:
    """As a framework may do with what a generator holds open; there nobody was inside."""
    named = workload("elsewhere")
    copy_context().run(named.__enter__)
    named.__exit__()
    call()

    assert {"unspecified": 1} == workloads(recorded)


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


@pytest.mark.parametrize("sent", ["x" * 65, "a b", "caf\u00e9", "{}", "a\nb", "../<script>", ""])
def test_a_malformed_name_from_a_caller_is_none(recorded: Recorded, call: Callable[[], None], sent: str) -> None:
    """It is not the application's: it makes no series, not even one of `_OTHER`."""
    token = context.attach(baggage.set_baggage("refusal.workload", sent))
    try:
        call()
    finally:
        context.detach(token)

    assert {"unspecified": 1} == workloads(recorded)


def test_a_hostile_header_grows_no_series_and_crowds_nobody_out(
    instrument: Callable[..., Recorded], call: Callable[[], None]
) -> None:
    """Names that callers send take half of the places at most, and the application's own find the other half."""
    recorded = instrument(max_label_values={"workloads": 10})
    headers = [f"refusal.workload=attack-{number}" for number in range(40)]
    headers += ["refusal.workload=" + "x" * 3000, "refusal.workload=%00%0a", "refusal.workload", "=;,", "\x00"]
    for header in headers:
        token = context.attach(W3CBaggagePropagator().extract({"baggage": header}))
        try:
            call()
        finally:
            context.detach(token)
    for name in ("own-1", "own-2", "own-3"):
        with workload(name):
            call()

    found = workloads(recorded)
    assert {f"attack-{number}": 1 for number in range(5)} | {"_OTHER": 35, "unspecified": 5} == {
        name: count for name, count in found.items() if not name.startswith("own-")
    }
    assert {"own-1", "own-2", "own-3"} <= set(found)


def test_ten_thousand_interleaved_calls_are_each_of_their_own_workload(
    instrument: Callable[..., Recorded], measured: Callable[[str], None]
) -> None:
    """Threads and tasks, nested, each giving way to others inside its workload: not one is told of another's.

    Every call asks for a model that is called as its workload is, so a single swap would show.
    """
    recorded = instrument(spans="off")
    names = [f"route-{number}" for number in range(100)]
    body = COMPLETED.body
    assert isinstance(body, bytes)
    http = import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
    transport = http.MockTransport(
        lambda request: http.Response(200, content=body, headers={"content-type": "application/json"})
    )

    def arguments(name: str) -> dict[str, Any]:
        return {**ARGUMENTS["messages"], "model": name}

    def thread(number: int, claude: anthropic.Anthropic) -> None:
        inner, outer = names[number % 100], names[(number * 7 + 1) % 100]
        with workload(outer):
            with workload(inner):
                claude.messages.create(**arguments(inner))
            claude.messages.create(**arguments(outer))

    async def task(number: int, claude: anthropic.AsyncAnthropic) -> None:
        inner, outer = names[number % 100], names[(number * 7 + 1) % 100]
        with workload(outer):
            await asyncio.sleep(0)
            with workload(inner):
                await asyncio.sleep(0)
                await claude.messages.create(**arguments(inner))
            await claude.messages.create(**arguments(outer))

    async def tasks() -> None:
        async with anthropic.AsyncAnthropic(
            base_url="http://vendor", api_key="key", http_client=http.AsyncClient(transport=transport)
        ) as claude:
            await asyncio.gather(*(task(number, claude) for number in range(2500)))

    began = time.perf_counter()
    with (
        anthropic.Anthropic(
            base_url="http://vendor", api_key="key", http_client=http.Client(transport=transport)
        ) as claude,
        ThreadPoolExecutor(33) as pool,
    ):
        other = pool.submit(asyncio.run, tasks())
        list(pool.map(thread, range(2500), [claude] * 2500))
        other.result()
    measured(f"10,000 interleaved calls attributed exactly, in {time.perf_counter() - began:.0f} s")

    found = recorded.sums("refusal.client.operations", "gen_ai.request.model", "refusal.workload")
    expected = Counter(names[number % 100] for number in range(2500))
    expected.update(names[(number * 7 + 1) % 100] for number in range(2500))
    assert {(name, name): 2 * count for name, count in expected.items()} == found
    assert 10_000 == sum(found.values())


@pytest.mark.parametrize("name", ["", None, 7])
def test_a_workload_needs_a_name(name: object) -> None:
    """An empty one would be lost silently."""
    with pytest.raises(ValueError, match="non-empty name"):
        otel_refusals.workload(name)  # type: ignore[arg-type]
