"""Writes the dashboards: `python -m dashboards.generator`.

Each page is a module that can be read from top to bottom as the page is: rows, and in them panels with their widths.
Names of metrics and labels come from `otel_refusals.names`, never from a literal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from dashboards.generator import overview, pipeline, workload


def dashboards() -> Iterator[tuple[str, str]]:
    """The file name and the text of each dashboard."""
    for page in (overview, workload, pipeline):
        dashboard = page.dashboard()
        yield f"{dashboard['uid'].removeprefix('otel-')}.json", json.dumps(dashboard, indent=2) + "\n"
