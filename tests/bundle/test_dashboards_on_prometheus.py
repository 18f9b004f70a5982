"""Every query of every panel, on a real Prometheus with eight days of telemetry in it, and on one with none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_refusals.names import METRICS
from tests.bundle.dashboards import FILES, queries
from tests.bundle.history import END, HOUR, SELF
from tests.bundle.replay import RULES, ask, history_served, of_the_run
from tests.bundle.servers import Server
from tests.bundle.start import prometheus

pytestmark = pytest.mark.needs("prometheus", "promtool")

each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)

RANGES = {"percentunit": (0, 1), "s": (0, 8 * 24 * HOUR), "cps": (0, 1000), "short": (0, 1e6), "locale": (0, 1e6)}
"""What may come out of the history in each unit."""

WIDER = {
    ("How near each workload is to its threshold", "percentunit"): (0, 5),
    ("Workloads, last hour", "percentunit"): (0, 5),
    ("Of threshold", "percentunit"): (0, 5),
    ("Change, z", "none"): (-10, 100),
}
"""Panels with a share of a threshold, which may be more than all of it, and with a number that has no unit."""

SERVERS = {
    "otelcol_exporter_queue_size",
    "otelcol_exporter_queue_capacity",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_rule_group_interval_seconds",
    *(f"{name}_total" for rates in SELF.values() for name in rates),
}
"""What Prometheus, Alertmanager and the Collector tell of themselves, by the names that they were seen to use."""
SERVER_LABELS = {"job", "instance", "exporter", "rule_group", "__name__", "le"}
ALERT_LABELS = {"alertname", "alertstate", "severity"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus with the history in it, made once for all workers of a run."""
    with history_served(of_the_run(tmp_path_factory), tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@each_dashboard
def test_every_query_gives_numbers_that_fit_its_unit(filled: Server, file: Path) -> None:
    """No query is refused or empty; shares are from 0 to 1, ages and durations of a plausible size."""
    for query in queries(file):
        low, high = WIDER.get((query.panel, query.unit)) or RANGES[query.unit]
        values = list(_values(filled, query.expr, instant=query.instant))
        assert values, (query.panel, query.expr)
        for value in values:
            assert math.isnan(value) or low - 1e-9 <= value <= high, (query.panel, value, query.expr)


@each_dashboard
def test_every_metric_and_label_in_a_query_exists(filled: Server, file: Path) -> None:
    """Ours are in the names module as Prometheus spells them, recorded ones in the rules, others are the servers'."""
    ours = _our_metrics()
    labels = {label for metric in METRICS for label in metric.prometheus_labels}
    recorded = _recorded()
    recorded_labels = labels | {"refusal_workload"}
    for query in queries(file):
        for name, matched in _selectors(ask(filled, "parse_query", query=query.expr)):
            place = (query.panel, name)
            if name in ours:
                assert matched <= ours[name] | {"le"}, place
            elif name in recorded:
                assert matched <= recorded_labels, place
            elif name == "ALERTS":
                assert matched <= labels | ALERT_LABELS, place
            else:
                assert name in SERVERS, place
                assert matched <= SERVER_LABELS, place
        for grouping in _groupings(ask(filled, "parse_query", query=query.expr)):
            assert grouping <= labels | SERVER_LABELS | ALERT_LABELS, query.panel


@each_dashboard
def test_a_prometheus_that_knows_nothing_refuses_no_query(tmp_path: Path, file: Path) -> None:
    """On the first day there is nothing yet: queries are answered, counts with -1, which panels put in words."""
    config = tmp_path / "prometheus.yml"
    config.write_text("{}", encoding="utf-8")
    with prometheus(config, tmp_path) as server:
        for query in queries(file):
            values = list(_values(server, query.expr, instant=query.instant))
            assert set(values) <= {-1.0, 0.0}, (query.panel, values)


def _values(server: Server, expr: str, *, instant: bool) -> Iterator[float]:
    if instant:
        for series in ask(server, "query", query=expr, time=END)["result"]:
            yield float(series["value"][1])
    else:
        answer = ask(server, "query_range", query=expr, start=END - 6 * HOUR, end=END, step=60)
        for series in answer["result"]:
            yield from (float(value) for _, value in series["values"])


def _our_metrics() -> dict[str, set[str]]:
    """Each name in Prometheus with the labels it has there."""
    common = {"job", "instance", "__name__"}
    found: dict[str, set[str]] = {}
    for metric in METRICS:
        suffixes = ("_bucket", "_count", "_sum") if metric.instrument == "histogram" else ("",)
        found |= {metric.prometheus + suffix: {*metric.prometheus_labels, *common} for suffix in suffixes}
    return found


def _recorded() -> set[str]:
    files = RULES.glob("*.rules.yml")
    groups = (group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"])
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a parsed query."""
    if isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from _nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)


def _selectors(tree: Any) -> Iterator[tuple[str, set[str]]]:
    """The names that a query reads, and the labels it asks of each; a pattern stands for all names that fit it."""
    known = {*_our_metrics(), *_recorded(), *SERVERS}
    for node in _nodes(tree):
        if node.get("type") in ("vectorSelector", "matrixSelector"):
            matched = {matcher["name"]: matcher["value"] for matcher in node["matchers"]}
            pattern = matched.pop("__name__")
            names = [pattern] if node["name"] else [name for name in known if re.fullmatch(pattern, name)]
            assert names, f"no metric is called {pattern}"
            for name in names:
                yield name, set(matched)


def _groupings(tree: Any) -> Iterator[set[str]]:
    for node in _nodes(tree):
        if node.get("type") == "aggregation":
            yield set(node["grouping"])
        if isinstance(matching := node.get("matching"), dict):
            yield set(matching["labels"])
