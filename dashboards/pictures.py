"""`python -m dashboards.pictures` draws the pictures in `docs/pictures` anew.

They show eight days of made-up telemetry in a real Prometheus, drawn by Grafana's own components. It takes a minute,
and the programs that `.ci/servers` installs, node and npm.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from dashboards.drawing import Renderer
from tests.bundle.history import END
from tests.bundle.replay import history_served
from tests.bundle.servers import directory, path_of

ROOT = Path(__file__).parent.parent
SELECTED = {"refusals-workload": {"workload": "codegen"}}
"""The page on a workload shows the one that is refused too often."""


def main() -> None:
    """Draw all dashboards."""
    out = ROOT / "docs" / "pictures"
    out.mkdir(exist_ok=True)
    files = {file: SELECTED.get(file.stem, {}) for file in sorted((ROOT / "dashboards").glob("*.json"))}
    with TemporaryDirectory() as scratch:
        home = Path(scratch)
        renderer = Renderer.installed(home / "render", directory().parent, path_of("node"), path_of("npm"))
        with history_served(home / "history", home / "prometheus") as server:
            renderer.draw(files, out, prometheus=server.url, present=END, hours=6, chromium=path_of("chromium"))


if __name__ == "__main__":
    main()
