"""What is measured: calls and streams through the SDKs, and the tap alone, each in every variant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, cycle, islice
from typing import Any

import anthropic
import openai
from bodies import MODEL
from peers import Peer
from rig import FLOOR, OURS, PEER, PLAIN, Rig
from sdks import HAS_NATIVE_SPANS
from tees import ASYNC_TEES, CLASS, GENERATOR, TEES

from otel_refusals.config import configure
from otel_refusals.operation import Operation
from otel_refusals.tap import AsyncTap, Tap
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendors import VENDORS

Run = Callable[[int], object]
"""Makes that many calls, or reads one stream of that many events."""


@dataclass(frozen=True)
class Scenario:
    """One thing that an application does, in each of its variants.

    A sample is short, so that some samples meet no other process, and there are many of them.
    """

    name: str
    kind: str
    """`call`, `first` (up to the first text), `stream` or `tap`."""
    variants: Mapping[str, Run]
    size: int
    """How many calls or events one sample holds."""
    samples: int
    """How many samples one pair holds."""
    after: Callable[[], None] = lambda: None
    """Tidies up after a sample, at nobody's cost."""

    def without(self, variant: str) -> Scenario:
        """The same without one variant."""
        return replace(self, variants={name: run for name, run in self.variants.items() if name != variant})


def create(client: Any, **options: Any) -> Any:
    """Make one call."""
    messages: Any = [{"role": "user", "content": "Hello"}]
    if isinstance(client, openai.OpenAI):
        return client.chat.completions.create(model=MODEL, messages=messages, **options)
    return client.messages.create(model=MODEL, max_tokens=100, messages=messages, **options)


def respond(client: Any, **options: Any) -> Any:
    """Make one call of the Responses API."""
    return client.responses.create(model=MODEL, input="Hello", **options)


def calls(rig: Rig, variants: tuple[str, ...]) -> list[Scenario]:
    """Non-streaming calls that complete."""

    def scenario(name: str, cls: type[Any], call: Callable[[Any], object] = create, **options: Any) -> Scenario:
        runs = {variant: partial(_times, call, rig.client(variant, cls, **options)) for variant in variants}
        return Scenario(name, "call", runs, size=1, samples=64)

    found = [
        scenario("anthropic create", anthropic.Anthropic, open_telemetry=False),
        scenario("openai chat create", openai.OpenAI),
        scenario("openai responses create", openai.OpenAI, respond),
    ]
    if HAS_NATIVE_SPANS:
        traced: Any = {"tracer_provider": rig.providers.tracer}
        found.append(scenario("anthropic create, native spans", anthropic.Anthropic, open_telemetry=traced))
    return found


def first_tokens(rig: Rig, variants: tuple[str, ...]) -> list[Scenario]:
    """From the call to the first text of its stream."""

    def scenario(name: str, cls: type[Any], **options: Any) -> Scenario:
        def run_of(variant: str) -> Run:
            client = rig.client(variant, cls, **options)

            def run(times: int) -> None:
                rig.events = 1
                for _ in range(times):
                    stream = create(client, stream=True)
                    opened.append(stream)
                    next(event for event in stream if _is_text(event))

            return run

        def close() -> None:
            while opened:
                opened.pop().close()

        opened: list[Any] = []
        return Scenario(name, "first", {variant: run_of(variant) for variant in variants}, 1, 32, after=close)

    return [
        scenario("anthropic stream, first text", anthropic.Anthropic, open_telemetry=False),
        scenario("openai chat stream, first text", openai.OpenAI),
    ]


def streams(rig: Rig, variants: tuple[str, ...]) -> list[Scenario]:
    """Streams that are read to their end."""
    loop = asyncio.new_event_loop()

    def scenario(name: str, read: Callable[[Any], object], cls: type[Any], **options: Any) -> Scenario:
        def run_of(variant: str) -> Run:
            client = rig.client(variant, cls, **options)

            def run(events: int) -> None:
                rig.events = events
                read(client)

            return run

        return Scenario(name, "stream", {variant: run_of(variant) for variant in variants}, size=200, samples=4)

    def read_async(client: Any) -> None:
        async def read() -> None:
            async for _ in await create(client, stream=True):
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
    providers = rig.providers
    telemetry = Telemetry(configure(environ={}), providers.tracer, providers.meter, providers.logger)
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
        variants = {variant: run_of(tee) for variant, tee in tees.items()}
        return Scenario(name, "tap", variants, size=20_000, samples=8)

    rig.events = 100
    message_events = list(create(rig.client(PLAIN, anthropic.Anthropic), stream=True))
    openai_client = rig.client(PLAIN, openai.OpenAI)
    return [
        scenario("tap: anthropic messages", message_events, "anthropic", "/v1/messages"),
        scenario("tap: anthropic messages, async", message_events, "anthropic", "/v1/messages", is_async=True),
        scenario("tap: openai chat", list(create(openai_client, stream=True)), "openai", "/chat/completions"),
        scenario("tap: openai responses", list(respond(openai_client, stream=True)), "openai", "/responses"),
    ]


def everything(rig: Rig, peer: Peer | None) -> list[Scenario]:
    """All scenarios, in a good order to print; with the peer where it knows the SDK."""
    found = [
        *calls(rig, (PLAIN, FLOOR, OURS, PEER)),
        *first_tokens(rig, (PLAIN, FLOOR, OURS, PEER)),
        *streams(rig, (PLAIN, GENERATOR, CLASS, OURS, PEER)),
        *taps(rig),
    ]
    if peer is None:
        return [one.without(PEER) for one in found]
    blind = [one.name for one in found if one.kind == "call" and not _makes_spans(rig, one)]
    if {"anthropic create", "openai chat create"} & set(blind):
        raise RuntimeError(f"{peer.title} makes no span of {', '.join(blind)}")
    return [one.without(PEER) if one.name in blind else one for one in found]


def _makes_spans(rig: Rig, scenario: Scenario) -> bool:
    """Whether the peer knows what is called."""
    before = rig.spans()
    rig.prepare(PEER)
    scenario.variants[PEER](1)
    return rig.spans() > before


def _times(call: Callable[[Any], object], client: Any, times: int) -> None:
    for _ in range(times):
        call(client)


def _is_text(event: Any) -> bool:
    return bool(event.choices[0].delta.content) if hasattr(event, "choices") else event.type == "content_block_delta"


def _read(client: Any) -> None:
    for _ in create(client, stream=True):
        pass


def _read_text(client: Any) -> None:
    with client.messages.stream(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Hello"}]) as stream:
        for _ in stream.text_stream:
            pass


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
