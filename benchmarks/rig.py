"""Clients of the real SDKs over an in-process transport: plain, with the floor, with a no-op tee, with otel-refusals.

The variants differ in the `request` that is bound to the client object, so all of them exist side by side and may be
measured in any order. Patching the class in turn would throw away the interpreter's inline caches each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import anthropic._base_client
import httpx2
import openai._base_client
import wrapt
from bodies import MODEL, answer, async_answer
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

import otel_refusals

anthropic_core: Any = anthropic._base_client
openai_core: Any = openai._base_client

PLAIN, FLOOR, GENERATOR, CLASS, OURS = "plain", "floor", "generator tee", "class tee", "otel-refusals"


class NullExporter(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


class Rig:
    """The SDKs as they were, as `instrument()` made them, and with the floor in the same place."""

    def __init__(self) -> None:
        self.events = 0
        """How many text deltas the next stream has."""
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(BatchSpanProcessor(NullExporter()))
        self.meter_provider = MeterProvider([InMemoryMetricReader()])
        self.logger_provider = LoggerProvider()
        cores = (anthropic_core.SyncAPIClient, anthropic_core.AsyncAPIClient, openai_core.SyncAPIClient)
        self._plain: dict[type[Any], Any] = {core: vars(core)["request"] for core in cores}
        self._plain_finish = anthropic_core.finish_api_call_span
        otel_refusals.instrument(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
        )
        self._ours: dict[type[Any], Any] = {core: vars(core)["request"] for core in cores}
        self._our_finish = anthropic_core.finish_api_call_span

    def client(self, variant: str, cls: type[Any], **options: Any) -> Any:
        """A client whose `request`, and nothing else in the process, is that of `variant`."""
        core = next(core for core in self._plain if issubclass(cls, core))
        is_async = core is anthropic_core.AsyncAPIClient
        answers: Any = async_answer if is_async else answer
        transport = httpx2.MockTransport(lambda request: answers(request, self.events))
        http_client = (httpx2.AsyncClient if is_async else httpx2.Client)(transport=transport)
        client = cls(api_key="none", http_client=http_client, **options)
        request = self._ours[core] if variant == OURS else self._plain[core]
        if variant == FLOOR:
            request = wrapt.FunctionWrapper(request, self._floor())
        elif variant in (GENERATOR, CLASS):
            request = _with_tee(request, (ASYNC_TEES if is_async else TEES)[variant], is_async=is_async)
        client.request = request.__get__(client, cls)
        return client

    def prepare(self, variant: str) -> None:
        """Have the anthropic SDK's own spans end as in `variant`: that one seam is a function of its module."""
        anthropic_core.finish_api_call_span = self._our_finish if variant == OURS else self._plain_finish

    def _floor(self) -> Callable[..., Any]:
        """One no-op wrapper, one span with six attributes, one `Counter.add` with five."""
        tracer = self.tracer_provider.get_tracer("floor")
        counter = self.meter_provider.get_meter("floor").create_counter("floor")
        labels = {"provider": "p", "operation": "chat", "model": MODEL, "workload": "none", "outcome": "completed"}
        attributes = {**labels, "response.id": "msg_01A"}

        def floor(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            span = tracer.start_span("chat", kind=SpanKind.CLIENT, attributes=attributes)
            try:
                return wrapped(*args, **kwargs)
            finally:
                span.end()
                counter.add(1, labels)

        return floor


def generator_tee(inner: Iterator[Any]) -> Iterator[Any]:
    """The cheapest no-op tee there is."""
    for item in inner:  # noqa: UP028 - `yield from` would not see the items
        yield item


class ClassTee:
    """The no-op tee that can be iterated again after a `break`, as the SDK's own iterator can."""

    def __init__(self, inner: Iterator[Any]) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._inner)


async def async_generator_tee(inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The asynchronous form."""
    async for item in inner:
        yield item


class AsyncClassTee:
    """The asynchronous form."""

    def __init__(self, inner: AsyncIterator[Any]) -> None:
        self._inner = inner

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self._inner.__anext__()


TEES: dict[str, Callable[[Any], Any]] = {GENERATOR: generator_tee, CLASS: ClassTee}
ASYNC_TEES: dict[str, Callable[[Any], Any]] = {GENERATOR: async_generator_tee, CLASS: AsyncClassTee}


def _with_tee(request: Callable[..., Any], tee: Callable[[Any], Any], *, is_async: bool) -> Any:
    """`request` with `tee` under the stream that it returns."""

    def placed(stream: Any) -> Any:
        stream._iterator = tee(stream._iterator)
        return stream

    async def async_request(*args: Any, **kwargs: Any) -> Any:
        return placed(await request(*args, **kwargs))

    def sync_request(*args: Any, **kwargs: Any) -> Any:
        return placed(request(*args, **kwargs))

    return async_request if is_async else sync_request
