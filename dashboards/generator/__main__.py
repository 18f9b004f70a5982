"""`python -m dashboards.generator` writes the dashboards beside the generator."""

from __future__ import annotations

from pathlib import Path

from dashboards.generator import dashboards

for name, text in dashboards():
    (Path(__file__).parent.parent / name).write_text(text, encoding="utf-8")
