"""What an export is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from otel_refusals.bundle.documents import Dashboard, RuleFile, Settings
from otel_refusals.bundle.files import BundleFiles


@dataclass(frozen=True, slots=True)
class Contents:
    """The documents, and where the files that are copied as they are come from."""

    rules: list[RuleFile]
    dashboards: list[Dashboard]
    files: BundleFiles
    settings: Settings

    def dashboard_texts(self) -> dict[str, str]:
        """The dashboards as Grafana's file provisioning reads them, by path."""
        return {f"dashboards/{each.name}.json": json.dumps(each.model, indent=2) + "\n" for each in self.dashboards}


def place(file: RuleFile, directory: str = "rules") -> str:
    """Where a rule file goes; what needs a decision first is not beside the rest, so that no pattern takes it along."""
    return f"{directory}/optional/{file.name}.rules.yml" if file.optional else f"{directory}/{file.name}.rules.yml"


def page(target: str) -> str:
    """What to run to get the export into a store."""
    return (Path(__file__).parent / "pages" / f"{target}.md").read_text("utf-8")
