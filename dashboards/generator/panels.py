"""Panels: what is drawn, from which queries, in which unit, and what an empty one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from dashboards.generator.fields import Json, Steps, Words, defaults, fixed, mappings, override
from dashboards.generator.style import GREEN

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Args:
        expr: PromQL.
        legend: The name of each series, with labels in `{{}}`.
        color: A fixed colour for the one series of a constant legend; from the palette by default.
        dashed: A reference beside what happened: a thin dashed line without a filling.
        exemplars: Whether to mark the traces that Prometheus keeps for it.
    """

    expr: str
    legend: str = ""
    color: str = ""
    dashed: bool = False
    exemplars: bool = False


def stat(
    title: str,
    description: str,
    unit: str,
    expr: str,
    *,
    empty: str,
    steps: Steps = (),
    below: str = GREEN,
    words: Words | None = None,
    loud: bool = False,
    trend: bool = False,
    decimals: int | None = None,
    link: str = "",
) -> Json:
    """One number.

    Args:
        title: Above it.
        description: What it says and what to make of it, behind the title's mark.
        unit: A Grafana unit.
        expr: PromQL of one value.
        empty: What is shown where there is no value, and why.
        steps: Colours by value.
        below: The colour of less than the first of them.
        words: A text and a colour instead of a number.
        loud: Whether the whole tile is coloured, or only the number.
        trend: Whether the hours before are drawn under the number.
        decimals: Digits after the point.
        link: Where a click leads.
    """
    shown = defaults(unit, empty, steps, below, decimals)
    if words:
        shown["mappings"] = mappings(words)
    if link:
        shown["links"] = [{"title": title, "url": link}]
    return {
        "type": "stat",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets([Query(expr)], instant=not trend),
        "fieldConfig": {"defaults": shown, "overrides": []},
        "options": {
            "colorMode": "background" if loud else "value",
            "graphMode": "area" if trend else "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "auto",
            "wideLayout": True,
        },
    }


def timeseries(
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    *,
    empty: str,
    stacked: str = "",
    fill: int = 12,
    last: bool = True,
    maximum: float | None = None,
    colors: Mapping[str, str] | None = None,
    steps: Steps = (),
) -> Json:
    """Lines over time.

    Args:
        title: Above it.
        description: What it says and what to make of it, behind the title's mark.
        unit: A Grafana unit.
        queries: What is drawn.
        empty: What is shown where there is nothing, and why.
        stacked: `normal` or `percent` to pile the series up.
        fill: How opaque the area under a line is, in percent.
        last: Whether the legend has each last value.
        maximum: Where the axis ends; where the data does by default.
        colors: Fixed colours by the name of the series.
        steps: Levels that are drawn as lines.
    """
    shown = defaults(unit, empty, steps, GREEN, None)
    shown["color"] = {"mode": "palette-classic"}
    shown["min"] = 0
    if maximum is not None:
        shown["max"] = maximum
    shown["custom"] = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 60 if stacked else fill,
        "gradientMode": "none",
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": stacked or "none", "group": "A"},
        "axisPlacement": "auto",
        "thresholdsStyle": {"mode": "dashed" if steps else "off"},
    }
    changed = [override(query.legend, _line(query)) for query in queries if query.color or query.dashed]
    changed += [override(name, {"color": fixed(color)}) for name, color in (colors or {}).items()]
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets(queries),
        "fieldConfig": {"defaults": shown, "overrides": changed},
        "options": {
            "legend": {
                "calcs": ["lastNotNull"] if last else [],
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def text(title: str, description: str, markdown: str) -> Json:
    """A text in Markdown."""
    return {
        "type": "text",
        "title": title,
        "description": description,
        "options": {"mode": "markdown", "content": markdown},
    }


def targets(queries: Sequence[Query], *, instant: bool = False, form: str = "time_series") -> list[Json]:
    """The queries as the data source takes them."""
    return [
        {
            "refId": ref,
            "datasource": DATASOURCE,
            "expr": query.expr,
            "legendFormat": query.legend,
            "format": form,
            "instant": instant,
            "range": not instant,
            "exemplar": query.exemplars,
        }
        for ref, query in zip(ascii_uppercase, queries, strict=False)
    ]


def _line(query: Query) -> Json:
    properties: Json = {"color": fixed(query.color)} if query.color else {}
    if query.dashed:
        properties["custom.lineStyle"] = {"fill": "dash", "dash": [8, 6]}
        properties["custom.lineWidth"] = 1
        properties["custom.fillOpacity"] = 0
    return properties
