"""Everything from the application to the webhook, over either path, running for the length of a `with`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
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
class Chain:
    """Everything that runs.

    Args:
        prometheus: The store.
        alerts: What the webhook was told.
        watchdog: What the outside checker was told.
        vendor: Base URL of the vendor.
        checkout: The application of the workload that is refused now and then.
        meltdown: The application of the workload that always is.
        collector: On the path over OTLP.
        jaeger: On the path over OTLP.
    """

    prometheus: Prometheus
    alerts: Alerts
    watchdog: Alerts
    vendor: str
    checkout: Application
    meltdown: Application
    collector: Collector | None = None
    jaeger: Jaeger | None = None


@contextmanager
def linked(path: Literal["scrape", "otlp"], home: Path) -> Iterator[Chain]:
    """The chain over that path, after some traffic: a workload that is refused now and then, one that always is, and
    one, `nightly`, of which nothing has been heard for twenty minutes.
    """
    with ExitStack() as stack:
        enter = stack.enter_context
        alerts, watchdog = Alerts(), Alerts()
        port = free_port()
        addresses = {"localhost:9090": f"{HOST}:{port}"}
        addresses["alertmanager:9093"] = enter(alertmanager(home / "alertmanager", alerts, watchdog))
        traces = metrics = None
        if path == "otlp":
            traces = enter(jaeger(home / "jaeger"))
            metrics = enter(
                collector(
                    home / "collector",
                    PROMETHEUS_OTLP_ENDPOINT=f"http://{HOST}:{port}/api/v1/otlp",
                    JAEGER_OTLP_ENDPOINT=traces.otlp,
                )
            )
            addresses["collector:8888"] = metrics.metrics
        ports = {workload: free_port() for workload in ("checkout", "meltdown")}
        scraped = [] if metrics else [f"{HOST}:{port}" for port in ports.values()]
        _fell_silent(home / "prometheus", "nightly")
        configuration = lay_prometheus(home / "prometheus", addresses, scraped)
        store = enter(prometheus(home / "prometheus", port, configuration))
        vendor = enter(StubServer(answer))
        apps = {
            workload: enter(
                application(
                    vendor.url,
                    workload,
                    home / f"{workload}.log",
                    {"OTEL_EXPORTER_OTLP_ENDPOINT": metrics.grpc} if metrics else prometheus_on(port),
                )
            )
            for workload, port in ports.items()
        }
        apps["checkout"].ask("completed", 50)
        apps["checkout"].ask("refused", 30)
        apps["meltdown"].ask("refused", 40)
        until(
            lambda: store.value("sum(refusal_client_operations_total{refusal_workload!='nightly'})") == 120,
            "the traffic",
        )
        yield Chain(store, alerts, watchdog, vendor.url, **apps, collector=metrics, jaeger=traces)


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
