"""`otel-refusals observe`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_refusals.cli.alerts import show
from otel_refusals.cli.demo import require
from otel_refusals.cli.stopping import until_stopped

_LOOK_EVERY = 0.2


@click.command()
def observe() -> None:
    """Watch the alert rules at work, with no key and no container.

    Prometheus and Alertmanager of this machine run with the bundle's rules against the demo's application, which works
    until you press Ctrl-C. Every alert that reaches the webhook is printed. Nothing leaves the machine, and nothing is
    kept.
    """
    require("opentelemetry.exporter.prometheus")
    from otel_refusals.bundle.observe import ObserveError, find_programs, observing
    from otel_refusals.demo.application import DemoError

    console = Console(highlight=False)
    try:
        programs = find_programs()
        with until_stopped() as stopping, tempfile.TemporaryDirectory(prefix="otel-refusals-") as home:
            console.print("Starting Alertmanager, Prometheus and the demo's application.")
            with observing(programs, Path(home), lambda alert: show(console, alert), stopping) as stack:
                if not stopping():
                    console.print(_where(stack.prometheus, stack.alertmanager, stack.metrics))
                while not stopping():
                    stack.check()
                    time.sleep(_LOOK_EVERY)
            console.print("Stopped; nothing is left running.")
    except (ObserveError, DemoError) as error:
        Console(stderr=True, highlight=False).print(Text(str(error), "bold red"), soft_wrap=True)
        raise SystemExit(1) from None


def _where(prometheus: str, alertmanager: str, metrics: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, style="cyan")
    table.add_column()
    table.add_row("Prometheus", f"{prometheus}/alerts", "the rules; metrics begin with refusal_")
    table.add_row("Alertmanager", alertmanager, "what is told, and silences")
    table.add_row("Application", metrics, "what is scraped")
    table.add_row("Dashboards", "otel-refusals bundle load", "into your own Grafana")
    table.add_row("Alerts", "below, as they arrive", "Ctrl-C stops everything")
    return table
