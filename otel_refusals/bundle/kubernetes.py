"""The bundle as Kubernetes objects: `PrometheusRule`, `VMRule`, and dashboards for the sidecar and for the operator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from otel_refusals.bundle import yaml
from otel_refusals.bundle.contents import Contents, page
from otel_refusals.bundle.documents import HEADER, Dashboard, Json, RuleFile
from otel_refusals.bundle.grafana import FOLDER_TITLE

MAX_OBJECT_BYTES = 1024 * 1024
"""A ConfigMap holds 1 MiB of data; the API server takes not much more for any object."""

_LABELS = {"app.kubernetes.io/name": "otel-refusals", "app.kubernetes.io/part-of": "otel-refusals"}


class TooLargeError(ValueError):
    """A document that is larger than what Kubernetes stores; the message names it."""


def manifests(contents: Contents) -> dict[str, str]:
    """Objects as text by their path, with a `kustomization.yaml` for each way to apply them.

    Raises:
        TooLargeError: for one that Kubernetes would not take.
    """
    rules = {_place("rules", file): prometheus_rule(file) for file in contents.rules}
    sidecar = {f"dashboards-sidecar/{each.name}.yaml": config_map(each) for each in contents.dashboards}
    operator = {f"dashboards-operator/{each.name}.yaml": grafana_dashboard(each) for each in contents.dashboards}
    texts = {path: _text(path, document) for path, document in {**rules, **sidecar, **operator}.items()}
    for directory in ("rules", "dashboards-sidecar", "dashboards-operator"):
        texts[f"{directory}/kustomization.yaml"] = _kustomization(directory, texts)
    return {**texts, "README.md": page("kubernetes")}


def prometheus_rule(file: RuleFile) -> Json:
    """The groups of a rule file for the Prometheus operator, which gives them to a Prometheus or to a Thanos ruler."""
    return _rules("monitoring.coreos.com/v1", "PrometheusRule", file)


def vm_rules(files: Sequence[RuleFile]) -> dict[str, str]:
    """The rule files for VictoriaMetrics' operator, as text by their path."""
    rules = {_place("vmrules", file): _rules("operator.victoriametrics.com/v1beta1", "VMRule", file) for file in files}
    return {path: _text(path, document) for path, document in rules.items()}


def config_map(dashboard: Dashboard) -> Json:
    """The dashboard for the sidecar of Grafana's Helm chart, which looks for the label and takes the folder's name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _name(dashboard),
            "labels": {**_LABELS, "grafana_dashboard": "1"},
            "annotations": {"grafana_folder": FOLDER_TITLE},
        },
        "data": {f"{dashboard.name}.json": _compact(dashboard)},
    }


def grafana_dashboard(dashboard: Dashboard) -> Json:
    """The dashboard for grafana-operator, which gives it to the Grafanas with the label `dashboards: grafana`."""
    spec = {
        "folder": FOLDER_TITLE,
        "instanceSelector": {"matchLabels": {"dashboards": "grafana"}},
        "json": _compact(dashboard),
    }
    return _object("grafana.integreatly.org/v1beta1", "GrafanaDashboard", _name(dashboard), spec)


def _rules(api_version: str, kind: str, file: RuleFile) -> Json:
    return _object(api_version, kind, f"otel-refusals-{file.name}", {"groups": file.groups})


def _object(api_version: str, kind: str, name: str, spec: Json) -> Json:
    metadata: dict[str, Any] = {"name": name, "labels": _LABELS}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _place(directory: str, file: RuleFile) -> str:
    return f"{directory}/optional/{file.name}.yaml" if file.optional else f"{directory}/{file.name}.yaml"


def _name(dashboard: Dashboard) -> str:
    return f"otel-refusals-dashboard-{dashboard.name.removeprefix('refusals-')}"


def _compact(dashboard: Dashboard) -> str:
    return json.dumps(dashboard.model, separators=(",", ":"))


def _text(path: str, document: Json) -> str:
    text = HEADER + yaml.dump(document)
    size = len(text.encode())
    if size > MAX_OBJECT_BYTES:
        raise TooLargeError(f"{path} has {size:,} bytes; Kubernetes takes {MAX_OBJECT_BYTES:,}")
    return text


def _kustomization(directory: str, texts: dict[str, str]) -> str:
    names = [path.removeprefix(f"{directory}/") for path in texts if path.startswith(f"{directory}/")]
    resources = sorted(name for name in names if "/" not in name)
    return HEADER + yaml.dump(
        {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources}
    )
