"""The screen that the demo ends with: what happened, what the application made of it, and what telemetry says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from otel_refusals.config import STOP_REASONS
from otel_refusals.demo.figures import Figures, UnknownStops, figures_of
from otel_refusals.demo.run import Run
from otel_refusals.demo.tables import contrast, origins, refusals

OK = 200
NARROW = 80
"""Up to this width every column is needed, and nothing is indented."""

ALARM = 0.05
"""The error rate at which a usual alert fires."""


def show(console: Console, run: Run) -> None:
    """Print the screen of `run`."""
    figures = figures_of(run.received)
    console.print()
    console.print(Rule(Text.assemble(("otel-refusals", "bold"), f" demo, {run.seconds:.0f} s"), style="dim"))
    console.print(Padding(_headline(figures, run.statuses), (1, 0)))
    console.print(_panels(figures))
    _part(console, "What the application recorded, and how its calls ended", contrast(figures, run.reports), _moral())
    _part(console, "Refusals", refusals(figures.refusals, console.width), *_notes(figures, run.statuses))
    for stops in figures.unknown:
        console.print(_unknown(stops))
    _part(console, "Where the numbers come from", origins(figures, run.statuses))
    _part(console, "Your own application", _next())
    console.print()


def _part(console: Console, title: str, *bodies: RenderableType) -> None:
    console.print()
    console.print(Rule(Text(title, "bold"), align="left", style="dim"))
    console.print(Padding(Group(*bodies), (0, 0, 0, 2 if console.width > NARROW else 0)))


def _headline(figures: Figures, statuses: Counter[int]) -> Text:
    others = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()) if status != OK)
    errors = figures.share("error")
    return Text.assemble(
        (f"{figures.operations} calls", "bold"),
        f": {statuses[OK]} were answered with HTTP 200" + (f", {others}" if others else "") + ".\nThe error rate ",
        (f"stayed green at {errors:.1%}", "bold green") if errors < ALARM else (f"was {errors:.1%}", "bold red"),
        ", while ",
        (f"{figures.share('refused'):.1%} of the calls were declined", "bold yellow"),
        ".",
    )


def _panels(figures: Figures) -> RenderableType:
    errors, total = figures.share("error"), figures.operations
    color, word = ("green", f"green, the alarm is at {ALARM:.0%}") if errors < ALARM else ("red", "alarm")
    failed = ": ".join((f"{figures.ended('error')} of {total} failed", *figures.errors))
    others = [f"{figures.ended(outcome)} {outcome}" for outcome in ("rescued", "unknown") if figures.ended(outcome)]
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(
        _gauge("error rate", errors, color, word, failed),
        _gauge(
            "refusal rate",
            figures.share("refused"),
            "yellow",
            "no alarm watches this",
            f"{figures.ended('refused')} of {total}" + (f" (+ {', '.join(others)})" if others else ""),
        ),
    )
    return grid


def _gauge(title: str, share: float, color: str, *lines: str) -> Panel:
    value = Text.assemble((f"{share:.1%}", f"bold {color}"), "  ", (lines[0], color))
    bar = ProgressBar(total=100, completed=share * 100, complete_style=color, finished_style=color)
    rows = Table.grid(expand=True)
    for row in (value, bar, Text(lines[1], "dim")):
        rows.add_row(row)
    return Panel(rows, title=title, title_align="left", border_style=color)


def _moral() -> Text:
    moral = "A decline looked like an answer with nothing in it: a no-answer, recorded as a no-finding."
    return Text(f"\n{moral}", "italic")


def _notes(figures: Figures, statuses: Counter[int]) -> Iterator[Text]:
    """What belongs under the table of refusals: what it cannot know, what errors show of it, who is not in it."""
    unreported = sum(row.unreported for row in figures.refusals)
    if unreported:
        yield Text(f"? = the tokens of {unreported}, which the vendor did not report", "dim")
    not_ok = statuses.total() - statuses[OK]
    by_status = not_ok - figures.ended("error")
    if by_status > 0:
        share = not_ok / statuses.total()
        yield Text(f"{by_status} came with an HTTP error status; even counting that, only {share:.1%} failed", "dim")
    for calls in figures.rescued:
        yield Text.assemble(
            ("\nRescued", "bold green"),
            f", and so not above: {calls.count} of {calls.workload}. {calls.model} declined ({calls.category}), ",
            (calls.rescued_by or "a fallback", "green"),
            " answered.",
        )


def _unknown(stops: UnknownStops) -> RenderableType:
    seen = datetime.fromtimestamp(stops.last_seen).astimezone().strftime("%H:%M:%S")
    calls = "1 call" if stops.count == 1 else f"{stops.count} calls"
    body = Text.assemble(
        (f"{stops.provider} ended {calls} of {stops.workload} with “{stops.signal}”\n", "bold red"),
        (f"{stops.model}, last seen at {seen}\n\n", "dim"),
        "No reader knows this stop reason. It may be an answer, a refusal or a pause, so it is never counted as"
        " completed. Once you know which, teach it, without waiting for a release:\n",
        (f"{STOP_REASONS}={stops.provider}:{stops.signal}=refused", "bold"),
    )
    title = Text(" UNKNOWN STOP REASON ", "bold white on red")
    return Padding(Panel(body, title=title, title_align="left", border_style="bold red"), (1, 0, 0, 0))


def _next() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold cyan")
    table.add_column()
    table.add_row("opentelemetry-instrument python app.py", "no change to the code")
    table.add_row("import otel_refusals; otel_refusals.instrument()", "two statements in the code")
    table.add_row("otel-refusals read FILE", "explains a saved response")
    table.add_row("otel-refusals observe", "the alert rules at work, on the Prometheus of this machine")
    table.add_row("otel-refusals bundle load", "dashboards into your Grafana, rules into your Prometheus")
    return table
