"""What goes through the Collector: the exemplar that leads to the trace, what an application set to delta sends, log
records, the Collector's own figures; and what must not come out of it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_refusals.testing import StubServer
from otel_refusals.testing.otlp import OtlpReceiver
from tests.bundle.application import answer, application
from tests.bundle.chain import Chain, linked, stacked
from tests.bundle.servers import until
from tests.bundle.stack import STACK, Jaeger, collector, get

pytestmark = pytest.mark.needs("prometheus", "promtool", "alertmanager", "otelcol", "jaeger")

COMMAND = Path(sysconfig.get_path("scripts")) / "otel-refusals"
REFUSED = 'refusal_client_refusals_total{refusal_workload="checkout"}'


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain over OTLP."""
    with linked("otlp", tmp_path_factory.mktemp("otlp")) as chain:
        yield chain


def exemplar(chain: Chain) -> dict[str, str]:
    """The labels of the newest exemplar of a refusal."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        answered = get(f"{chain.prometheus.url}/api/v1/query_exemplars", query=REFUSED, start="0", end="9999999999")
        found[:] = [exemplar for series in answered["data"] for exemplar in series["exemplars"]]
        return bool(found)

    until(look, "an exemplar of a refusal")
    return dict(max(found, key=lambda exemplar: exemplar["timestamp"])["labels"])


def span(jaeger: Jaeger, trace_id: str, span_id: str) -> dict[str, Any]:
    """That span, as Jaeger's API gives it."""
    spans: list[dict[str, Any]] = []

    def look() -> bool:
        (trace,) = get(f"{jaeger.url}/api/traces/{trace_id}")["data"]
        spans[:] = [span for span in trace["spans"] if span["spanID"] == span_id]
        return bool(spans)

    until(look, f"span {span_id} of trace {trace_id} in Jaeger")
    return spans[0]


def test_the_exemplar_of_a_refusal_leads_to_its_trace(chain: Chain) -> None:
    """By the label that Grafana's data source follows, to a span that says what was declined and how."""
    assert chain.jaeger
    provisioned = yaml.safe_load((STACK / "grafana/provisioning/datasources/stack.yaml").read_text())["datasources"]
    (source,) = (source for source in provisioned if source["type"] == "prometheus")
    (destination,) = source["jsonData"]["exemplarTraceIdDestinations"]
    labels = exemplar(chain)

    found = span(chain.jaeger, labels[destination["name"]], labels["span_id"])
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    assert "checkout" == tags["refusal.workload"]
    assert ("refused", "cyber", "pre_output", "classifier") == tuple(
        tags[f"refusal.{name}"] for name in ("outcome", "category", "stage", "source")
    )
    assert "jaeger" == destination["datasourceUid"]
    assert "jaeger" in {source["type"] for source in provisioned if source["uid"] == destination["datasourceUid"]}


def test_the_series_say_which_service_they_are_of(chain: Chain) -> None:
    """`service.name` is a label besides `job`, as dashboards of services expect it."""
    (series, *_) = chain.prometheus.query(REFUSED)

    assert ("on-command", "on-command") == (series["metric"]["job"], series["metric"]["service_name"])


def test_an_application_that_sends_deltas_is_added_up(chain: Chain, tmp_path: Path) -> None:
    """Prometheus takes cumulative counters only, so the Collector makes them."""
    assert chain.collector
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": chain.collector.grpc,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    }
    total = 'sum(refusal_client_operations_total{refusal_workload="deltas"})'
    with application(chain.vendor, "deltas", tmp_path / "deltas.log", settings) as app:
        app.ask("refused", 3)
        until(lambda: chain.prometheus.value(total) == 3, "the first three")
        app.ask("refused", 5)
        until(lambda: chain.prometheus.value(total) == 8, "all eight")


def test_the_collector_is_watched(chain: Chain) -> None:
    """Prometheus scrapes what the alerts on lost data read, of every signal that came."""
    until(
        lambda: chain.prometheus.query('{__name__=~"otelcol_exporter_sent_metric_points(_total)?"} > 0'),
        "the Collector's own figures",
    )

    for name in ("receiver_accepted_spans", "exporter_sent_spans", "exporter_queue_capacity", "process_memory_rss"):
        assert chain.prometheus.query(f'{{__name__=~"otelcol_{name}(_total)?"}} > 0'), name


def test_nothing_prints_what_passes_through(chain: Chain, tmp_path: Path) -> None:
    """Even of an application that records its prompts on its spans: they are on the span, and in no log of a server."""
    assert chain.collector
    assert chain.jaeger
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": chain.collector.grpc,
        "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
    }
    with application(chain.vendor, "chatty", tmp_path / "chatty.log", settings) as app:
        app.ask("refused")
    until(lambda: '"content":"refused"' in _spans_of(chain.jaeger, "chatty"), "the prompt on the span")

    for log in (chain.collector.log, chain.jaeger.log):
        assert '"content":' not in log.read_text(), log.name
        assert "input.messages" not in log.read_text(), log.name


def _spans_of(jaeger: Jaeger | None, workload: str) -> str:
    assert jaeger
    asked = {"service": "on-command", "tags": json.dumps({"refusal.workload": workload})}
    found = get(f"{jaeger.url}/api/traces", **asked)["data"] or []
    return "\n".join(str(tag["value"]) for trace in found for span in trace["spans"] for tag in span["tags"])


@pytest.mark.parametrize("kept", [False, True])
def test_log_records_are_dropped_unless_a_store_is_named(kept: bool, tmp_path: Path) -> None:
    """Either way the application sees no error; with LOGS_EXPORTER they go to any store that speaks OTLP."""
    with OtlpReceiver() as store, StubServer(answer) as vendor:
        settings = {"LOGS_EXPORTER": "otlp_http/logs", "LOGS_OTLP_ENDPOINT": store.url} if kept else {}
        elsewhere = {"PROMETHEUS_OTLP_ENDPOINT": store.url, "JAEGER_OTLP_ENDPOINT": store.url}
        with collector(tmp_path / "collector", **elsewhere, **settings) as sink:
            log = tmp_path / "app.log"
            with application(vendor.url, "w", log, {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.grpc}) as app:
                app.ask("refused")
            assert store.wait_for(lambda: bool(store.metrics and store.spans and (store.logs or not kept)))

    assert kept == ("refusal.detected" in {record.event_name for record in store.logs})
    assert "" == log.read_text()


def test_the_demo_fills_the_dashboards(tmp_path: Path) -> None:
    """What the profile `demo` runs gives nearly every panel something to show; the rest compares with days ago."""
    with stacked(tmp_path) as stack:
        assert stack.collector
        check = [COMMAND, "bundle", "check", "--prometheus", stack.prometheus.url]
        shown: dict[str, int] = {}

        def look() -> bool:
            done = subprocess.run(check, capture_output=True, text=True)
            (panels,) = re.findall("^panels .*$", done.stdout, re.MULTILINE)
            shown.update({state: int(number) for number, state in re.findall(r"(\d+) (\w+)", panels)})
            return done.returncode == 0 and shown["ok"] > 5 * shown.get("waiting", 0)

        assert not look()
        with subprocess.Popen([COMMAND, "traffic", stack.collector.http], stdout=subprocess.DEVNULL) as traffic:
            try:
                until(look, "panels with something to show", patience=90)
            finally:
                traffic.terminate()
        assert traffic.returncode == 0
