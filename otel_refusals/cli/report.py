"""`otel-refusals report`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from otel_refusals.batch import read_batch
from otel_refusals.bundle.server import ServerError
from otel_refusals.cli.bundle import explained, prometheus_at
from otel_refusals.cli.rates import FORMATS, needed, needed_by, put_out
from otel_refusals.sampling.case import Case, case_of
from otel_refusals.sampling.history import counted
from otel_refusals.sampling.report import Report, difference_between, group_of, paired_difference
from otel_refusals.wire import WireFormatError

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    """`7d` in seconds."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhdw])", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no span of time such as 90m, 12h, 7d or 4w")
    return int(found[1]) * _UNITS[found[2]]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--prometheus", metavar="URL", help="Where the counters of the instrumentation are kept.")
@click.option(
    "--since",
    metavar="SPAN",
    callback=_seconds,
    default="7d",
    show_default=True,
    help="How far back, with --prometheus.",
)
@click.option("--workload", help="Only this one, with --prometheus.")
@click.option("--model", "models", multiple=True, help="Only this one, with --prometheus; two are compared.")
@click.option("--tenant", metavar="ID", help="The tenant, where the store has them: X-Scope-OrgID.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
def report(
    *,
    files: tuple[Path, ...],
    prometheus: str | None,
    since: int,
    workload: str | None,
    models: tuple[str, ...],
    tenant: str | None,
    form: str,
) -> None:
    """Show refusal rates with their intervals from what has happened: from a Prometheus, or from results of batches.

    FILES are the downloaded results of batches of OpenAI, Anthropic and others. Two are compared, request by request
    where both have the same custom ids. A Prometheus can be anything that speaks its API. A bearer token for it comes
    from PROMETHEUS_TOKEN; with PROMETHEUS_USER it is the password.
    """
    needed(needed_by(form), "sample")
    if bool(files) == bool(prometheus):
        raise click.UsageError("say of what: files of batch results, or --prometheus URL")
    if files and (workload or models):
        raise click.UsageError("--workload and --model choose among counters: they need --prometheus")
    made = _of_prometheus(prometheus, since, workload, models, tenant) if prometheus else _of_files(files)
    put_out(made, form)


def _of_files(files: Sequence[Path]) -> Report:
    cases: dict[str, list[Case]] = {str(file): [] for file in files}
    for file in files:
        try:
            for result in read_batch(file):
                name = result.custom_id or result.response_id or f"line {result.line}"
                cases[str(file)].append(case_of(name, result.response_model or "", result.outcome))
        except WireFormatError as error:
            raise click.ClickException(f"{file}: {error}") from None
        except OSError as error:
            raise click.ClickException(f"{file}: {(error.strerror or type(error).__name__).lower()}") from None
        if not cases[str(file)]:
            raise click.ClickException(f"{file}: holds no results")
    groups = [group_of(name, of_file) for name, of_file in cases.items()]
    same = len(cases) == 2 and len({frozenset(case.id for case in of_file) for of_file in cases.values()}) == 1
    difference = paired_difference(*cases.values()) if same else difference_between(groups)
    return Report(title="Results of batches", groups=groups, difference=difference)


def _of_prometheus(url: str, since: int, workload: str | None, models: Sequence[str], tenant: str | None) -> Report:
    try:
        groups = counted(prometheus_at(url, tenant), since, workload, models)
    except ServerError as error:
        raise click.ClickException(explained(error)) from None
    if not groups:
        raise click.ClickException(f"{url} knows no operations of that kind in that time")
    title = f"The last {_span(since)}" + (f" of {workload}" if workload else "")
    return Report(title=title, groups=groups, difference=difference_between(groups), notes=_NOTES)


_NOTES = ("An operation can hold several declines, each with its category and stage: fallback hops and choices.",)


def _span(seconds: int) -> str:
    unit = next(unit for unit in ("w", "d", "h", "m") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
