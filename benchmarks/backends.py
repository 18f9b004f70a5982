"""What a dead backend does to the caller: latency of a refused call, by where its telemetry goes.

    python benchmarks/backends.py [--rounds 30]

One process and one interleaved run: the openai SDK over an in-process transport, the OpenTelemetry SDK's batching
processors and OTLP exporters as they are by default, but for an export every 100 ms. Every call is refused, so each
makes counts, a span and an event. The backend that answers is a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
import openai._base_client
import wrapt
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_refusals import instrumentation
from otel_refusals.config import configure
from otel_refusals.telemetry import Telemetry
from otel_refusals.testing.fixtures import wires
from otel_refusals.vendors import VENDORS

PLAIN, HEALTHY, AWAY, SILENT, FULL = (
    "plain SDK",
    "healthy",
    "nobody there",
    "never answers",
    "never answers, queue full",
)
CALLS, INTERVAL = 200, 100
ANSWER = next(wire for wire in wires() if wire.path == "openai/chat_refusal.json").reply.body
RECEIVER = """
import sys
from otel_refusals.testing.otlp import OtlpReceiver
with OtlpReceiver() as receiver:
    print(receiver.url, flush=True)
    sys.stdin.read()
"""


@contextmanager
def healthy() -> Iterator[str]:
    """A backend that answers."""
    command = [sys.executable, "-c", RECEIVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


def telemetry(url: str, queue: int = 2048) -> Telemetry:
    """Ours, over providers that export to `url`."""
    exporter = OTLPMetricExporter(f"{url}/v1/metrics")
    metering = MeterProvider([PeriodicExportingMetricReader(exporter, INTERVAL)], shutdown_on_exit=False)
    batching: dict[str, Any] = {"max_queue_size": queue, "schedule_delay_millis": INTERVAL}
    batching["max_export_batch_size"] = min(queue, 512)
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"), **batching))
    records = LoggerProvider(shutdown_on_exit=False)
    records.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs"), **batching))
    return Telemetry(configure(environ={}), tracing, metering, records)


def caller(told: Telemetry | None) -> Callable[[], object]:
    """Makes a call of the real SDK, whose `request` alone is wrapped as `instrument()` wraps it; None for plain."""
    core: Any = openai._base_client.SyncAPIClient
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "application/json"}, content=ANSWER)
    )
    client: Any = openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=transport))
    if told is not None:
        vendor = next(vendor for vendor in VENDORS if vendor.name == "openai")
        point = next(one for one in vendor.chokepoints if one.name == "SyncAPIClient.request")
        wrapper = instrumentation._patches(vendor, told).wrapper_for(point)
        client.request = wrapt.FunctionWrapper(core.request, wrapper).__get__(client, type(client))
    messages: Any = [{"role": "user", "content": "Please."}]
    return lambda: client.chat.completions.create(model="m", messages=messages)


def measure(callers: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Microseconds of each call by variant, in rounds of random order, after one round that warms up."""
    order = random.Random(0)
    spent: dict[str, list[float]] = {variant: [] for variant in callers}
    gc.collect()
    gc.freeze()
    for round_ in range(rounds + 1):
        for variant in order.sample(list(callers), len(callers)):
            for _ in range(CALLS):
                start = time.perf_counter_ns()
                callers[variant]()
                if round_:
                    spent[variant].append((time.perf_counter_ns() - start) / 1e3)
    return spent


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help=f"of {CALLS} calls each (default: %(default)s)")
    options = parser.parse_args()
    with healthy() as url, socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        quiet = f"http://127.0.0.1:{silent.getsockname()[1]}"
        callers = {
            PLAIN: caller(None),
            HEALTHY: caller(telemetry(url)),
            AWAY: caller(telemetry("http://127.0.0.1:9")),
            SILENT: caller(telemetry(quiet, queue=1_000_000)),
            FULL: caller(telemetry(quiet, queue=16)),
        }
        spent = measure(callers, options.rounds)
        reference = statistics.quantiles(spent[HEALTHY], n=100)
        print(f"{'microseconds per refused call':30}{'p50':>8}{'p99':>8}   p50 and p99 over healthy")
        for variant, samples in spent.items():
            at = statistics.quantiles(samples, n=100)
            ratios = f"{at[49] / reference[49]:.2f}  {at[98] / reference[98]:.2f}"
            print(f"{variant:30}{at[49]:8.0f}{at[98]:8.0f}   {ratios}", flush=True)
    return 0


if __name__ == "__main__":
    sdk = logging.getLogger("opentelemetry")
    sdk.addHandler(logging.NullHandler())  # what the SDK complains about is made, and not printed
    sdk.propagate = False
    code = main()
    os._exit(code)  # the SDK would wait for the backends that do not answer
