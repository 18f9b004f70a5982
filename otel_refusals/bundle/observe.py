"""The stack without containers: Prometheus and Alertmanager of this machine, with our rules, watching the demo.

All of it listens on the loopback interface and keeps its data in one directory. The demo's application is scraped, as
not every build of Prometheus takes OTLP. Grafana is not started; the dashboards go into one's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from otel_refusals.bundle.files import bundle_files
from otel_refusals.bundle.webhook import Alert, webhook
from otel_refusals.demo.application import OVER_AND_OVER, application, prometheus_on
from otel_refusals.demo.endpoint import VendorEndpoint
from otel_refusals.demo.process import Process, running

PATIENCE = 60.0
"""Seconds after which a server is taken not to come up."""

_EVERY = "2s"
"""How often is scraped and evaluated: this is for watching, not for a year of history."""

_LOOK_EVERY = 0.1
_HOST = "127.0.0.1"
_DEMO = "otel-refusals-demo"
_PORTS = {"prometheus": 9090, "alertmanager": 9093, _DEMO: 9464}
"""Where people look for them; the names are those of the scrape jobs."""


class ObserveError(Exception):
    """The stack cannot be started, or has broken down; the message says what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The servers to run, as paths."""

    prometheus: str
    alertmanager: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack that runs.

    Args:
        prometheus: Its URL.
        alertmanager: Its URL.
        metrics: The URL of the demo application's metrics.
        processes: All processes that belong to it.
    """

    prometheus: str
    alertmanager: str
    metrics: str
    processes: tuple[Process, ...]

    def check(self) -> None:
        """Look whether everything is still there.

        Raises:
            ObserveError: when a process has ended.
        """
        for process in self.processes:
            if process.ended:
                raise ObserveError(f"{process.name} has ended. Its last words:\n{process.last_words}")


def find_programs() -> Programs:
    """Prometheus and Alertmanager, from the PATH or from where this project's tests install them.

    Raises:
        ObserveError: when one is missing; the message says how to get it.
    """
    found = {name: _find(names) for name, names in _NAMES.items()}
    if missing := [name for name, path in found.items() if not path]:
        raise ObserveError(
            f"{' and '.join(missing)} not found on the PATH. Debian and Ubuntu: apt install prometheus"
            " prometheus-alertmanager; elsewhere: https://prometheus.io/download. With Docker instead:"
            " docker-compose.observability.yml."
        )
    return Programs(found["Prometheus"], found["Alertmanager"])


_NAMES = {"Prometheus": ("prometheus",), "Alertmanager": ("alertmanager", "prometheus-alertmanager")}


def _find(names: tuple[str, ...]) -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otel-refusals" / "servers"
    servers = Path(os.environ.get("OTEL_REFUSALS_SERVERS") or cache) / "bin"
    paths = (shutil.which(name, path=path) for path in (None, str(servers)) for name in names)
    return next((path for path in paths if path), "")


@contextmanager
def observing(
    programs: Programs, home: Path, told: Callable[[Alert], None], stopping: Callable[[], bool]
) -> Iterator[Stack]:
    """Run the stack until the end of the `with`.

    Args:
        programs: The servers.
        home: An empty directory for configuration, data and logs.
        told: Called with each alert that reaches the webhook.
        stopping: Asked while the servers come up; once it is true there is no more waiting for them.

    Raises:
        DemoError: when the demo's application cannot be started.
        ObserveError: when a server cannot be started or does not come up.
    """
    ports = {name: _port(preferred) for name, preferred in _PORTS.items()}
    url = {name: f"http://{_HOST}:{port}" for name, port in ports.items()}
    with ExitStack() as stack:
        vendor = stack.enter_context(VendorEndpoint())
        alerts = stack.enter_context(webhook(_HOST, 0, told))
        _configure(home, alerts, ports)
        servers = {
            name: stack.enter_context(_server(name, command, home))
            for name, command in _commands(programs, home, ports).items()
        }
        work = application(OVER_AND_OVER, vendor.url, prometheus_on(ports[_DEMO]), home / "application.log")
        processes = (*servers.values(), stack.enter_context(work))
        started = Stack(url["prometheus"], url["alertmanager"], f"{url[_DEMO]}/metrics", processes)
        for name, server in servers.items():
            _await(started, server, ports[name], stopping)
        yield started


def _commands(programs: Programs, home: Path, ports: dict[str, int]) -> dict[str, tuple[str, ...]]:
    """The servers in the order in which they are started."""
    return {
        "alertmanager": (
            programs.alertmanager,
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'alertmanager'}",
            f"--web.listen-address={_HOST}:{ports['alertmanager']}",
            "--cluster.listen-address=",
        ),
        "prometheus": (
            programs.prometheus,
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'prometheus'}",
            f"--web.listen-address={_HOST}:{ports['prometheus']}",
        ),
    }


@contextmanager
def _server(name: str, command: tuple[str, ...], home: Path) -> Iterator[Process]:
    with ExitStack() as stack:
        try:
            process = stack.enter_context(running(name, command, home / f"{name}.log"))
        except OSError as error:
            raise ObserveError(f"{command[0]} could not be started: {error.strerror}.") from error
        yield process


def _configure(home: Path, alerts: str, ports: dict[str, int]) -> None:
    """Write both configurations: Alertmanager's is the stack's, but for the address that alerts go to."""
    files = bundle_files()
    routing = (files.stack / "alertmanager.yml").read_text(encoding="utf-8")
    (home / "alertmanager.yml").write_text(re.sub(r"url_file: .*", f"url: {alerts}", routing), encoding="utf-8")
    configuration = {
        "global": {"scrape_interval": _EVERY, "evaluation_interval": _EVERY},
        "rule_files": [str(path) for path in files.rules],
        "alerting": {"alertmanagers": [{"static_configs": [_target(ports["alertmanager"])]}]},
        "scrape_configs": [{"job_name": job, "static_configs": [_target(port)]} for job, port in ports.items()],
    }
    # JSON is YAML, too.
    (home / "prometheus.yml").write_text(json.dumps(configuration, indent=1), encoding="utf-8")


def _target(port: int) -> dict[str, list[str]]:
    return {"targets": [f"{_HOST}:{port}"]}


def _port(preferred: int) -> int:
    """The port where people look, or where that is taken, a free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            # As the servers do: connections of a stack that was stopped a moment ago are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ObserveError("There is no free port on the loopback interface.")


def _await(stack: Stack, server: Process, port: int, stopping: Callable[[], bool]) -> None:
    """Wait until a server is ready."""
    deadline = time.monotonic() + PATIENCE
    while not stopping() and not _is_ready(port):
        stack.check()
        if time.monotonic() > deadline:
            raise ObserveError(f"{server.name} did not come up. Its last words:\n{server.last_words}")
        time.sleep(_LOOK_EVERY)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection(_HOST, port, timeout=1)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
