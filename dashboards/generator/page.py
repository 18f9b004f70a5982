"""A dashboard: its rows of panels, the variables at its top, the links to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.generator import queries as q
from dashboards.generator.fields import Json
from dashboards.generator.panels import DATASOURCE
from otel_refusals.names import OPERATIONS

OVERVIEW, WORKLOAD, PIPELINE = "otel-refusals-overview", "otel-refusals-workload", "otel-refusals-pipeline"
TITLES = {OVERVIEW: "Refusals overview", WORKLOAD: "Workload", PIPELINE: "Pipeline health"}

WIDTH = 24
"""Columns of Grafana's grid."""


def workload_url(*variables: str) -> str:
    """The workload page, with the page's time and data source and the given `name=value` variables."""
    return f"/d/{WORKLOAD}?" + "&".join(
        ("${datasource:queryparam}", "${__url_time_range}", *(f"var-{variable}" for variable in variables))
    )


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, with their widths, which fill the grid.

    Args:
        title: Its heading. One without follows the row above it.
        height: Of its panels, in cells of the grid.
        panels: A width and a panel each.

    Raises:
        ValueError: when the widths are more or less than the grid is wide.
    """

    title: str
    height: int
    panels: Sequence[tuple[int, Json]]

    def __post_init__(self) -> None:
        if (taken := sum(width for width, _ in self.panels)) != WIDTH:
            raise ValueError(f"the row of {self.panels[0][1]['title']!r} is {taken} columns wide, not {WIDTH}")


def page(
    uid: str,
    description: str,
    rows: Sequence[Row],
    *,
    variables: Sequence[Json] = (),
) -> Json:
    """A dashboard of these rows.

    Args:
        uid: One of those above; links and bookmarks hold on to it.
        description: What the page is for.
        rows: From top to bottom.
        variables: More of them, after those that all pages have.
    """
    return {
        "uid": uid,
        "title": TITLES[uid],
        "description": description,
        "tags": ["otel-refusals"],
        "schemaVersion": 42,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "templating": {"list": [*_variables(), *variables]},
        "annotations": {"list": [_alerts_as_annotations()]},
        "links": [_link(other) for other in TITLES if other != uid],
        "panels": _placed(rows),
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    panels: list[Json] = []
    y = 0

    def place(panel: Json, x: int, width: int, height: int) -> None:
        panels.append({"id": len(panels) + 1, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **panel})

    for row in rows:
        if row.title:
            place({"type": "row", "title": row.title, "collapsed": False, "panels": []}, 0, WIDTH, 1)
            y += 1
        x = 0
        for width, panel in row.panels:
            place(panel, x, width, row.height)
            x += width
        y += row.height
    return panels


def _variables() -> list[Json]:
    series = OPERATIONS.prometheus
    provider = f'{q.PROVIDER}=~"$provider"'
    model = f'{provider}, {q.MODEL}=~"$model"'
    return [
        {
            "type": "datasource",
            "name": "datasource",
            "label": "Data source",
            "query": "prometheus",
            "description": "A Prometheus, or what speaks its language: Mimir, Thanos, VictoriaMetrics.",
        },
        _variable("provider", "Provider", f"label_values({series}, {q.PROVIDER})"),
        _variable("model", "Model", f"label_values({series}{{{provider}}}, {q.MODEL})"),
        _variable("workload", "Workload", f"label_values({series}{{{model}}}, {q.WORKLOAD})"),
    ]


def _variable(name: str, label: str, query: str) -> Json:
    """A choice of several values or all of them, read anew when the time range changes."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _alerts_as_annotations() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": q.firing("critical"),
        "titleFormat": "{{alertname}}",
        "textFormat": "{{" + q.WORKLOAD + "}}",
        "step": "1m",
    }


def _link(uid: str) -> Json:
    return {
        "type": "link",
        "title": TITLES[uid],
        "url": f"/d/{uid}",
        "icon": "dashboard",
        "tooltip": "",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": True,
        "keepTime": True,
    }
