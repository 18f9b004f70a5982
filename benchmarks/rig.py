"""Clients of the real SDKs over an in-process transport: plain, with the floor, a tee, otel-refusals, or a peer.

The variants differ in what is bound to a client and its resources, so all of them exist side by side and may be
measured in any order. Patching the classes in turn would throw away the interpreter's inline caches each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import wrapt
from bodies import MODEL, answer, async_answer
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind
from peers import Peer
from sdks import HAS_NATIVE_SPANS, httpx
from tees import ASYNC_TEES, TEES

import otel_refusals

PLAIN, FLOOR, OURS, PEER = "plain", "floor", "otel-refusals", "peer"

_ABSENT: Any = object()


class CountingExporter(SpanExporter):
    """Counts spans and forgets them."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += len(spans)
        return SpanExportResult.SUCCESS


class Providers:
    """OpenTelemetry as a service has it: spans in batches, metrics, logs."""

    def __init__(self) -> None:
        self.exporter = CountingExporter()
        self.processor = BatchSpanProcessor(self.exporter)
        """For a peer that makes a tracer provider of its own."""
        self.tracer = TracerProvider()
        self.tracer.add_span_processor(self.processor)
        self.meter = MeterProvider([InMemoryMetricReader()])
        self.logger = LoggerProvider()


@dataclass(frozen=True)
class Change:
    """One thing that an instrumentation put in place of another: an attribute of a class or a module."""

    owner: Any
    name: str
    before: Any
    after: Any

    def put(self, value: Any) -> None:
        if value is _ABSENT:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, value)


class Rig:
    """The SDKs as they were, as `instrument()` made them, and with the floor in the same place.

    Args:
        peer: Another instrumentation to compare with.
    """

    def __init__(self, peer: Peer | None = None) -> None:
        self.events = 0
        """How many text deltas the next stream has."""
        self.providers = Providers()
        for cls in (anthropic.Anthropic, openai.OpenAI):  # the SDKs import their resources when they are asked for
            resources(cls(api_key="none"))
        self._changes: dict[str, list[Change]] = {}
        if peer is not None:
            self._changes[PEER] = _taken_back(lambda: self._keep(peer.on(self.providers)))
        self._changes[OURS] = _taken_back(self._instrument)
        self._functions = [
            (change, variant)
            for variant, changes in self._changes.items()
            for change in changes
            if not isinstance(change.owner, type)
        ]

    def client(self, variant: str, cls: type[Any], **options: Any) -> Any:
        """A client that alone in the process is patched as in `variant`."""
        is_async = cls.__name__.startswith("Async")
        answers: Any = async_answer if is_async else answer
        transport = httpx.MockTransport(lambda request: answers(request, self.events))
        http_client = (httpx.AsyncClient if is_async else httpx.Client)(transport=transport)
        if not HAS_NATIVE_SPANS:
            options.pop("open_telemetry", None)
        client = cls(api_key="none", http_client=http_client, **options)
        for change in self._changes.get(variant, ()):
            for owner in resources(client):
                if change.owner in type(owner).__mro__:
                    bind = getattr(change.after, "__get__", None)
                    setattr(owner, change.name, bind(owner, type(owner)) if bind else change.after)
        if variant == FLOOR:
            client.request = wrapt.FunctionWrapper(cls.request, self._floor()).__get__(client, cls)
        elif variant in TEES:
            client.request = _with_tee(client.request, (ASYNC_TEES if is_async else TEES)[variant], is_async=is_async)
        return client

    def prepare(self, variant: str) -> None:
        """Put the functions of modules in place that cannot be bound to a client."""
        for change, whose in self._functions:
            change.put(change.after if whose == variant else change.before)

    def spans(self) -> int:
        """How many spans were exported so far."""
        self.providers.processor.force_flush()
        return self.providers.exporter.spans

    def _keep(self, off: Callable[[], object]) -> None:
        self._off = off  # a peer may switch itself off when nobody holds this

    def _instrument(self) -> None:
        otel_refusals.instrument(
            vendors=["anthropic", "openai"],
            tracer_provider=self.providers.tracer,
            meter_provider=self.providers.meter,
            logger_provider=self.providers.logger,
        )

    def _floor(self) -> Callable[..., Any]:
        """One no-op wrapper, one span with six attributes, one `Counter.add` with five."""
        tracer = self.providers.tracer.get_tracer("floor")
        counter = self.providers.meter.get_meter("floor").create_counter("floor")
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


def resources(client: Any) -> tuple[Any, ...]:
    """What an instrumentation may have patched: the client, and its resources that are measured."""
    if hasattr(client, "messages"):
        return client, client.messages
    return client, client.chat.completions, client.responses


def _taken_back(instrument: Callable[[], object]) -> list[Change]:
    """What `instrument` changes in the SDKs, which is taken back."""
    before = dict(_attributes())
    known = {owner for owner, _ in before}  # not what `instrument` was the first to import
    instrument()
    changes = [
        Change(owner, name, before.get((owner, name), _ABSENT), value)
        for (owner, name), value in dict(_attributes()).items()
        if owner in known and before.get((owner, name), _ABSENT) is not value and callable(value)
    ]
    for change in changes:
        change.put(change.before)
    return changes


def _attributes() -> Iterator[tuple[tuple[Any, str], Any]]:
    for module in [module for name, module in sys.modules.items() if name.partition(".")[0] in ("anthropic", "openai")]:
        for name, value in list(vars(module).items()):
            if not isinstance(value, type):
                yield (module, name), value
            elif value.__module__ == module.__name__:
                yield from (((value, name), held) for name, held in list(vars(value).items()))


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
