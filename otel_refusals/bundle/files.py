"""Where the bundle's files are: inside the wheel, or at the top of a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_OPTIONAL = ("slo.rules.yml",)


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """The files that ship, sorted by name.

    Attributes:
        rules: Rule files in the form that Prometheus reads.
        optional_rules: Rule files that need a decision first, such as an agreed budget of refusals.
        dashboards: Dashboards in Grafana's classic JSON.
        runbooks: One page per alert, `<AlertName>.md`.
        stack: The directory of the configuration of Collector, Prometheus, Alertmanager, Jaeger and Grafana.
        compose: What runs these on one machine.
    """

    rules: tuple[Path, ...]
    optional_rules: tuple[Path, ...]
    dashboards: tuple[Path, ...]
    runbooks: tuple[Path, ...]
    stack: Path
    compose: Path


def bundle_files() -> BundleFiles:
    """Find the files.

    Raises:
        FileNotFoundError: when they are in neither place; the package is damaged.
    """
    for top in (_HERE, _HERE.parent.parent):
        rules = sorted(top.glob("alert_rules/*.rules.yml"))
        dashboards = sorted(top.glob("dashboards/*.json"))
        if rules and dashboards:
            return BundleFiles(
                rules=tuple(path for path in rules if path.name not in _OPTIONAL),
                optional_rules=tuple(path for path in rules if path.name in _OPTIONAL),
                dashboards=tuple(dashboards),
                runbooks=tuple(sorted(top.glob("alert_rules/runbooks/*.md"))),
                stack=_HERE / "stack",
                compose=top / "docker-compose.observability.yml",
            )
    raise FileNotFoundError(f"no dashboards and alert rules beside {_HERE}; install otel-refusals again")
