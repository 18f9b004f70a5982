"""The rules, loaded by real servers: all of them evaluate, and what the watchers watch is there."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.bundle import start
from tests.bundle.promql import OTHERS, read_by
from tests.bundle.rule_units import RULES, groups, rules
from tests.bundle.servers import free_port, until

# A group of one minute begins at some second of its first minute; here it begins at once.
EVERY_SECOND = ("-evaluationInterval=1s",)
FAST = ("interval: 1m", "interval: 1s")
LATE = re.compile(r"otelcol_.*|alertmanager_notifications_failed_total|vmalert_alerting_rules_errors_total")
"""What is checked elsewhere: the Collector's own, and counters that exist once there is something to count for."""


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


@pytest.fixture
def fast(tmp_path: Path) -> list[Path]:
    """The shipped rule files, evaluated every second."""
    copies = tmp_path / "rules"
    copies.mkdir()
    for name in groups():
        (copies / name).write_text((RULES / name).read_text().replace(*FAST))
    return sorted(copies.iterdir())


@pytest.fixture
def config(tmp_path: Path, fast: list[Path]) -> Path:
    """A Prometheus that scrapes nothing, has our rules, and an Alertmanager that is not there."""
    path = tmp_path / "prometheus.yml"
    away = [{"static_configs": [{"targets": [f"127.0.0.1:{free_port()}"]}]}]
    settings = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(file) for file in fast],
        "alerting": {"alertmanagers": away},
    }
    path.write_text(json.dumps(settings))
    return path


def evaluated(url: str) -> dict[str, list[dict[str, str]]]:
    """The rules that a server has, by group."""
    return {group["name"]: group["rules"] for group in json.loads(get(f"{url}/api/v1/rules"))["data"]["groups"]}


def all_healthy(url: str) -> bool:
    found = [rule for group in evaluated(url).values() for rule in group]
    assert [(rule["name"], rule["lastError"]) for rule in found if rule.get("lastError")] == []
    return len(found) == len(rules()) and all(rule["health"] == "ok" for rule in found)


@pytest.mark.parametrize(
    "program",
    [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("prometheus", "prometheus-2.42")],
)
def test_prometheus_evaluates_all(program: str, config: Path, tmp_path: Path) -> None:
    """Prometheus, the newest and 2.42, loads every file and evaluates every rule without an error."""
    with start.prometheus(config, tmp_path / "data", program=program) as server:
        until(lambda: all_healthy(server.url), "every rule to have been evaluated")


@pytest.mark.needs("victoria-metrics", "vmalert")
def test_vmalert_evaluates_all(fast: list[Path], tmp_path: Path) -> None:
    """Vmalert loads every file and evaluates every rule without an error."""
    with (
        start.victoria_metrics(tmp_path / "store") as store,
        start.vmalert(
            fast, tmp_path / "vmalert", store=store.url, notifier=store.url, flags=["-evaluationInterval=1s"]
        ) as server,
    ):
        until(lambda: all_healthy(server.url), "every rule to have been evaluated")
        assert not missing(get(f"{server.url}/metrics"), "vmalert_")


@pytest.mark.needs("prometheus")
def test_what_is_watched_is_there(config: Path, tmp_path: Path) -> None:
    """What the watchers read of Prometheus is what it says about itself, our groups by their names."""
    with start.prometheus(config, tmp_path / "data") as server:
        until(lambda: all_healthy(server.url), "every rule to have been evaluated")
        said = get(f"{server.url}/metrics")
    assert not missing(said, "prometheus_")
    for file, content in groups().items():
        for group in content:
            assert re.search(
                rf'prometheus_rule_evaluation_failures_total{{rule_group=".*{file};{group["name"]}"}} 0\n', said
            )


def missing(said: str, of_program: str) -> set[str]:
    """The metrics of a program that a rule reads and that it does not have."""
    known = {line.split("{")[0].split(" ")[0] for line in said.splitlines() if not line.startswith("#")}
    return {name for name in wanted() if name.startswith(of_program) and not LATE.fullmatch(name)} - known


def wanted() -> Iterable[str]:
    """Metrics of other programs that the rules read."""
    return {name for rule in rules() for name in read_by(rule["expr"]) if name in OTHERS}
