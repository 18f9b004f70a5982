"""The tables of the demo's screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from otel_refusals import names
from otel_refusals.demo.figures import Declines, Evidence, Figures

WIDE = 110
"""From this width on the workload has a column of its own; below it stands above its rows."""

_ENDINGS = {
    "refused": ("declined", "bold yellow"),
    "unknown": ("unknown", "bold red"),
    "error": ("failed", "magenta"),
    "rescued": ("rescued", "green"),
}
"""Outcomes worth a word: the word and its colour. Red is kept for what nobody knows."""


def contrast(figures: Figures, reports: Mapping[str, str]) -> Table:
    """What the application recorded of each job, beside how its calls ended."""
    table = _table(gap=1)
    table.add_column("workload", no_wrap=True)
    table.add_column("the application recorded")
    table.add_column("how its calls ended")
    for workload, outcomes in figures.outcomes.items():
        recorded = reports.get(workload)
        table.add_row(
            Text(workload, "bold"),
            Text(f"“{recorded}”" if recorded else "nothing", "italic"),
            _endings(outcomes),
        )
    return table


def _endings(outcomes: Counter[str]) -> Text:
    """For example `5 of 16 declined, 1 failed`."""
    of = f" of {outcomes.total()}"
    parts = []
    for outcome, (word, style) in _ENDINGS.items():
        if outcomes[outcome]:
            parts.append(Text(f"{outcomes[outcome]}{of} {word}", style))
            of = ""
    return Text(", ").join(parts) if parts else Text(f"all{of} as expected", "green")


def refusals(rows: list[Declines], width: int) -> Table:
    """The refusals that nobody rescued."""
    wide = width >= WIDE
    table = _table(footer=True, gap=2 if wide else 0)
    if wide:
        table.add_column("workload", no_wrap=True)
    table.add_column("provider", no_wrap=True, footer=Text("all", "dim"))
    table.add_column("model", overflow="fold")
    for name in ("category", "stage", "source"):
        table.add_column(name)
    table.add_column("count", justify="right", footer=Text(str(sum(row.count for row in rows)), "bold yellow"))
    discarded = Text(f"{sum(row.discarded for row in rows):,}", "bold")
    table.add_column("discarded\ntokens", justify="right", footer=discarded)
    for workload, group in groupby(rows, key=lambda row: row.workload):
        title = Text(workload, "bold")
        if not wide:
            table.add_row(title)
        for number, row in enumerate(group):
            table.add_row(*([title if number == 0 else Text()] if wide else []), *_cells(row))
    return table


def _cells(row: Declines) -> tuple[Text, ...]:
    discarded = f"{row.discarded:,}" + (" + ?" if row.unreported else "")
    return (
        Text(row.provider),
        Text(row.model),
        Text(row.category, "yellow"),
        Text(row.stage, "yellow" if row.stage == "mid_stream" else ""),
        Text(", ".join(row.sources)),
        Text(str(row.count), "bold yellow"),
        Text(discarded, "bold" if row.discarded else "dim"),
    )


def origins(figures: Figures, statuses: Counter[int]) -> Table:
    """Where each number came from."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for what, where in (
        ("calls, both rates", names.OPERATIONS.name),
        ("refusals", names.REFUSALS.name),
        ("discarded tokens", names.DISCARDED_OUTPUT_TOKENS.name),
        ("unknown", f"{names.UNKNOWN_STOP_REASONS.name}, {names.UNKNOWN_LAST_SEEN.name}"),
        ("rescued by", f"{names.RESCUED_BY}, an attribute of span and event"),
    ):
        table.add_row(what, Text(where, "cyan"))
    native = figures.annotated - figures.own_spans
    spans = f"{native} the SDK's own, {figures.own_spans} added"
    table.add_row("spans", Text.assemble(f"{figures.annotated} with ", (names.OUTCOME, "cyan"), f": {spans}"))
    events = [Text.assemble(f"{count} ", (name, "cyan")) for name, count in figures.events.most_common()]
    table.add_row("log events", Text(", ").join(events))
    answers = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
    table.add_row("HTTP statuses", f"{answers} (from the vendor endpoint, not OTLP)")
    if figures.evidence is not None:
        table.add_row("one of them", _example(figures.evidence))
    return table


def _example(evidence: Evidence) -> Text:
    span = evidence.span
    pointers = f"the event {evidence.event.event_name}" + (" and an exemplar point" if evidence.exemplar else " points")
    return Text.assemble(
        "trace ",
        (span.trace_id, "bold cyan"),
        f"\nspan {span.name}, status {span.status}\n",
        (", ".join(f"{name}={span.attributes[name]}" for name in (names.CATEGORY, names.STAGE)), "yellow"),
        f"\n{pointers} to it",
    )


def _table(*, gap: int, footer: bool = False) -> Table:
    return Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        show_footer=footer,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        header_style="dim",
        border_style="dim",
    )
