"""The alerts of the watchers, by what real Collectors and a real SDK tell a real Prometheus as they lose data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_refusals.testing.otlp import OtlpReceiver
from tests.bundle.servers import Server, free_port, until
from tests.bundle.stack import HOST, STACK, Prometheus, lay_prometheus, prometheus
from tests.bundle.start import collector

pytestmark = pytest.mark.needs("prometheus", "otelcol")


@dataclass
class Pipeline:
    """A Prometheus with our rules, and the Collectors that it scrapes: one whose store knows no OTLP, one whose memory
    is full, and one that has ended since.

    Args:
        address: Where each of them serves its own figures.
        url: Where those that run take OTLP over HTTP.
    """

    prometheus: Prometheus
    address: dict[str, str]
    url: dict[str, str]

    def fires(self, alert: str, **labels: str) -> bool:
        """Whether it fires for those labels, and for no other of its kind."""
        found = self.prometheus.query(f'ALERTS{{alertname="{alert}", alertstate="firing"}}')
        return [labels] == [{name: one["metric"][name] for name in labels} for one in found]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """It, until the end of the module."""
    home = tmp_path_factory.mktemp("pipeline")
    address = {name: f"{HOST}:{free_port()}" for name in ("losing", "refusing", "down")}
    with ExitStack() as stack:
        store = stack.enter_context(OtlpReceiver())

        def start(name: str, within: ExitStack, **settings: str) -> Server:
            port = address[name].partition(":")[2]
            environment = {"TELEMETRY_PORT": port, "JAEGER_OTLP_ENDPOINT": store.url, **settings}
            return within.enter_context(collector(STACK / "collector.yaml", home / name, environment))

        servers = {
            "losing": start("losing", stack, PROMETHEUS_OTLP_ENDPOINT=f"{store.url}/elsewhere"),
            "refusing": start("refusing", stack, PROMETHEUS_OTLP_ENDPOINT=store.url, MEMORY_LIMIT_MIB="81"),
        }
        port = free_port()
        nobody = {"localhost:9090": f"{HOST}:{port}", "alertmanager:9093": f"{HOST}:{free_port()}"}
        configuration = lay_prometheus(home / "prometheus", nobody, [*address.values()])
        watching = stack.enter_context(prometheus(home / "prometheus", port, configuration))
        with ExitStack() as soon:
            start("down", soon, PROMETHEUS_OTLP_ENDPOINT=store.url)
            mine = f'otelcol_process_memory_rss{{instance="{address["down"]}"}}'
            until(lambda: watching.query(mine), "the figures of the one that ends")
        yield Pipeline(watching, address, {name: server.url for name, server in servers.items()})


@pytest.mark.parametrize(
    ("name", "alert"), [("losing", "LLMRefusalCollectorLosingData"), ("refusing", "LLMRefusalCollectorRefusingData")]
)
def test_a_collector_that_loses_or_refuses(name: str, alert: str, pipeline: Pipeline) -> None:
    """It says so of itself, and of no other."""
    exporter = OTLPMetricExporter(f"{pipeline.url[name]}/v1/metrics", timeout=0.2)
    reader = PeriodicExportingMetricReader(exporter, 100)
    metering = MeterProvider([reader], shutdown_on_exit=False)
    metering.get_meter("test").create_counter("calls").add(1)

    until(lambda: pipeline.fires(alert, instance=pipeline.address[name]), alert)
    metering.shutdown()


def test_a_collector_that_is_down(pipeline: Pipeline) -> None:
    """Other targets that are down are none of these alerts' business."""
    alert = "LLMRefusalCollectorDown"

    until(lambda: pipeline.fires(alert, instance=pipeline.address["down"]), alert)


def test_an_application_whose_queue_is_full(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK counts what it drops, and its metrics have no queue."""
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    endpoint = f"{pipeline.prometheus.url}/api/v1/otlp/v1/metrics"
    metering = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(endpoint), 200)], shutdown_on_exit=False)
    nowhere = OTLPSpanExporter(f"http://{HOST}:{free_port()}/v1/traces", timeout=0.2, meter_provider=metering)
    tracing = TracerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(
        BatchSpanProcessor(nowhere, max_queue_size=1, max_export_batch_size=1, meter_provider=metering)
    )
    for _ in range(50):
        tracing.get_tracer("test").start_span("x").end()

    def told() -> bool:
        alerts = pipeline.prometheus.query('ALERTS{alertname="LLMRefusalApplicationLosingData"}')
        return "queue_full" in {one["metric"]["error_type"] for one in alerts}

    until(told, "the alert")
    tracing.shutdown()
    metering.shutdown()
