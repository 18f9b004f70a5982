"""How an alert that arrives looks on a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

from otel_refusals.bundle.webhook import Alert

_COLORS = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def show(console: Console, alert: Alert) -> None:
    """Print one alert in one line."""
    severity = alert.labels.get("severity", "")
    color = _COLORS.get(severity, "dim") if alert.status == "firing" else "green"
    line = Text.assemble(
        (time.strftime("%H:%M:%S "), "dim"),
        (f"{alert.status:<8} {severity:<8} {alert.name}  ", color),
        alert.annotations.get("summary", ""),
    )
    console.print(line, soft_wrap=True)
