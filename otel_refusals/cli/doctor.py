"""`otel-refusals doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_refusals.cli.explain import printable
from otel_refusals.vendors import VENDORS

if TYPE_CHECKING:
    from otel_refusals.doctor.examination import Examination
    from otel_refusals.doctor.finding import Finding

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_VERDICTS = {
    "ok": "A refusal here is seen, and arrives.",
    "warning": "A refusal here is counted; something beside it is less than it could be.",
    "problem": "Refusals will be lost.",
}


@click.command()
@click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")
@click.option(
    "--timeout",
    type=click.IntRange(1, 600),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long an endpoint has to answer.",
)
@click.option(
    "--vendor",
    "vendors",
    multiple=True,
    type=click.Choice([vendor.name for vendor in VENDORS]),
    help="Look at this SDK only; may be given several times.",
)
@click.option("--no-send", is_flag=True, help="Send no synthetic refusal through the configured exporters.")
def doctor(*, machine: bool, timeout: int, vendors: tuple[str, ...], no_send: bool) -> None:
    """Find out whether a refusal of a call made here would be seen, and would arrive.

    Run it with the Python and the environment of the application, best as
    `opentelemetry-instrument otel-refusals doctor`. It looks at the vendor SDKs, the configuration, other
    instrumentations, exporters and their endpoints, and sends one synthetic refusal of the workload
    `otel-refusals-doctor` the whole way. Exit code 1 says that refusals will be lost.
    """
    from otel_refusals.doctor.examination import examine

    result = examine(vendors=vendors, timeout=timeout, send=not no_send)
    if machine:
        found = [asdict(finding) for finding in result.findings]
        click.echo(json.dumps({"status": result.status, "looked": result.looked, "findings": found}, indent=2))
    else:
        Console(highlight=False).print(_page(result))
    if result.status == "problem":
        raise SystemExit(1)


def _page(result: Examination) -> RenderableType:
    parts: list[RenderableType] = [Text(result.looked), Text()]
    for area, findings in groupby(result.findings, lambda finding: finding.area):
        parts += [Text(area, "bold"), _table(findings), Text()]
    return Group(*parts, Text(_VERDICTS[result.status], _STYLES[result.status]))


def _table(findings: Iterable[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=9)
    table.add_column(max_width=34, overflow="fold")
    table.add_column(overflow="fold")
    for finding in findings:
        found = Text(printable(finding.found))
        if finding.remedy:
            found.append(f"\n{printable(finding.remedy)}", "cyan")
        table.add_row(Text(f"  {finding.status}", _STYLES[finding.status]), Text(printable(finding.subject)), found)
    return table
