"""Two clusters in one store: the same workload in both is two workloads, in rules, in Alertmanager, on dashboards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from otel_refusals.bundle.check import panels
from tests.bundle.servers import path_of
from tests.bundle.test_export import PROMTOOLS, documents, exported

LABELS = (
    'gen_ai_provider_name="anthropic",gen_ai_operation_name="chat",gen_ai_request_model="m",refusal_workload="triage"'
)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with a cluster label."""
    return exported(tmp_path_factory.mktemp("export"), "--cluster-label", "cluster")


def series(metric: str, values: str, **labels: str) -> dict[str, str]:
    """A series of the workload for promtool."""
    more = "".join(f',{name}="{value}"' for name, value in labels.items())
    return {"series": f"{metric}{{{LABELS}{more}}}", "values": values}


HISTORY = [
    # One answer a minute in both; in east every second one is refused, in west none.
    series("refusal_client_operations_total", "0+1x240", cluster="east", refusal_outcome="refused"),
    series("refusal_client_operations_total", "0+1x240", cluster="east", refusal_outcome="completed"),
    series("refusal_client_operations_total", "0x240", cluster="west", refusal_outcome="refused"),
    series("refusal_client_operations_total", "0+2x240", cluster="west", refusal_outcome="completed"),
    # Both meet the same unknown stop reason, west ten minutes later. The last sight is told in seconds since the epoch.
    series(
        "refusal_client_unknown_stop_reason_last_seen_seconds", "_x169 10200x70", cluster="east", refusal_signal="odd"
    ),
    series(
        "refusal_client_unknown_stop_reason_last_seen_seconds", "_x174 10500x65", cluster="west", refusal_signal="odd"
    ),
]


def firing(alert: str, minute: int, *labels: dict[str, str]) -> dict[str, Any]:
    """A test for promtool: the alert fires with exactly these labels, one for each."""
    samples = [
        {"labels": f'{{cluster={json.dumps(each["cluster"])}, refusal_workload="triage"}}', "value": 1}
        for each in labels
    ]
    expression = f'count by (cluster, refusal_workload) (ALERTS{{alertname="{alert}", alertstate="firing"}})'
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_each_cluster_is_counted_and_paged_for_on_its_own(export: Path, promtool: str, tmp_path: Path) -> None:
    """Half of east is refused and nothing of west: one alert. Both meet an unknown stop reason: two."""
    tests = {
        "rule_files": [str(path) for path in export.glob("rules/*.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": HISTORY,
                "promql_expr_test": [
                    firing("LLMRefusalRateHigh", 120, {"cluster": "east"}),
                    firing("LLMUnknownStopReason", 172, {"cluster": "east"}),
                    firing("LLMUnknownStopReason", 177, {"cluster": "east"}, {"cluster": "west"}),
                    {
                        "expr": "count(workload:refusal_ratio_threshold:max)",
                        "eval_time": "120m",
                        "exp_samples": [{"labels": "{}", "value": 2}],
                    },
                ],
            }
        ],
    }
    (tmp_path / "cluster.test.yml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [path_of(promtool), "test", "rules", tmp_path / "cluster.test.yml"], capture_output=True, text=True
    )

    assert 0 == done.returncode, done.stdout + done.stderr


def expressions(export: Path) -> Iterator[str]:
    """The expression of every rule."""
    for each in documents(export, "rules/**/*.yml"):
        for group in each["groups"]:
            yield from (rule["expr"] for rule in group["rules"])


def nodes(query: str) -> list[promql_parser.Expr]:
    """Every node of a query, as a parser sees it."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(query), pre_visit=found.append)
    return found


def test_no_rule_aggregates_or_joins_over_clusters(export: Path) -> None:
    """Said by a parser: every list that is kept has the label, and there is no aggregation without a list."""
    for expression in expressions(export):
        for node in nodes(expression):
            if isinstance(node, promql_parser.AggregateExpr):
                assert node.modifier, expression
                assert "cluster" in node.modifier.labels, expression
            elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
                assert "cluster" in node.modifier.matching.labels, expression


def test_an_alert_links_to_the_dashboard_of_its_cluster(export: Path) -> None:
    """The variable is filled in, after whatever variables the link had."""
    alerts = [r for d in documents(export, "rules/*.yml") for g in d["groups"] for r in g["rules"] if "alert" in r]

    for alert in alerts:
        path, _, query = alert["annotations"]["dashboard_url"].partition("?")
        assert path.startswith("/d/otel-refusals-")
        assert "var-cluster={{ $labels.cluster }}" in query.split("&")


def models(export: Path) -> list[dict[str, Any]]:
    """The dashboards."""
    return [json.loads(path.read_text()) for path in sorted(export.glob("dashboards/*.json"))]


def test_every_dashboard_has_a_variable_for_the_cluster_before_those_that_depend_on_it(export: Path) -> None:
    """The other variables offer what is in the clusters that are selected."""
    for model in models(export):
        variables = model["templating"]["list"]
        queries = [variable for variable in variables if variable["type"] == "query"]

        assert "cluster" == queries[0]["name"]
        assert "label_values(refusal_client_operations_total, cluster)" == queries[0]["query"]
        for variable in queries[1:]:
            assert 'cluster=~"$cluster"' in variable["query"]


def test_every_selector_of_a_dashboard_is_filtered_by_the_cluster(export: Path) -> None:
    """Panels and annotations, said by a parser once Grafana's variables are filled in."""
    for model in models(export):
        queries = [target["expr"] for panel in panels(model) for target in panel.get("targets", []) if "expr" in target]
        queries += [each["expr"] for each in model["annotations"]["list"] if "expr" in each]
        assert queries
        for query in queries:
            for node in nodes(
                query.replace("$__rate_interval", "5m").replace("$__range", "1d").replace("$__interval", "1m")
            ):
                selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
                if isinstance(selector, promql_parser.VectorSelector):
                    assert "cluster" in {matcher.name for matcher in selector.matchers.matchers}, query


def test_links_between_dashboards_keep_the_cluster(export: Path) -> None:
    """A click on a workload does not lead out of the cluster."""
    text = "".join(path.read_text() for path in export.glob("dashboards/*.json"))
    links = [link for link in text.split('"') if link.startswith("/d/") and "var-" in link]

    assert links
    for link in links:
        assert "${cluster:queryparam}" in link


@pytest.mark.needs("amtool")
def test_alertmanager_joins_and_inhibits_within_a_cluster(export: Path) -> None:
    """What is refused in east says nothing about west."""
    path = export / "stack/alertmanager.yml"
    config = yaml.safe_load(path.read_text())
    checked = subprocess.run([path_of("amtool"), "check-config", path], capture_output=True, text=True)

    assert 0 == checked.returncode, checked.stderr
    assert all("cluster" in rule["equal"] for rule in config["inhibit_rules"])
    assert all(
        "cluster" in route["group_by"] for route in [config["route"], *config["route"]["routes"]] if "group_by" in route
    )
