"""An application's OpenTelemetry that sends to a real Collector, which may be away, stopped, full or slow.

Everything between the SDKs' calls and the store is real: the SDK's batching processors and its OTLP exporters, over
gRPC or HTTP, and the Collector on the stack's own configuration. The SDK counts what it loses in metrics of its own.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import anthropic
import openai
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_refusals
from otel_refusals.testing import StubServer
from otel_refusals.testing.otlp import OtlpReceiver
from tests.bundle.servers import Server, free_port
from tests.bundle.stack import STACK
from tests.bundle.start import collector
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture

OPERATIONS, REFUSALS = "refusal.client.operations", "refusal.client.refusals"
ROUND = {"completed": 1, "refused": 2, "unknown": 1}
"""How the calls of one round end."""
SPANS, EVENTS = 1, 3
"""What one round makes besides counts: the anthropic SDK's own spans go elsewhere."""


def ask_round(vendor: StubServer, claude: anthropic.Anthropic, gpt: openai.OpenAI) -> list[Any]:
    """Make the calls of one round; what the caller gets comes back."""
    replies = ("completed_end_turn.json", "unknown_stop_reason.json", "stream_refusal_mid_text.sse")
    vendor.queue(*(fixture(f"anthropic/{name}").reply for name in replies), fixture("openai/chat_refusal.json").reply)
    arguments = ARGUMENTS["messages"]
    got = [claude.messages.create(**arguments), claude.messages.create(**arguments)]
    got += list(claude.messages.create(**arguments, stream=True))
    got.append(gpt.chat.completions.create(**ARGUMENTS["chat"]))
    return [one.model_dump() for one in got]


@dataclass
class Backend:
    """Where an application sends to: an address at which there may be a Collector, and the store behind it.

    Args:
        home: For the Collector.
        protocol: `grpc` or `http`.
        store: Gets what the Collector passes on.
        port: Where the application sends to.
    """

    home: Path
    protocol: str
    store: OtlpReceiver
    port: int

    @contextmanager
    def collector(self, **environment: str) -> Iterator[Server]:
        """The Collector, at that address until the end of the `with`."""
        settings = {
            f"OTLP_{self.protocol.upper()}_ENDPOINT": f"127.0.0.1:{self.port}",
            "PROMETHEUS_OTLP_ENDPOINT": self.store.url,
            "JAEGER_OTLP_ENDPOINT": self.store.url,
            "LOGS_EXPORTER": "otlp_http/logs",
            "LOGS_OTLP_ENDPOINT": self.store.url,
            **environment,
        }
        with collector(STACK / "collector.yaml", self.home, settings) as server:
            yield server

    @contextmanager
    def exporting(self, *, timeout: float = 0.5, queue: int = 2048, delay: float = 100) -> Iterator[Providers]:
        """Instrument, with the SDK's providers and exporters; shut down in the end, as the end of a process does.

        Args:
            timeout: Seconds that the exporters try.
            queue: How many spans and log records wait at most.
            delay: Milliseconds between exports.
        """
        providers = _providers(self.protocol, self.port, timeout, queue, delay)
        otel_refusals.instrument(
            tracer_provider=providers.tracing, meter_provider=providers.metering, logger_provider=providers.logging
        )
        try:
            yield providers
        finally:
            otel_refusals.uninstrument()
            providers.shutdown()

    def outcomes(self) -> dict[str, float]:
        """Operations in the store, by outcome."""
        points = self.store.latest(OPERATIONS)
        found: dict[str, float] = {}
        for point in points:
            word = str(point.attributes["refusal.outcome"])
            found[word] = found.get(word, 0) + point.value
        return {word: count for word, count in found.items() if count}

    @property
    def spans(self) -> set[str]:
        """Ids of the spans that arrived."""
        return {span.span_id for span in self.store.spans}

    @property
    def events(self) -> set[tuple[int, str]]:
        """Time and name of the events that arrived."""
        return {(record.time, record.event_name) for record in self.store.logs}

    def made(self, kind: str) -> float:
        """How many spans (`span`) or events (`log`) the exporters had, as the SDK counts them."""
        return self.store.total(f"otel.sdk.exporter.{kind}.exported")

    def lost(self, kind: str) -> float:
        """How many of those it counts as lost. Over HTTP it takes an answer that refuses them for a success."""
        return self._failed(f"otel.sdk.exporter.{kind}.exported")

    def dropped(self, kind: str) -> float:
        """How many found the queue full, as the SDK counts them."""
        return self._failed(f"otel.sdk.processor.{kind}.processed")

    def _failed(self, metric: str) -> float:
        return sum(point.value for point in self.store.latest(metric) if "error.type" in point.attributes)


@dataclass
class Providers:
    """The SDK's, for one application."""

    tracing: TracerProvider
    metering: MeterProvider
    logging: LoggerProvider

    def flush(self) -> None:
        """Have every exporter send what there is, or give up."""
        with ThreadPoolExecutor(3) as pool:
            for flushed in [pool.submit(one.force_flush) for one in (self.tracing, self.logging, self.metering)]:
                flushed.result()

    def shutdown(self) -> None:
        """In the order that the SDK itself has at exit: what was made last goes first."""
        self.logging.shutdown()
        self.tracing.shutdown()
        self.metering.shutdown()


@contextmanager
def backend(home: Path, protocol: str) -> Iterator[Backend]:
    """An address with nobody there, and an empty store."""
    with OtlpReceiver() as store:
        yield Backend(home, protocol, store, free_port())


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """The server takes connections, as the kernel does for it, and answers nothing until the end of the `with`."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def _providers(protocol: str, port: int, timeout: float, queue: int, delay: float) -> Providers:
    def exporter(module: str, name: str, path: str, **more: Any) -> Any:
        found = getattr(import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{module}"), name)
        url = f"http://127.0.0.1:{port}"
        if protocol == "grpc":
            return found(endpoint=url, insecure=True, timeout=timeout, **more)
        return found(endpoint=f"{url}/v1/{path}", timeout=timeout, **more)

    metrics = exporter("metric_exporter", "OTLPMetricExporter", "metrics")
    metering = MeterProvider([PeriodicExportingMetricReader(metrics, delay)], shutdown_on_exit=False)
    own = {"meter_provider": metering}
    batching: dict[str, Any] = {
        "max_queue_size": queue,
        "max_export_batch_size": min(queue, 512),
        "schedule_delay_millis": delay,
        **own,
    }
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(
        BatchSpanProcessor(exporter("trace_exporter", "OTLPSpanExporter", "traces", **own), **batching)
    )
    logging = LoggerProvider(shutdown_on_exit=False)
    logging.add_log_record_processor(
        BatchLogRecordProcessor(exporter("_log_exporter", "OTLPLogExporter", "logs", **own), **batching)
    )
    return Providers(tracing, metering, logging)
