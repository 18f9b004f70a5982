"""The dashboards as files: generated, told apart, explained, linked."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards.generator import dashboards
from dashboards.generator.page import Row
from otel_refusals.names import OUTCOME
from tests.bundle.dashboards import FILES, FOLDER, panels, queries, read

each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_the_committed_dashboards_are_what_the_generator_writes() -> None:
    """`python -m dashboards.generator` changes nothing."""
    assert {file.name: file.read_text(encoding="utf-8") for file in FILES} == dict(dashboards())


@each_dashboard
def test_every_panel_says_what_it_shows_in_which_unit_and_why_it_may_be_empty(file: Path) -> None:
    """A panel has a title of its own and a description; one with data has a unit and a text for none."""
    titles = [panel["title"] for panel in panels(file)]
    assert len(set(titles)) == len(titles)
    for panel in panels(file):
        assert panel["description"].endswith("."), panel["title"]
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert len(panel["fieldConfig"]["defaults"]["noValue"]) > 2, panel["title"]


@each_dashboard
def test_panels_lie_side_by_side_on_the_grid(file: Path) -> None:
    """None covers another, and none is wider than the page."""

    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

    placed = read(file)["panels"]
    assert len({panel["id"] for panel in placed}) == len(placed)
    for one, other in combinations(placed, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert max(x for panel in placed for x, _ in cells(panel)) < 24


def test_a_row_that_does_not_fill_the_grid_is_refused() -> None:
    """The generator says which row, and how wide it is."""
    with pytest.raises(ValueError, match=r"the row of 'Rate' is 23 columns wide, not 24"):
        Row("Now", 4, ((12, {"title": "Rate"}), (11, {"title": "More"})))


@each_dashboard
def test_a_dashboard_links_to_the_two_others_and_every_link_leads_somewhere(file: Path) -> None:
    """Links keep the time and the choices; those in cells lead to a dashboard, a runbook or the traces."""
    uids = {read(other)["uid"] for other in FILES}
    dashboard = read(file)
    assert {link["url"].removeprefix("/d/") for link in dashboard["links"]} == uids - {dashboard["uid"]}
    assert all(link["includeVars"] and link["keepTime"] for link in dashboard["links"])
    for url in re.findall(r'"url": "(?!/d/otel-refusals-\w+")([^"]+)"', file.read_text(encoding="utf-8")):
        target = re.match(r"/d/([\w-]+)\?", url)
        assert (target and target[1] in uids) or url.startswith(("/explore?", "https://github.com/")), url


@each_dashboard
def test_a_dashboard_can_be_provisioned_anywhere(file: Path) -> None:
    """A fixed uid, data sources by variable, Classic JSON, nothing that only an import dialogue fills in."""
    dashboard = read(file)
    assert dashboard["uid"] == f"otel-{file.stem}"
    assert dashboard["schemaVersion"] == 42
    assert "__inputs" not in dashboard
    names = [variable["name"] for variable in dashboard["templating"]["list"]]
    assert names[:4] == ["datasource", "provider", "model", "workload"]
    used = set(re.findall(r'"uid": "([^"]+)"', file.read_text(encoding="utf-8")))
    assert used == {"${datasource}", dashboard["uid"]}


@each_dashboard
def test_no_panel_counts_our_events_by_increase_alone(file: Path) -> None:
    """`increase()` is blind to the first value of a series, so it is always the second choice."""
    for query in queries(file):
        for match in re.finditer(r"(.{0,4})(?:increase|rate|irate|delta)\(refusal_\w+_(?:total|count)\{", query.expr):
            assert match[1] == " or ", (query.panel, query.expr)


def test_the_way_from_a_service_to_its_traces_is_one_that_grafana_takes() -> None:
    """Explore reads its panes as JSON from the URL: a search for refusals of the service, in the trace store."""
    services = next(
        panel for panel in panels(FOLDER / "refusals-workload.json") if panel["title"] == "Services, last hour"
    )
    [url] = re.findall(r'"(/explore[^"]+)"', json.dumps(services))
    address = urlsplit(url)
    [panes] = parse_qs(address.query)["panes"]
    [pane] = json.loads(panes).values()
    assert pane["datasource"] == "${traces}"
    assert pane["range"] == {"from": "${__from}", "to": "${__to}"}
    [query] = pane["queries"]
    assert query["service"] == "${__value.raw:percentencode}"
    assert query["tags"] == f"{OUTCOME}=refused"
