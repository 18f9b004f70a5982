"""The configuration files of the stack: right to their own programs, bounded, and of one mind with each other."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.servers import free_port, path_of
from tests.bundle.stack import COMPOSE, STACK, Alerts, alertmanager, lay_prometheus, prometheus, rule_files, service

MEBI = 1 << 20


def load(name: str) -> dict[str, Any]:
    """A configuration file."""
    return dict(yaml.safe_load((STACK / name).read_text()))


def run(program: str, *arguments: str | Path) -> str:
    """What a program prints, which must succeed."""
    done = subprocess.run([path_of(program), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.needs("otelcol")
def test_the_collector_takes_its_configuration_as_it_is() -> None:
    """With the compose file's values for all addresses, and no word about anything deprecated."""
    assert "deprecated" not in run("otelcol", "validate", "--config", STACK / "collector.yaml")


def test_the_collector_is_bounded_and_mute() -> None:
    """Memory is limited first in every pipeline, queues are counted in bytes, retries end, and nothing prints."""
    collector = load("collector.yaml")
    pipelines = collector["service"]["pipelines"]

    assert {"metrics", "traces", "logs"} == set(pipelines)
    assert {"memory_limiter"} == {pipeline["processors"][0] for pipeline in pipelines.values()}
    for name, exporter in collector["exporters"].items():
        assert name.partition("/")[0] in {"otlp_http", "nop"}, name
        if name != "nop":
            assert "bytes" == exporter["sending_queue"]["sizer"]
            assert exporter["sending_queue"]["queue_size"] <= 64 * MEBI
            assert exporter["sending_queue"]["batch"]
            assert "5m" == exporter["retry_on_failure"]["max_elapsed_time"]


def test_the_collector_stops_taking_before_it_is_killed() -> None:
    """memory_limiter acts below Go's soft limit, that one below the container's; both queues fit in."""
    collector, container = load("collector.yaml"), service("collector")
    limit = int(re.sub(r"\$\{env:\w+:-(\d+)\}", r"\1", collector["processors"]["memory_limiter"]["limit_mib"]))
    soft = int(container["environment"]["GOMEMLIMIT"].removesuffix("MiB"))

    assert limit < soft < int(container["mem_limit"].removesuffix("m"))
    assert sum(e["sending_queue"]["queue_size"] for e in collector["exporters"].values() if e) < limit * MEBI


def test_retries_end_before_prometheus_takes_no_more() -> None:
    """A sample that was held back is not too old when it comes."""
    window = load("prometheus.yml")["storage"]["tsdb"]["out_of_order_time_window"]

    assert ("10m", "5m") == (
        window,
        load("collector.yaml")["exporters"]["otlp_http/prometheus"]["retry_on_failure"]["max_elapsed_time"],
    )


@pytest.mark.needs("promtool")
def test_prometheus_takes_its_configuration_and_all_rules(tmp_path: Path) -> None:
    """As they ship, laid out as in the container."""
    (tmp_path / "prometheus.yml").write_text((STACK / "prometheus.yml").read_text())
    (tmp_path / "rules").symlink_to(COMPOSE.parent / "alert_rules")

    said = run("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert "SUCCESS: 2 rule files found" in said


@pytest.mark.needs("amtool")
def test_alertmanager_takes_its_configuration() -> None:
    """As it ships."""
    assert "SUCCESS" in run("amtool", "check-config", STACK / "alertmanager.yml")


@pytest.mark.needs("amtool")
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=LLMRefusalWatchdog", "severity=none"), "watchdog"),
        (("alertname=LLMUnknownStopReason", "severity=critical"), "alerts"),
        (("alertname=LLMRefusalRateHigh", "severity=warning"), "alerts"),
        (("alertname=SomebodyElses",), "alerts"),
    ],
)
def test_only_the_watchdog_goes_elsewhere(labels: tuple[str, ...], receiver: str) -> None:
    """Whoever watches the watcher stands outside."""
    said = run("amtool", "config", "routes", "test", f"--config.file={STACK / 'alertmanager.yml'}", *labels)

    assert receiver == said.strip()


def test_alertmanager_speaks_of_alerts_and_labels_that_exist() -> None:
    """Every alert that a route or an inhibition names is in the rules, with a label by which they are told apart."""
    rules = [path.read_text() for path in (COMPOSE.parent / "alert_rules").glob("*.rules.yml")]
    alerts = set(re.findall(r"- alert: (\w+)", "\n".join(rules)))
    named = re.findall(r'alertname=~?"([^"]+)"', (STACK / "alertmanager.yml").read_text())

    for pattern in named:
        for alternative in pattern.split("|"):
            assert [alert for alert in alerts if re.fullmatch(alternative, alert)], alternative


