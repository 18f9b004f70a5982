"""What is measured: calls and streams through the SDKs, and the tap alone, each in every variant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, cycle, islice
from typing import Any

import anthropic
import openai
from bodies import MODEL
from rig import ASYNC_TEES, CLASS, FLOOR, GENERATOR, OURS, PLAIN, TEES, Rig

from otel_refusals.config import configure
from otel_refusals.operation import Operation
from otel_refusals.tap import AsyncTap, Tap
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendors import VENDORS

CALLS, EVENTS, ITEMS = 10, 500, 5_000
"""How many calls, streamed events and tapped events one sample holds."""

Run = Callable[[int], object]
"""Makes that many calls, or reads one stream of that many events."""


@dataclass(frozen=True)
class Scenario:
    """One thing that an application does, in each of its variants, `size` times per sample."""

    name: str
    size: int
    variants: Mapping[str, Run]


def calls(rig: Rig) -> list[Scenario]:
    """Non-streaming calls that complete."""

    def scenario(name: str, cls: type[Any], **options: Any) -> Scenario:
        def run_of(variant: str) -> Run:
            client = rig.client(variant, cls, **options)
            return partial(_create_times, client)

        return Scenario(name, CALLS, {variant: run_of(variant) for variant in (PLAIN, FLOOR, OURS)})

    traced: Any = {"tracer_provider": rig.tracer_provider}
    return [
        scenario("anthropic create", anthropic.Anthropic, open_telemetry=False),
        scenario("anthropic create, native spans", anthropic.Anthropic, open_telemetry=traced),
        scenario("openai create", openai.OpenAI),
    ]


def streams(rig: Rig) -> list[Scenario]:
    """Streams that are read to their end."""
    loop = asyncio.new_event_loop()

    def scenario(name: str, read: Callable[[Any], object], cls: type[Any], **options: Any) -> Scenario:
        def run_of(variant: str) -> Run:
            client = rig.client(variant, cls, **options)

            def run(events: int) -> None:
                rig.events = events
                read(client)

            return run

        return Scenario(name, EVENTS, {variant: run_of(variant) for variant in (PLAIN, GENERATOR, CLASS, OURS)})

    def read_async(client: Any) -> None:
        async def read() -> None:
            async for _ in await _create(client, stream=True):
                pass

        loop.run_until_complete(read())

    return [
        scenario("anthropic stream", _read, anthropic.Anthropic, open_telemetry=False),
        scenario("anthropic text_stream", _read_text, anthropic.Anthropic, open_telemetry=False),
        scenario("anthropic async stream", read_async, anthropic.AsyncAnthropic, open_telemetry=False),
        scenario("openai chat stream", _read, openai.OpenAI),
    ]


def taps(rig: Rig) -> list[Scenario]:
    """The tap alone, over events that are there already: inside a stream the SDK's own work drowns it."""
    telemetry = Telemetry(configure(environ={}), rig.tracer_provider, rig.meter_provider, rig.logger_provider)
    loop = asyncio.new_event_loop()

    def scenario(name: str, events: list[Any], vendor_name: str, path: str, *, is_async: bool = False) -> Scenario:
        vendor = next(vendor for vendor in VENDORS if vendor.name == vendor_name)
        endpoint = next(endpoint for endpoint in vendor.endpoints if endpoint.path == path)

        def ours(items: Any) -> Any:
            operation = Operation(telemetry, vendor_name, endpoint, vendor.providers[0], MODEL)
            return (AsyncTap if is_async else Tap)(items, operation)

        def run_of(tee: Callable[[Any], Any]) -> Run:
            def run(size: int) -> None:
                # Few events, again and again: fresh ones are in the processor's cache in a real stream too.
                items = chain(events[:2], islice(cycle(events[2:-3]), size), events[-3:])
                if is_async:
                    loop.run_until_complete(_drain(tee(_Async(items))))
                else:
                    for _ in tee(items):
                        pass

            return run

        tees = {PLAIN: lambda items: items, **(ASYNC_TEES if is_async else TEES), OURS: ours}
        return Scenario(name, ITEMS, {variant: run_of(tee) for variant, tee in tees.items()})

    rig.events = 100
    message_events = list(_create(rig.client(PLAIN, anthropic.Anthropic), stream=True))
    openai_client = rig.client(PLAIN, openai.OpenAI)
    return [
        scenario("tap: anthropic messages", message_events, "anthropic", "/v1/messages"),
        scenario("tap: anthropic messages, async", message_events, "anthropic", "/v1/messages", is_async=True),
        scenario("tap: openai chat", list(_create(openai_client, stream=True)), "openai", "/chat/completions"),
        scenario("tap: openai responses", list(_respond(openai_client)), "openai", "/responses"),
    ]


def _create(client: Any, **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": "Hello"}]
    if isinstance(client, openai.OpenAI):
        return client.chat.completions.create(model=MODEL, messages=messages, **options)
    return client.messages.create(model=MODEL, max_tokens=100, messages=messages, **options)


def _create_times(client: Any, times: int) -> None:
    for _ in range(times):
        _create(client)


def _read(client: Any) -> None:
    for _ in _create(client, stream=True):
        pass


def _read_text(client: Any) -> None:
    with client.messages.stream(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Hello"}]) as stream:
        for _ in stream.text_stream:
            pass


def _respond(client: Any) -> Iterator[Any]:
    return iter(client.responses.create(model=MODEL, input="Hello", stream=True))


class _Async:
    """An asynchronous iterator over items that are there already."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for item in self._items:
            return item
        raise StopAsyncIteration


async def _drain(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass
