"""The stack on this machine: the real servers, on the very configuration files that the compose file mounts.

Only addresses and times are put in place of what the files say: names of containers become ports of the loopback
interface; what is scraped and evaluated every 15 seconds, or every minute, is so every second; and an alert's `for` is
none. Expressions, labels, routes, inhibition, waiting times of Alertmanager, limits and queues stay as they ship. The
servers' flags and environment are those of the compose file.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any

import yaml

from otel_refusals.bundle.files import bundle_files
from otel_refusals.bundle.webhook import Alert, webhook
from tests.bundle.servers import free_port, path_of, running

STACK = bundle_files().stack
COMPOSE = Path(__file__).parent.parent.parent / "docker-compose.observability.yml"
HOST = "127.0.0.1"


def rule_files() -> tuple[Path, ...]:
    """The rules that the shipped configuration of Prometheus loads."""
    configuration = yaml.safe_load((STACK / "prometheus.yml").read_text())
    return tuple(COMPOSE.parent / "alert_rules" / Path(path).name for path in configuration["rule_files"])


def service(name: str) -> dict[str, Any]:
    """A service of the compose file."""
    return dict(yaml.safe_load(COMPOSE.read_text())["services"][name])


def _flags(name: str, own: Mapping[str, object]) -> list[str]:
    """The arguments of a service but what its user sets, with `own` in place of the container's."""
    given = dict(flag.removeprefix("--").partition("=")[::2] for flag in service(name)["command"] if "$" not in flag)
    return [f"--{flag}={value}" if value or flag in own else f"--{flag}" for flag, value in {**given, **own}.items()]


