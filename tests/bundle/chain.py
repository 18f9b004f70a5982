"""Everything from the application to the webhook, over either path, running for the length of a `with`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from otel_refusals.demo.application import prometheus_on
from otel_refusals.testing import StubServer
from tests.bundle.application import Application, answer, application
from tests.bundle.servers import free_port, path_of, until
from tests.bundle.stack import (
    HOST,
    Alerts,
    Collector,
    Jaeger,
    Prometheus,
    alertmanager,
    collector,
    jaeger,
    lay_prometheus,
    prometheus,
)


@dataclass
class Stack:
    """The servers that run.

    Args:
        prometheus: The store.
        alerts: What the webhook was told.
        watchdog: What the outside checker was told.
        collector: On the path over OTLP.
        jaeger: On the path over OTLP.
    """

    prometheus: Prometheus
    alerts: Alerts
    watchdog: Alerts
    collector: Collector | None
    jaeger: Jaeger | None


@dataclass
class Chain(Stack):
    """The servers and what sends to them.

    Args:
        vendor: Base URL of the vendor.
        checkout: The application of a workload that is refused now and then.
        meltdown: The application of one that always is.
    """

    vendor: str
    checkout: Application
    meltdown: Application


@contextmanager
def stacked(home: Path, scraped: Sequence[str] = ()) -> Iterator[Stack]:
    """The servers: those that take OTLP, or, where something is `scraped`, the others alone."""
    with ExitStack() as stack:
        enter = stack.enter_context
        alerts, watchdog = Alerts(), Alerts()
        port = free_port()
        addresses = {"localhost:9090": f"{HOST}:{port}"}
        addresses["alertmanager:9093"] = enter(alertmanager(home / "alertmanager", alerts, watchdog))
        traces = metrics = None
        if not scraped:
            traces = enter(jaeger(home / "jaeger"))
            metrics = enter(
                collector(
                    home / "collector",
                    PROMETHEUS_OTLP_ENDPOINT=f"http://{HOST}:{port}/api/v1/otlp",
                    JAEGER_OTLP_ENDPOINT=traces.otlp,
                )
            )
            addresses["collector:8888"] = metrics.metrics
        configuration = lay_prometheus(home / "prometheus", addresses, scraped)
        store = enter(prometheus(home / "prometheus", port, configuration))
        yield Stack(store, alerts, watchdog, metrics, traces)


@contextmanager
def linked(path: Literal["scrape", "otlp"], home: Path) -> Iterator[Chain]:
    """The chain over that path, after some traffic. A third workload, `nightly`, has been silent for 20 minutes."""
    ports = {workload: free_port() for workload in ("checkout", "meltdown")}
    _fell_silent(home / "prometheus", "nightly")
    with ExitStack() as stack:
        enter = stack.enter_context
        servers = enter(stacked(home, [f"{HOST}:{port}" for port in ports.values()] if path == "scrape" else ()))
        vendor = enter(StubServer(answer))
        apps = {
            workload: enter(
                application(
                    vendor.url,
                    workload,
                    home / f"{workload}.log",
                    {"OTEL_EXPORTER_OTLP_ENDPOINT": servers.collector.grpc}
                    if servers.collector
                    else prometheus_on(port),
                )
            )
            for workload, port in ports.items()
        }
        apps["checkout"].ask("completed", 50)
        apps["checkout"].ask("refused", 30)
        apps["meltdown"].ask("refused", 40)
        traffic = 'sum(refusal_client_operations_total{refusal_workload!="nightly"})'
        until(lambda: servers.prometheus.value(traffic) == 120, "the traffic")
        yield Chain(**vars(servers), vendor=vendor.url, **apps)


def _fell_silent(home: Path, workload: str) -> None:
    """Fill a store with a workload of which nothing has been heard for twenty minutes."""
    now = int(time.time())
    labels = (
        'gen_ai_provider_name="anthropic",gen_ai_operation_name="chat",gen_ai_request_model="claude-x",'
        f'refusal_workload="{workload}",refusal_outcome="completed",job="{workload}",instance="1"'
    )
    samples = [
        f"refusal_client_operations_total{{{labels}}} {10 * count} {at}"
        for count, at in enumerate(range(now - 3 * 3600, now - 20 * 60, 60))
    ]
    home.mkdir()
    text = home / "history.om"
    text.write_text("\n".join(["# TYPE refusal_client_operations counter", *samples, "# EOF", ""]))
    blocks = [path_of("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, home / "data"]
    subprocess.run(blocks, check=True, capture_output=True)
