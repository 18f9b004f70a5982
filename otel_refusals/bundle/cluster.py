"""A cluster label where one store holds several clusters: the same workload in two of them is two workloads.

Rules keep the label in every aggregation, so that each cluster is counted, compared and paged for on its own.
Dashboards filter by it, and keep it where they tell workloads apart; other numbers are one over the clusters selected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from otel_refusals.bundle import promql
from otel_refusals.bundle.series import label_name, metric_name
from otel_refusals.names import OPERATIONS, WORKLOAD

Json = dict[str, Any]

_LABEL_VALUES = re.compile(r"label_values\((?P<query>.+),\s*(?P<label>\w+)\s*\)\s*", re.DOTALL)


def in_group(group: Mapping[str, Any], label: str) -> Json:
    """A group of rules that tells clusters apart."""
    return {**group, "rules": [_in_rule(rule, label) for rule in group["rules"]]}


def in_dashboard(model: Mapping[str, Any], label: str) -> Json:
    """A dashboard with a variable for the cluster, by which every query is filtered."""
    changed: Json = _in_json(model, label)
    variables = changed["templating"]["list"]
    first_query = next(index for index, variable in enumerate(variables) if variable["type"] == "query")
    variables.insert(first_query, _variable(variables[first_query], label))
    return changed


def in_alertmanager(config: Mapping[str, Any], label: str) -> Json:
    """Alertmanager's configuration: an alert of one cluster neither hides nor joins that of another."""
    changed = dict(config)
    changed["route"] = _in_route(config["route"], label)
    changed["inhibit_rules"] = [
        {**rule, "equal": [label, *rule.get("equal", [])]} for rule in config.get("inhibit_rules", [])
    ]
    return changed


def _in_rule(rule: Mapping[str, Any], label: str) -> Json:
    changed = {**rule, "expr": promql.group_by(str(rule["expr"]), label)}
    annotations = dict(rule.get("annotations", {}))
    link = annotations.get("dashboard_url")
    if link:
        mark = "&" if "?" in link else "?"
        annotations["dashboard_url"] = f"{link}{mark}var-{label}={{{{ $labels.{label} }}}}"
        changed["annotations"] = annotations
    return changed


def _in_route(route: Mapping[str, Any], label: str) -> Json:
    changed = dict(route)
    if "group_by" in route and label not in route["group_by"]:
        changed["group_by"] = [label, *route["group_by"]]
    if "routes" in route:
        changed["routes"] = [_in_route(each, label) for each in route["routes"]]
    return changed


def _in_json(value: Any, label: str) -> Any:
    """`value` with every query in it filtered, wherever Grafana keeps one."""
    if isinstance(value, list):
        return [_in_json(item, label) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _in_json(item, label) for key, item in value.items()}
    if isinstance(value.get("expr"), str):
        grouped = promql.group_by(value["expr"], label, beside=label_name(WORKLOAD))
        changed["expr"] = _filtered(grouped, label)
        if value.get("legendFormat") and grouped != value["expr"]:
            changed["legendFormat"] = f"{{{{{label}}}}} {value['legendFormat']}"
    if str(value.get("url", "")).startswith("/d/") and "var-" in value["url"]:
        changed["url"] = f"{value['url']}&${{{label}:queryparam}}"
    if isinstance(value.get("query"), str) and (found := _LABEL_VALUES.fullmatch(value["query"])):
        changed["query"] = f"label_values({_filtered(found['query'], label)}, {found['label']})"
    return changed


def _filtered(query: str, label: str) -> str:
    return promql.match(query, f'{label}=~"${label}"')


def _variable(like: Mapping[str, Any], label: str) -> Json:
    """A variable over the clusters, made like one that the dashboard has. Its `All` takes in series without a label."""
    return {
        **like,
        "name": label,
        "label": label.replace("_", " ").capitalize(),
        "description": "The clusters that are looked at.",
        "query": f"label_values({metric_name(OPERATIONS)}, {label})",
        "allValue": ".*",
    }
