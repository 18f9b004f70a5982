"""`otel-refusals observe`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_refusals.bundle.observe import ObserveError, Stack, find_programs, observing
from otel_refusals.bundle.webhook import Alert
from otel_refusals.cli.demo import require
from otel_refusals.cli.stopping import until_stopped
from otel_refusals.demo.application import DemoError

_COLORS = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_LOOK_EVERY = 0.2


@click.command()
def observe() -> None:
    """Watch the alert rules at work, with no key and no container.

    Prometheus and Alertmanager of this machine run with the bundle's rules against the demo's application, which works
    until you press Ctrl-C. Every alert that reaches the webhook is printed. Nothing leaves the machine, and nothing is
    kept.
    """
    require("opentelemetry.exporter.prometheus")
    console = Console(highlight=False)
    try:
        programs = find_programs()
        with until_stopped() as stopping, tempfile.TemporaryDirectory(prefix="otel-refusals-") as home:
            console.print("Starting Alertmanager, Prometheus and the demo's application.")
            with observing(programs, Path(home), lambda alert: show(console, alert), stopping) as stack:
                if not stopping():
                    console.print(_where(stack))
                while not stopping():
                    stack.check()
                    time.sleep(_LOOK_EVERY)
            console.print("Stopped; nothing is left running.")
    except (ObserveError, DemoError) as error:
        Console(stderr=True, highlight=False).print(Text(str(error), "bold red"), soft_wrap=True)
        raise SystemExit(1) from None


def show(console: Console, alert: Alert) -> None:
    """Print one alert in one line."""
    severity = alert.labels.get("severity", "")
    color = _COLORS.get(severity, "dim") if alert.status == "firing" else "green"
    console.print(
        Text.assemble(
            (time.strftime("%H:%M:%S "), "dim"),
            (f"{alert.status:<8} {severity:<8} {alert.name} ", color),
            alert.annotations.get("summary", ""),
        )
    )


def _where(stack: Stack) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, style="cyan")
    table.add_column()
    table.add_row("Prometheus", f"{stack.prometheus}/alerts", "rules and alerts; the metrics begin with refusal_")
    table.add_row("Alertmanager", stack.alertmanager, "what is being told, silences")
    table.add_row("Application", stack.metrics, "what is scraped")
    table.add_row("Dashboards", "otel-refusals bundle load", "into your Grafana, with this Prometheus as data source")
    table.add_row("", "", "")
    table.add_row("Alerts", "", "come below as they reach the webhook; Ctrl-C stops everything")
    return table
