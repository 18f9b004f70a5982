"""Kubernetes objects: as the operators' definitions want them, and within what the API server stores."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otel_refusals.bundle import kubernetes
from otel_refusals.bundle.documents import Dashboard
from otel_refusals.bundle.files import bundle_files
from otel_refusals.bundle.kubernetes import MAX_OBJECT_BYTES
from tests.bundle.servers import path_of
from tests.bundle.test_export import PROMTOOLS, documents, export, exported, names_of, ours

# The fields that the operator's definition of a PrometheusRule knows (monitoring.coreos.com/v1, operator 0.85), with
# its patterns; unknown fields are refused, as the API server does with server-side validation.
DURATION = {
    "type": "string",
    "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
}
STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
RULE = {
    "type": "object",
    "required": ["expr"],
    "additionalProperties": False,
    "properties": {
        "alert": {"type": "string"},
        "annotations": STRINGS,
        "expr": {"type": ["string", "integer"]},
        "for": DURATION,
        "keep_firing_for": {**DURATION, "minLength": 1},
        "labels": STRINGS,
        "record": {"type": "string"},
    },
}
GROUPS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "interval": DURATION,
            "labels": STRINGS,
            "limit": {"type": "integer"},
            "name": {"type": "string", "minLength": 1},
            "query_offset": DURATION,
            "rules": {"type": "array", "items": RULE},
        },
    },
}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with every option set."""
    options = ("--cluster-label", "cluster", "--grafana-base", "https://g.example.com")
    return exported(tmp_path_factory.mktemp("kubernetes"), "--for", "kubernetes", *options)


def objects(directory: Path) -> list[dict[str, Any]]:
    """Every object but the kustomizations."""
    found = [yaml.safe_load(path.read_text()) for path in sorted(directory.rglob("*.yaml"))]
    return [each for each in found if each["kind"] != "Kustomization"]


def test_names_are_what_kubernetes_takes_and_each_object_has_one(manifests: Path) -> None:
    """DNS names; the same name twice would be the same object."""
    names = [(each["kind"], each["metadata"]["name"]) for each in objects(manifests)]

    assert len(names) == len(set(names))
    for _, name in names:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)


def test_a_rule_file_is_a_prometheus_rule(manifests: Path) -> None:
    """With the fields that the operator knows, and all of our rules."""
    rules = documents(manifests, "rules/refusals.yaml") + documents(manifests, "rules/pipeline.yaml")

    for each in rules + documents(manifests, "rules/optional/*.yaml"):
        assert ("monitoring.coreos.com/v1", "PrometheusRule") == (each["apiVersion"], each["kind"])
        jsonschema.validate(each["spec"]["groups"], GROUPS)
    assert sorted(ours()) == sorted(name for each in rules for name in names_of(each["spec"]["groups"]))


def test_a_rule_file_is_a_vm_rule(tmp_path: Path) -> None:
    """VictoriaMetrics' operator takes the same groups."""
    exported(tmp_path, "--for", "victoriametrics")

    for each in documents(tmp_path, "vmrules/**/*.yaml"):
        assert ("operator.victoriametrics.com/v1beta1", "VMRule") == (each["apiVersion"], each["kind"])
        jsonschema.validate(each["spec"]["groups"], GROUPS)


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_what_the_operator_hands_to_prometheus_is_taken(manifests: Path, promtool: str, tmp_path: Path) -> None:
    """The operator writes the groups of each object into a file of rules."""
    for each in documents(manifests, "rules/refusals.yaml") + documents(manifests, "rules/pipeline.yaml"):
        (tmp_path / f"{each['metadata']['name']}.yaml").write_text(yaml.safe_dump(each["spec"]))
    done = subprocess.run([path_of(promtool), "check", "rules", *tmp_path.iterdir()], capture_output=True, text=True)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_a_config_map_is_found_by_the_sidecar_and_holds_the_dashboard(manifests: Path) -> None:
    """By its label; the JSON in it is the dashboard."""
    maps = documents(manifests, "dashboards-sidecar/refusals-*.yaml")

    assert len(bundle_files().dashboards) == len(maps)
    for each in maps:
        assert ("v1", "ConfigMap") == (each["apiVersion"], each["kind"])
        assert "1" == each["metadata"]["labels"]["grafana_dashboard"]
        ((name, text),) = each["data"].items()
        assert name.endswith(".json")
        assert json.loads(text)["uid"].startswith("otel-refusals-")


def test_a_grafana_dashboard_holds_the_same_as_the_config_map(manifests: Path) -> None:
    """With a selector, which grafana-operator requires."""
    maps = [next(iter(each["data"].values())) for each in documents(manifests, "dashboards-sidecar/refusals-*.yaml")]
    dashboards = documents(manifests, "dashboards-operator/refusals-*.yaml")

    for each in dashboards:
        assert ("grafana.integreatly.org/v1beta1", "GrafanaDashboard") == (each["apiVersion"], each["kind"])
        assert {"folder", "instanceSelector", "json"} == set(each["spec"])
    assert [json.loads(text) for text in maps] == [json.loads(each["spec"]["json"]) for each in dashboards]


def test_a_kustomization_names_what_is_beside_it_and_nothing_optional(manifests: Path) -> None:
    """One for each way to apply."""
    for path in manifests.rglob("kustomization.yaml"):
        beside = {other.name for other in path.parent.glob("*.yaml")} - {path.name}
        assert beside == set(yaml.safe_load(path.read_text())["resources"])
    assert ["dashboards-operator", "dashboards-sidecar", "rules"] == sorted(
        path.parent.name for path in manifests.rglob("kustomization.yaml")
    )


def test_every_object_can_be_stored(manifests: Path) -> None:
    """Well below a mebibyte, so that cluster labels and a dozen panels more do not matter."""
    for path in manifests.rglob("*.yaml"):
        assert MAX_OBJECT_BYTES / 4 > path.stat().st_size


def test_a_dashboard_that_is_too_large_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of its file and its size."""
    monkeypatch.setattr(kubernetes, "MAX_OBJECT_BYTES", 50_000)
    result = export(tmp_path / "out", "--for", "kubernetes")

    assert 1 == result.exit_code
    assert re.search(r"refusals-overview\.yaml has [\d,]+ bytes; Kubernetes takes 50,000", result.output)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["a\tb\nc ", "é “ ” \u2028", "- {{ $labels.x }}: 'y' # z\n", ""])
def test_text_in_a_manifest_comes_back_as_it_was(text: str) -> None:
    """JSON inside YAML inside JSON: nothing in a title or a query can end the value."""
    dashboard = Dashboard("refusals-x", {"uid": "otel-refusals-x", "title": text})
    for document in (kubernetes.config_map(dashboard), kubernetes.grafana_dashboard(dashboard)):
        back = yaml.safe_load(kubernetes._text("x.yaml", document))
        model = back["data"]["refusals-x.json"] if "data" in back else back["spec"]["json"]
        assert text == json.loads(model)["title"]
