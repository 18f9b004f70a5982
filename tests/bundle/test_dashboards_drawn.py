"""The dashboards drawn by Grafana's own components in a headless Chromium, and checked against Grafana's types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.drawing import Renderer
from dashboards.pictures import SELECTED
from tests.bundle.dashboards import FILES, FOLDER, panels, read
from tests.bundle.history import END
from tests.bundle.replay import history_served, of_the_run
from tests.bundle.servers import directory, path_of
from tests.bundle.start import prometheus

pytestmark = pytest.mark.needs("node", "npm", "chromium", "prometheus", "promtool")


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    home = tmp_path_factory.mktemp("renderer") / "render"
    return Renderer.installed(home, directory().parent, path_of("node"), path_of("npm"))


def _draw(renderer: Renderer, url: str, out: Path, selected: dict[str, dict[str, str]]) -> dict[str, Any]:
    files = {file: selected.get(file.stem, {}) for file in FILES}
    return renderer.draw(files, out, prometheus=url, present=END, hours=6, chromium=path_of("chromium"))


def test_every_panel_is_drawn(renderer: Renderer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With telemetry there, no panel is empty or in error, and graphs have a canvas."""
    with history_served(of_the_run(tmp_path_factory), tmp_path / "prometheus") as server:
        report = _draw(renderer, server.url, tmp_path, SELECTED)
    assert sorted(report) == [file.stem for file in FILES]
    for file in FILES:
        page = report[file.stem]
        assert page["errors"] == []
        assert [drawn["title"] for drawn in page["panels"]] == [panel["title"] for panel in panels(file)]
        for panel, drawn in zip(panels(file), page["panels"], strict=True):
            assert drawn["state"] == "drawn", (file.stem, drawn)
            assert "No data" not in drawn["text"], (file.stem, drawn)
            assert (drawn["canvases"] > 0) == (panel["type"] == "timeseries" or _has_trend(panel)), drawn
        assert (tmp_path / f"{file.stem}.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_panel_says_why(renderer: Renderer, tmp_path: Path) -> None:
    """On a Prometheus that knows nothing, each panel shows its own words, and none claims that all is well."""
    config = tmp_path / "prometheus.yml"
    config.write_text("{}", encoding="utf-8")
    with prometheus(config, tmp_path, flags=("--web.cors.origin=.*",)) as server:
        report = _draw(renderer, server.url, tmp_path, {})
    for file in FILES:
        assert report[file.stem]["errors"] == []
        for panel, drawn in zip(panels(file), report[file.stem]["panels"], strict=True):
            assert drawn["state"] != "error", drawn
            if drawn["state"] == "empty":
                assert panel["fieldConfig"]["defaults"]["noValue"] in drawn["text"], drawn
            assert drawn["text"] not in {"none", "0", "on duty"}, drawn


def test_the_dashboards_are_of_grafanas_types(renderer: Renderer) -> None:
    """`tsc` finds nothing to say about them, nor about what draws them."""
    assert renderer.type_errors({file.stem: file.read_text(encoding="utf-8") for file in FILES}) == ""


def test_what_is_not_of_grafanas_types_is_noticed(renderer: Renderer) -> None:
    """The check can fail: a wrong option, unit, place or a missing description is an error in its file."""
    wrong = {
        "option": _changed("stat", "options", "graphMode", "sparkles"),
        "unit": _changed("table", "fieldConfig", "defaults", "unit", 1),
        "place": _changed("timeseries", "gridPos", "w", "wide"),
        "description": _changed("stat", "description", None),
    }
    said = renderer.type_errors(wrong)
    assert set(re.findall(r"^checked/(\w+)\.ts\(.*error TS2322", said, re.MULTILINE)) == set(wrong)


def _changed(kind: str, *path_and_value: Any) -> str:
    """The overview with another value at a path in its first panel of a kind."""
    dashboard = read(FOLDER / "refusals-overview.json")
    place = next(panel for panel in dashboard["panels"] if panel["type"] == kind)
    *path, last, value = path_and_value
    for key in path:
        place = place[key]
    place[last] = value
    return json.dumps(dashboard)


def _has_trend(panel: dict[str, Any]) -> bool:
    return bool(panel["type"] == "stat" and panel["options"]["graphMode"] == "area")