def test_nobody_is_told_by_a_value_in_the_repository() -> None:
    """Where alerts go is in a file of the user's; the one that ships names the demo."""
    receivers = load("alertmanager.yml")["receivers"]

    assert all(set(hook) == {"url_file", "send_resolved"} for r in receivers for hook in r["webhook_configs"])
    assert "http://demo:9095/\n" == (STACK / "webhook_url").read_text()
    assert "0.0.0.0:9095" in service("demo")["command"]


def addresses_in(text: str) -> set[tuple[str, str]]:
    """The pairs of service and port that a file names."""
    return set(re.findall(r"\b(collector|prometheus|alertmanager|jaeger|grafana|demo):(\d+)", text))


def test_the_files_find_each_other() -> None:
    """Each address that one names is listened on by another, by its configuration or by its image's default."""
    listens = {
        ("prometheus", "9090"),
        ("alertmanager", "9093"),
        ("collector", "8888"),
        ("collector", "4318"),
        ("jaeger", "4318"),
        ("jaeger", "16686"),
        ("demo", "9095"),
    }
    texts = [COMPOSE.read_text(), *(path.read_text() for path in STACK.rglob("*") if path.is_file())]

    assert listens == addresses_in(
        "\n".join(line for text in texts for line in text.splitlines() if "image:" not in line)
    )
    for name, ports in (("collector", "8888 4318"), ("jaeger", "4318 16686")):
        for port in ports.split():
            assert re.search(rf":-(0\.0\.0\.0:)?{port}\}}", (STACK / f"{name}.yaml").read_text()), (name, port)


def test_grafana_finds_all_dashboards_and_data_sources() -> None:
    """All dashboards are mounted where the provider looks; uids are fixed, and one source is the default."""
    mounted = {mount["source"]: mount["target"] for mount in service("grafana")["volumes"]}
    dashboards = sorted((COMPOSE.parent / "dashboards").glob("*.json"))
    (provider,) = load("grafana/provisioning/dashboards/refusals.yaml")["providers"]
    sources = load("grafana/provisioning/datasources/stack.yaml")["datasources"]

    assert 3 == len(dashboards)
    for dashboard in dashboards:
        assert f"{provider['options']['path']}/{dashboard.name}" == mounted[f"./dashboards/{dashboard.name}"]
    assert service("grafana")["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in mounted.values()
    assert ["prometheus", "alertmanager", "jaeger"] == [source["uid"] for source in sources]
    assert ["prometheus"] == [source["uid"] for source in sources if source.get("isDefault")]


def data_sources_in(part: Any) -> Iterator[str]:
    """The uids that a dashboard, or a part of one, asks for."""
    if isinstance(part, dict):
        if isinstance(part.get("datasource"), dict):
            yield part["datasource"]["uid"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from data_sources_in(inner)


def test_every_data_source_that_a_dashboard_asks_for_is_there() -> None:
    """By a variable, by a uid that is provisioned, or one of Grafana's own."""
    uids = {source["uid"] for source in load("grafana/provisioning/datasources/stack.yaml")["datasources"]}
    for path in (COMPOSE.parent / "dashboards").glob("*.json"):
        asked = set(data_sources_in(json.loads(path.read_text())))

        assert asked
        assert {uid for uid in asked if uid not in uids and not uid.startswith(("${", "-- "))} == set(), path.name


@pytest.mark.needs("prometheus", "promtool", "alertmanager", "amtool")
def test_the_health_checks_tell_health(tmp_path: Path) -> None:
    """Those of Prometheus and Alertmanager, run as the container runs them: yes while it runs, no before and after."""
    port = free_port()

    def healthy(name: str, address: str) -> bool:
        _, program, *arguments = service(name)["healthcheck"]["test"]
        told = [re.sub(r"127\.0\.0\.1:\d+", address, argument) for argument in arguments]
        return subprocess.run([path_of(program), *told], capture_output=True).returncode == 0

    assert not healthy("prometheus", f"127.0.0.1:{port}")
    with alertmanager(tmp_path / "alertmanager", Alerts(), Alerts()) as address:
        assert healthy("alertmanager", address)
        configuration = lay_prometheus(tmp_path / "prometheus", {"alertmanager:9093": address})
        with prometheus(tmp_path / "prometheus", port, configuration):
            assert healthy("prometheus", f"127.0.0.1:{port}")
    assert not healthy("alertmanager", address)


def test_the_stack_loads_the_rules_that_need_no_decision() -> None:
    """All but the one for an agreed budget, which is named beside them."""
    names = {path.name for path in (COMPOSE.parent / "alert_rules").glob("*.rules.yml")}

    assert names - {"slo.rules.yml"} == {path.name for path in rule_files()}
    assert "rules/slo.rules.yml" in (STACK / "prometheus.yml").read_text()
