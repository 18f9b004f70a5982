"""Rules and dashboards as they are to be used: with the cluster label, the runbooks and the Grafana of whoever asks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from otel_refusals._version import __version__
from otel_refusals.bundle import cluster, yaml
from otel_refusals.bundle.files import BundleFiles

HEADER = f"# Written by otel-refusals {__version__}. Export again instead of changing it.\n"

Json = dict[str, Any]

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = re.compile(r"(gen_ai_|refusal_|__)|(error_type|alertname|severity|le)$")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is not the same everywhere.

    Attributes:
        cluster_label: The label by which the clusters of one store are told apart.
        runbook_base: The address under which `<AlertName>.md` is found.
        grafana_base: The address of the Grafana that alerts link to.

    Raises:
        ValueError: for a value that cannot be used; the message names the option and the value.
    """

    cluster_label: str | None = None
    runbook_base: str | None = None
    grafana_base: str | None = None

    def __post_init__(self) -> None:
        label = self.cluster_label
        if label is not None and (not _LABEL.fullmatch(label) or _OURS.match(label)):
            raise ValueError(
                f"--cluster-label {label!r} is no label of a cluster; give one such as cluster or k8s_cluster"
            )
        for option, url in (("--runbook-base", self.runbook_base), ("--grafana-base", self.grafana_base)):
            if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
                raise ValueError(f"{option} {url!r} is no address; give one such as https://grafana.example.com")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of rules.

    Attributes:
        name: That of the file, without `.rules.yml`.
        groups: What it holds.
        text: The same as Prometheus reads it.
        optional: Whether it needs a decision first, such as an agreed budget of refusals.
    """

    name: str
    groups: list[Json]
    text: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard; `model` is Grafana's own word for its JSON."""

    name: str
    model: Json

    @property
    def uid(self) -> str:
        """What Grafana knows it by."""
        return str(self.model["uid"])

    @property
    def title(self) -> str:
        """What people know it by."""
        return str(self.model["title"])


def rule_files(files: BundleFiles, settings: Settings) -> list[RuleFile]:
    """The rule files, the optional ones last."""
    needed = [_rule_file(path, settings, optional=False) for path in files.rules]
    return needed + [_rule_file(path, settings, optional=True) for path in files.optional_rules]


def dashboards(files: BundleFiles, settings: Settings) -> list[Dashboard]:
    """The dashboards."""
    found = []
    for path in files.dashboards:
        model = json.loads(path.read_text(encoding="utf-8"))
        if settings.cluster_label:
            model = cluster.in_dashboard(model, settings.cluster_label)
        found.append(Dashboard(path.stem, model))
    return found


def _rule_file(path: Path, settings: Settings, *, optional: bool) -> RuleFile:
    """The file as it is, with its comments, or, where the settings ask for it, written anew."""
    groups = _groups(path, settings)
    text = path.read_text("utf-8") if settings == Settings() else HEADER + yaml.dump({"groups": groups})
    return RuleFile(path.name.removesuffix(".rules.yml"), groups, text, optional)


def _groups(path: Path, settings: Settings) -> list[Json]:
    groups: list[Json] = yaml.load(path)["groups"]
    if settings.cluster_label:
        groups = [cluster.in_group(group, settings.cluster_label) for group in groups]
    return [{**group, "rules": [_linked(rule, settings) for rule in group["rules"]]} for group in groups]


def _linked(rule: Json, settings: Settings) -> Json:
    """`rule` with links that lead somewhere."""
    if "annotations" not in rule:
        return rule
    annotations = dict(rule["annotations"])
    if settings.runbook_base:
        page = annotations["runbook_url"].rpartition("/")[2]
        annotations["runbook_url"] = f"{settings.runbook_base.rstrip('/')}/{page}"
    if settings.grafana_base and annotations.get("dashboard_url", "").startswith("/"):
        annotations["dashboard_url"] = settings.grafana_base.rstrip("/") + annotations["dashboard_url"]
    return {**rule, "annotations": annotations}
