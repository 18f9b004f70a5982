"""Tables: labels make the rows, queries the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from dashboards.generator.fields import Json, Steps, Words, defaults, mappings, override, thresholds
from dashboards.generator.panels import DATASOURCE, Query, targets
from dashboards.generator.style import PLAIN, TRANSPARENT


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
    words: Words | None = None


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
    changed = [override(header, {"noValue": "-"}) for header in rows.values()]
    changed += [override(column.name, _column(column)) for column in columns]
    for header, (link_title, url) in (links or {}).items():
        changed.append(override(header, {"links": [{"title": link_title, "url": url}]}))
    for header, width in (widths or {}).items():
        changed.append(override(header, {"custom.width": width}))
    values = {f"Value #{ref}": column.name for ref, column in zip(ascii_uppercase, columns, strict=False)}
    # With a single answer the data source leaves the letter out.
    names = {**rows, "Value": columns[0].name, **values}
    return {
        "type": "table",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets([Query(column.expr) for column in columns], instant=True, form="table"),
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
                **defaults("short", empty, (), PLAIN, None),
                "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "minWidth": 60},
            },
            "overrides": changed,
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
        "defaults": {**defaults("short", empty, steps, TRANSPARENT, 0), "custom": cell},
        "overrides": [override(header, {"custom.cellOptions": {"type": "auto"}})],
    }
    return panel


def _column(column: Column) -> Json:
    properties: Json = {"unit": column.unit, "noValue": "-"}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.steps:
        properties["thresholds"] = thresholds(column.steps, column.below)
    if column.words:
        properties["mappings"] = mappings(column.words)
    if column.steps or column.words:
        properties["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    return properties
