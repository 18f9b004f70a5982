"""A report of refusal rates on a terminal, and in the other forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import click
from rich.console import Console, RenderableType
from rich.console import Group as Parts
from rich.table import Table
from rich.text import Text

from otel_refusals.cli.explain import printable
from otel_refusals.sampling import words
from otel_refusals.sampling.report import Group, Report

_LISTED = 20
"""How many ids are named; JSON and HTML name them all."""

FORMATS = ("text", "json", "html")


def needed(modules: Sequence[str], extras: str) -> None:
    """Make sure that `modules` can be imported.

    Raises:
        click.UsageError: where one is missing; it names the extras that bring it.
    """
    from importlib.util import find_spec

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise click.UsageError(f"this needs {', '.join(missing)}: pip install 'otel-refusals[{extras}]'")


def needed_by(form: str) -> tuple[str, ...]:
    """The modules beyond the command line's that a report in that form needs."""
    return ("scipy", "matplotlib", "jinja2") if form == "html" else ("scipy",)


def put_out(report: Report, form: str) -> None:
    """Write the report to standard output."""
    if form == "json":
        click.echo(json.dumps(report.as_json(), indent=2))
    elif form == "html":
        from otel_refusals.sampling.page import page

        click.echo(page(report), nl=False)
    else:
        Console(highlight=False).print(tables(report))


def tables(report: Report) -> RenderableType:
    """The report for a person at a terminal."""
    parts: list[RenderableType] = [Text(f"{printable(report.title)}\n", "bold"), _rates(report.groups)]
    if report.difference:
        style = "bold yellow" if report.difference.significant else ""
        parts += [Text(printable(words.verdict(report)), style), Text(words.method(report.difference), "dim")]
    if any(group.kinds for group in report.groups):
        parts.append(_shares(report.groups, "category", Group.by_category))
        parts.append(_shares(report.groups, "stage", Group.by_stage))
        parts.append(_discarded(report.groups))
    parts += (line for group in report.groups for line in _loud(group, report))
    parts += (Text(f"\n{printable(note)}") for note in report.notes)
    return Parts(*parts)


def _rates(groups: Sequence[Group]) -> Table:
    table = _table("refusal rate", "", "answered", "refused", "rate", "95 % interval")
    for group in groups:
        table.add_row(
            printable(group.name),
            f"{group.answered:,}",
            f"{group.outcomes.get('refused', 0):,}",
            words.value(group.refused),
            words.interval(group.refused),
        )
    return table


def _discarded(groups: Sequence[Group]) -> Table:
    table = _table("\ndiscarded tokens", "", "output", "input")
    for group in groups:
        table.add_row(printable(group.name), words.tokens(group.discarded_output), words.tokens(group.discarded_input))
    return table


def _shares(groups: Sequence[Group], part: str, counted: Callable[[Group], list[tuple[str, int]]]) -> Table:
    table = _table(f"\nrefusals by {part}", "", part, "refusals", "share", "95 % interval")
    for group in groups:
        for name, count in counted(group):
            share = group.share(count)
            table.add_row(printable(group.name), name, f"{count:,}", words.value(share), words.interval(share))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in columns:
        words_in = name in {"", "category", "stage"}
        table.add_column(name, justify="left" if words_in else "right", overflow="fold")
    return table


def _loud(group: Group, report: Report) -> Iterator[Text]:
    """What is named: who was declined, and stop reasons that nobody knows."""
    if group.unknown_signals:
        signals = ", ".join(f"{printable(signal)} ({count})" for signal, count in group.unknown_signals.items())
        yield Text(f"\n{printable(group.name)} ended with stop reasons that no reader knows: {signals}", "bold red")
    if not group.declined:
        return
    if report.prompts:
        yield Text(f"\ndeclined by {printable(group.name)}:", "bold")
        for name in group.declined:
            yield Text.assemble((f"  {printable(name)}  ", "bold"), printable(report.prompts.get(name, "")))
        return
    more = f" and {len(group.declined) - _LISTED} more" if len(group.declined) > _LISTED else ""
    yield Text(f"\ndeclined by {printable(group.name)}: {', '.join(map(printable, group.declined[:_LISTED]))}{more}")
