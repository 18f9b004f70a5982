"""What a PromQL query reads: metrics and labels."""

from __future__ import annotations

import re

import promql_parser

from otel_refusals import names

_PARTS = {"histogram": {"_bucket": {"le"}, "_count": set[str](), "_sum": set[str]()}}

OURS = {
    f"{metric.prometheus}{part}": {*metric.prometheus_labels, *extra}
    for metric in names.METRICS
    for part, extra in _PARTS.get(metric.instrument, {"": set[str]()}).items()
}
"""Our metrics in Prometheus, each with its labels."""

OTHERS = {
    "prometheus_rule_evaluation_failures_total": {"rule_group"},
    "prometheus_rule_group_last_duration_seconds": {"rule_group"},
    "prometheus_rule_group_interval_seconds": {"rule_group"},
    "prometheus_notifications_dropped_total": set(),
    "prometheus_notifications_errors_total": {"alertmanager"},
    "prometheus_notifications_alertmanagers_discovered": set(),
    "alertmanager_notifications_failed_total": {"integration"},
    "vmalert_alerting_rules_errors_total": {"group"},
    "vmalert_recording_rules_errors_total": {"group"},
    "vmalert_alerts_send_errors_total": set(),
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "refusal_workload"},
    **{
        f"otelcol_{part}_{signal}{total}": {end}
        for part, end in (
            ("receiver_accepted", "receiver"),
            ("receiver_refused", "receiver"),
            ("exporter_sent", "exporter"),
            ("exporter_send_failed", "exporter"),
            ("exporter_enqueue_failed", "exporter"),
        )
        for signal in ("metric_points", "spans")
        for total in ("", "_total")
    },
    "otelcol_exporter_queue_size": {"exporter"},
    "otelcol_exporter_queue_capacity": {"exporter"},
    "otelcol_process_memory_rss_bytes": set(),
    "otelcol_process_memory_rss": set(),
    **{
        f"otel_sdk_{part}_total": {"error_type", "otel_component_name"}
        for kind in ("span", "log")
        for part in (f"processor_{kind}_processed", f"exporter_{kind}_exported")
    },
}
"""Metrics of the programs that carry ours."""

_TARGET = {"job", "instance"}
_LEVELS = {
    "provider": "gen_ai_provider_name",
    "model": "gen_ai_request_model",
    "workload": "refusal_workload",
    "outcome": "refusal_outcome",
    "disposition": "refusal_disposition",
    "category": "refusal_category",
    "stage": "refusal_stage",
}


def parsed(query: str) -> list[promql_parser.Expr]:
    """The nodes of a query.

    Raises:
        ValueError: for what is no PromQL.
    """
    nodes: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(query), pre_visit=nodes.append)
    return nodes


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    """The selectors of a query, those of ranges too."""
    nodes = (n.vector_selector if isinstance(n, promql_parser.MatrixSelector) else n for n in parsed(query))
    return [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]


def read_by(query: str) -> set[str]:
    """The metrics that a query names, and the patterns by which it names several."""
    return {name for selector in selectors(query) for name in _names(selector)}


def _names(selector: promql_parser.VectorSelector) -> list[str]:
    patterns = [matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    return [selector.name] if selector.name else patterns


def levels(recorded: str) -> set[str]:
    """The labels of a recorded series, from the level in its name.

    Raises:
        KeyError: for a level of which nothing is known.
    """
    return {_LEVELS[word] for word in recorded.split(":", 1)[0].split("_")}


def strangers(query: str, recorded: set[str]) -> list[str]:
    """What a query reads that does not exist: metrics, and labels that the metrics of a selector do not have."""
    known = {name: labels | _TARGET for name, labels in (OURS | OTHERS).items()}
    known |= {name: levels(name) for name in recorded}
    found, anything = [], set[str]()
    for selector in selectors(query):
        labels = {matcher.name for matcher in selector.matchers.matchers} - {"__name__"}
        for pattern in _names(selector):
            having = [known[name] for name in known if re.fullmatch(pattern, name)]
            anything.update(*having)
            if not having:
                found.append(pattern)
            found += [f"{pattern}{{{label}}}" for label in labels if any(label not in each for each in having)]
    return found + [label for label in kept_by(query) if label not in anything]


def kept_by(query: str) -> set[str]:
    """The labels that a query groups by, or matches on."""
    labels: set[str] = set()
    for node in parsed(query):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            labels.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
            labels.update(node.modifier.matching.labels)
    return labels
