"""Panels: what is drawn, from which queries, in which unit, and what an empty one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from dashboards.generator.style import GREEN, PLAIN

Json = dict[str, Any]
Steps = Sequence[tuple[float, str]]
"""Colours by the value from which they hold; green below the first, if not told otherwise."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TRANSPARENT = "transparent"


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


@dataclass(frozen=True, slots=True)
class Column:
    """One column of numbers in a table.

    Args:
        name: Its header.
        expr: PromQL that gives one number per row.
        unit: A Grafana unit.
        steps: Colours of the cell by its value; none by default.
        below: The colour of less than the first of them.
        words: Texts and colours instead of numbers.
        decimals: Digits after the point; as many as it needs by default.
    """

    name: str
    expr: str
    unit: str = "locale"
    steps: Steps = ()
    decimals: int | None = None
    below: str = TRANSPARENT
    words: Mapping[float, tuple[str, str]] | None = None


def stat(
    title: str,
    description: str,
    unit: str,
    expr: str,
    *,
    empty: str,
    steps: Steps = (),
    below: str = GREEN,
    words: Mapping[float, tuple[str, str]] | None = None,
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
    defaults = _defaults(unit, empty, steps, below, decimals)
    if words:
        defaults["mappings"] = _mappings(words)
    if link:
        defaults["links"] = [{"title": title, "url": link}]
    return {
        "type": "stat",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": _targets([Query(expr)], instant=not trend),
        "fieldConfig": {"defaults": defaults, "overrides": []},
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
    defaults = _defaults(unit, empty, steps, GREEN, None)
    defaults["color"] = {"mode": "palette-classic"}
    defaults["min"] = 0
    if maximum is not None:
        defaults["max"] = maximum
    defaults["custom"] = {
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
    overrides = [_override(query.legend, _line(query)) for query in queries if query.color or query.dashed]
    overrides += [_override(name, {"color": _fixed(color)}) for name, color in (colors or {}).items()]
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": _targets(queries),
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
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


def table(
    title: str,
    description: str,
    rows: Mapping[str, str],
    columns: Sequence[Column],
    *,
    empty: str,
    sort: str,
    descending: bool = True,
    links: Mapping[str, tuple[str, str]] | None = None,
    widths: Mapping[str, int] | None = None,
) -> Json:
    """A table: one row per combination of labels, one column per query.

    Args:
        title: Above it.
        description: What it says and what to make of it, behind the title's mark.
        rows: The labels that make a row, and their headers.
        columns: The numbers of a row.
        empty: What is shown where there are no rows, and why.
        sort: The header to sort by.
        descending: Whether the largest comes first.
        links: A title and a URL by header, for its cells.
        widths: Pixels by header.
    """
    # Without one of its own, an empty cell would say what an empty table says.
    overrides = [_override(header, {"noValue": "-"}) for header in rows.values()]
    overrides += [_override(column.name, _column(column)) for column in columns]
    for header, (link_title, url) in (links or {}).items():
        overrides.append(_override(header, {"links": [{"title": link_title, "url": url}]}))
    for header, width in (widths or {}).items():
        overrides.append(_override(header, {"custom.width": width}))
    values = {f"Value #{ref}": column.name for ref, column in zip(ascii_uppercase, columns, strict=False)}
    # With a single answer the data source leaves the letter out.
    names = {**rows, "Value": columns[0].name, **values}
    return {
        "type": "table",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": _targets([Query(column.expr) for column in columns], instant=True, form="table"),
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: index for index, name in enumerate(names)},
                    "renameByName": names,
                },
            },
        ],
        "fieldConfig": {
            "defaults": {
                **_defaults("short", empty, (), PLAIN, None),
                "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "minWidth": 60},
            },
            "overrides": overrides,
        },
        "options": {"cellHeight": "sm", "showHeader": True, "sortBy": [{"displayName": sort, "desc": descending}]},
    }


def matrix(
    title: str, description: str, expr: str, row: tuple[str, str], column: str, *, empty: str, steps: Steps
) -> Json:
    """A table of one label (and its header) against another, its cells coloured by the number in them."""
    label, header = row
    panel = table(title, description, {}, [Column("Value", expr)], empty=empty, sort=header, descending=False)
    crossed = {"columnField": column, "rowField": label, "valueField": "Value", "emptyValue": "zero"}
    panel["transformations"] = [
        {"id": "groupingToMatrix", "options": crossed},
        {"id": "organize", "options": {"renameByName": {f"{label}\\{column}": header}}},
    ]
    cell = {"align": "auto", "cellOptions": {"type": "color-background", "mode": "basic"}, "inspect": False}
    panel["fieldConfig"] = {
        "defaults": {**_defaults("short", empty, steps, TRANSPARENT, 0), "custom": cell},
        "overrides": [_override(header, {"custom.cellOptions": {"type": "auto"}})],
    }
    return panel


def text(title: str, description: str, markdown: str) -> Json:
    """A text in Markdown."""
    return {
        "type": "text",
        "title": title,
        "description": description,
        "options": {"mode": "markdown", "content": markdown},
    }


def _targets(queries: Sequence[Query], *, instant: bool = False, form: str = "time_series") -> list[Json]:
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


def _defaults(unit: str, empty: str, steps: Steps, below: str, decimals: int | None) -> Json:
    defaults: Json = {
        "unit": unit,
        "noValue": empty,
        "color": {"mode": "thresholds"},
        "mappings": [],
        "thresholds": _thresholds(steps, below),
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return defaults


def _thresholds(steps: Steps, below: str) -> Json:
    colors = [{"value": None, "color": below}, *({"value": value, "color": color} for value, color in steps)]
    return {"mode": "absolute", "steps": colors}


def _line(query: Query) -> Json:
    properties: Json = {"color": _fixed(query.color)} if query.color else {}
    if query.dashed:
        properties["custom.lineStyle"] = {"fill": "dash", "dash": [8, 6]}
        properties["custom.lineWidth"] = 1
        properties["custom.fillOpacity"] = 0
    return properties


def _column(column: Column) -> Json:
    properties: Json = {"unit": column.unit, "noValue": "-"}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.steps:
        properties["thresholds"] = _thresholds(column.steps, column.below)
    if column.words:
        properties["mappings"] = _mappings(column.words)
    if column.steps or column.words:
        properties["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    return properties


def _mappings(words: Mapping[float, tuple[str, str]]) -> list[Json]:
    options = {f"{value:g}": {"text": text, "color": color} for value, (text, color) in words.items()}
    return [{"type": "value", "options": options}]


def _fixed(color: str) -> Json:
    return {"mode": "fixed", "fixedColor": color}


def _override(name: str, properties: Json) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }
