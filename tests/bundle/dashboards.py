"""The committed dashboards, as tests read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))

ALL: Mapping[str, str] = {
    "provider": ".*",
    "model": ".*",
    "workload": ".*",
    "__rate_interval": "4m",
    "__range": "6h",
}
"""What Grafana puts in the place of each variable where everything is selected."""


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of a panel, its variables filled in."""

    panel: str
    unit: str
    expr: str
    instant: bool


def read(file: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return dashboard


def panels(file: Path) -> Iterator[dict[str, Any]]:
    """The panels but for the headings of rows."""
    return (panel for panel in read(file)["panels"] if panel["type"] != "row")


def queries(file: Path) -> Iterator[PanelQuery]:
    """Every query; in a table the unit is that of its column."""
    for panel in panels(file):
        targets = panel.get("targets", [])
        for target in targets:
            expr = re.sub(r"\$(\w+)", lambda variable: ALL.get(variable[1], variable[0]), target["expr"])
            yield PanelQuery(panel["title"], _unit(panel, target["refId"]), expr, target["instant"])


def _unit(panel: dict[str, Any], ref: str) -> str:
    if panel["type"] == "table":
        names = panel["transformations"][-1]["options"]["renameByName"]
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == names.get(f"Value #{ref}"):
                for prop in override["properties"]:
                    if prop["id"] == "unit":
                        return str(prop["value"])
    return str(panel["fieldConfig"]["defaults"]["unit"])
