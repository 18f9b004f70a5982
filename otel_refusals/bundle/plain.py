"""Rule files and dashboards for Prometheus, Thanos, Mimir and VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Sequence

from otel_refusals.bundle import cluster, yaml
from otel_refusals.bundle.contents import Contents, page, place
from otel_refusals.bundle.documents import HEADER, Json
from otel_refusals.bundle.kubernetes import vm_rules

MIMIR_RULES_PER_GROUP = 20
"""Mimir's default of `ruler_max_rules_per_rule_group`, and Grafana Cloud's."""

NAMESPACE = "otel-refusals"


def prometheus(contents: Contents) -> dict[str, str]:
    """Rule files, dashboards, and the configuration that the compose stack runs with as an example."""
    return {
        **_rules(contents),
        **contents.dashboard_texts(),
        **_stack(contents, "stack"),
        "README.md": page("prometheus"),
    }


def compose(contents: Contents) -> dict[str, str]:
    """The whole stack for one machine, laid out as in a checkout, which the compose file's mounts name."""
    rules = {f"alert_rules/{file.name}.rules.yml": file.text for file in contents.rules}
    name = contents.files.compose.name
    return {
        **rules,
        **contents.dashboard_texts(),
        **_stack(contents, "otel_refusals/bundle/stack"),
        name: contents.files.compose.read_text("utf-8"),
        "README.md": page("compose").replace("COMPOSE_FILE", name),
    }


def thanos(contents: Contents) -> dict[str, str]:
    """The same rule files: a ruler reads what Prometheus reads."""
    return {**_rules(contents), **contents.dashboard_texts(), "README.md": page("thanos")}


def victoriametrics(contents: Contents) -> dict[str, str]:
    """The same rule files for vmalert, and as `VMRule` for its operator."""
    return {
        **_rules(contents),
        **vm_rules(contents.rules),
        **contents.dashboard_texts(),
        "README.md": page("victoriametrics"),
    }


def mimir(contents: Contents) -> dict[str, str]:
    """One namespace per rule file, with groups as large as a tenant may have."""
    rules = {
        place(file): HEADER + yaml.dump({"namespace": f"{NAMESPACE}-{file.name}", "groups": _split(file.groups)})
        for file in contents.rules
    }
    namespaces = ",".join(f"{NAMESPACE}-{file.name}" for file in contents.rules if not file.optional)
    return {**rules, **contents.dashboard_texts(), "README.md": page("mimir").replace("NAMESPACES", namespaces)}


def _rules(contents: Contents) -> dict[str, str]:
    return {place(file): file.text for file in contents.rules}


def _stack(contents: Contents, directory: str) -> dict[str, str]:
    """The stack's configuration, as it is but for the cluster label in Alertmanager's."""
    texts = {}
    stack = contents.files.stack
    for path in sorted(path for path in stack.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        if path.name == "alertmanager.yml" and contents.settings.cluster_label:
            text = HEADER + yaml.dump(cluster.in_alertmanager(yaml.load(path), contents.settings.cluster_label))
        texts[f"{directory}/{path.relative_to(stack).as_posix()}"] = text
    return texts


def _split(groups: Sequence[Json]) -> list[Json]:
    """`groups` with none above the limit, in the order in which their rules depend on each other.

    An alert whose recording rules came into an earlier group reads values that are at most one interval old.
    """
    parts = []
    for group in groups:
        rules = group["rules"]
        size = MIMIR_RULES_PER_GROUP
        pieces = [rules[start : start + size] for start in range(0, len(rules), size)]
        for number, piece in enumerate(pieces, 1):
            name = group["name"] if len(pieces) == 1 else f"{group['name']}-{number}"
            parts.append({**group, "name": name, "rules": piece})
    return parts