def _environment(name: str, own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a service, but what its user sets, and `own`."""
    given = service(name).get("environment", {})
    return {**{name: value for name, value in given.items() if "$" not in value}, **own}


def get(url: str, **query: str) -> Any:
    """The JSON that a GET of `url` is answered with."""
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=5) as response:
        return json.load(response)


@dataclass
class Alerts:
    """What a webhook was told."""

    told: list[Alert] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)

    def take(self, alert: Alert) -> None:
        """Keep an alert that arrives."""
        with self._changed:
            self.told.append(alert)
            self._changed.notify_all()

    def wait_for(self, name: str, patience: float, **labels: str) -> Alert:
        """The first firing alert of that name with those labels, now or within `patience` seconds."""

        def found() -> Alert | None:
            firing = (alert for alert in self.told if (alert.name, alert.status) == (name, "firing"))
            return next((alert for alert in firing if labels.items() <= alert.labels.items()), None)

        with self._changed:
            alert = self._changed.wait_for(found, patience)
        assert alert, f"{name} did not arrive within {patience:g} s; only {sorted({a.name for a in self.told})} did"
        return alert


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that `expression` gives now."""
        return list(get(f"{self.url}/api/v1/query", query=expression)["data"]["result"])

    def value(self, expression: str) -> float:
        """The value of the one series that `expression` gives now; 0 for none."""
        return sum(float(series["value"][1]) for series in self.query(expression))


@contextmanager
def alertmanager(home: Path, alerts: Alerts, watchdog: Alerts) -> Iterator[str]:
    """Alertmanager on our configuration, telling `alerts` and `watchdog`; gives its address."""
    port = free_port()
    home.mkdir()
    with webhook(HOST, 0, alerts.take) as url, webhook(HOST, 0, watchdog.take) as watchdog_url:
        (home / "webhook_url").write_text(f"{url}\n")
        (home / "watchdog_url").write_text(f"{watchdog_url}\n")
        routing = (STACK / "alertmanager.yml").read_text().replace("/etc/alertmanager/", f"{home}/")
        (home / "alertmanager.yml").write_text(routing)
        own = {
            "config.file": home / "alertmanager.yml",
            "storage.path": home / "data",
            "web.listen-address": f"{HOST}:{port}",
            "cluster.listen-address": "",
        }
        command = [path_of("alertmanager"), *_flags("alertmanager", own)]
        with running(command, f"http://{HOST}:{port}/-/ready", home):
            yield f"{HOST}:{port}"


def lay_prometheus(home: Path, addresses: Mapping[str, str], scraped: Sequence[str] = ()) -> Path:
    """Write Prometheus's configuration and rules to `home`, every second instead of at their pace.

    Args:
        home: Where to.
        addresses: The address in place of each that the shipped file names. Jobs of others are left out.
        scraped: Addresses of applications that serve their own metrics.
    """
    configuration = yaml.safe_load((STACK / "prometheus.yml").read_text())
    configuration["global"] = dict.fromkeys(configuration["global"], "1s")
    jobs = [job for job in configuration["scrape_configs"] if _target(job) in addresses]
    configuration["scrape_configs"] = [
        *jobs,
        *({"job_name": at, "static_configs": [{"targets": [at]}]} for at in scraped),
    ]
    for job in (*jobs, *configuration["alerting"]["alertmanagers"]):
        job["static_configs"] = [{"targets": [addresses[_target(job)]]}]
    (home / "rules").mkdir(parents=True)
    for path in rule_files():
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                rule.pop("for", None)
        (home / "rules" / path.name).write_text(yaml.safe_dump(rules, sort_keys=False))
    (home / "prometheus.yml").write_text(yaml.safe_dump(configuration, sort_keys=False))
    return home / "prometheus.yml"


def _target(job: dict[str, Any]) -> str:
    (target,) = job["static_configs"][0]["targets"]
    return str(target)


@contextmanager
def prometheus(home: Path, port: int, configuration: Path) -> Iterator[Prometheus]:
    """Prometheus on that configuration, which may find data in `home` already."""
    url = f"http://{HOST}:{port}"
    own = {"config.file": configuration, "storage.tsdb.path": home / "data", "web.listen-address": f"{HOST}:{port}"}
    with running([path_of("prometheus"), *_flags("prometheus", own)], f"{url}/-/ready", home):
        yield Prometheus(url)


@dataclass(frozen=True)
class Collector:
    """A Collector that runs.

    Args:
        http: For `OTEL_EXPORTER_OTLP_ENDPOINT` with `http/protobuf`.
        grpc: For `OTEL_EXPORTER_OTLP_ENDPOINT` with `grpc`.
        metrics: Address of its own metrics.
        log: What it prints.
    """

    http: str
    grpc: str
    metrics: str
    log: Path


@contextmanager
def collector(home: Path, **environment: str) -> Iterator[Collector]:
    """The Collector on the shipped file itself, with the environment variables that the file asks for."""
    grpc, http, health, metrics = (free_port() for _ in range(4))
    addresses = {
        "OTLP_GRPC_ENDPOINT": f"{HOST}:{grpc}",
        "OTLP_HTTP_ENDPOINT": f"{HOST}:{http}",
        "HEALTH_ENDPOINT": f"{HOST}:{health}",
        "TELEMETRY_HOST": HOST,
        "TELEMETRY_PORT": str(metrics),
        **environment,
    }
    command = [path_of("otelcol"), *_flags("collector", {"config": STACK / "collector.yaml"})]
    settings = _environment("collector", addresses)
    with running(command, f"http://{HOST}:{health}/", home, environment=settings) as server:
        yield Collector(f"http://{HOST}:{http}", f"http://{HOST}:{grpc}", f"{HOST}:{metrics}", server.log)


@dataclass(frozen=True)
class Jaeger:
    """A Jaeger that runs.

    Args:
        url: Its API and pages.
        otlp: Where it takes spans over HTTP.
        log: What it prints.
    """

    url: str
    otlp: str
    log: Path


@contextmanager
def jaeger(home: Path) -> Iterator[Jaeger]:
    """Jaeger on the shipped file itself, with the environment variables that the file asks for."""
    query, grpc, health, otlp = (f"{HOST}:{free_port()}" for _ in range(4))
    addresses = {
        "JAEGER_QUERY_HTTP": query,
        "JAEGER_QUERY_GRPC": grpc,
        "JAEGER_HEALTH": health,
        "JAEGER_OTLP_HTTP": otlp,
    }
    command = [path_of("jaeger"), *_flags("jaeger", {"config": STACK / "jaeger.yaml"})]
    settings = _environment("jaeger", addresses)
    with running(command, f"http://{health}/status", home, environment=settings) as server:
        yield Jaeger(f"http://{query}", f"http://{otlp}", server.log)
