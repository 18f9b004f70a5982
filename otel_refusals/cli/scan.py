"""`otel-refusals scan PATH`."""

from __future__ import annotations

from typing import cast, get_args

import click

from otel_refusals.scan import RULES, RuleId, scan
from otel_refusals.scan.report import FORMATS, Format


def _rules(_: click.Context, option: click.Parameter, value: tuple[str, ...]) -> frozenset[RuleId]:
    named = [name.strip() for names in value for name in names.split(",") if name.strip()]
    for name in named:
        if name not in RULES:
            raise click.BadParameter(f"{name!r} is no rule; there are {', '.join(RULES)}", param=option)
    return frozenset(cast("list[RuleId]", named))


@click.command("scan")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True))
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True, help="How to report."
)
@click.option("--select", callback=_rules, multiple=True, metavar="RULES", help="Look for these rules only.")
@click.option("--ignore", callback=_rules, multiple=True, metavar="RULES", help="Leave these rules out.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out paths or names like this, e.g. 'tests/*'.")
def scan_command(
    paths: tuple[str, ...],
    *,
    form: Format,
    select: frozenset[RuleId],
    ignore: frozenset[RuleId],
    exclude: tuple[str, ...],
) -> None:
    """Find code that drops refusals without a word.

    Reads the Python files below each PATH, and runs none of them. Virtual environments, installed packages and hidden
    directories are left out. A comment `# otel-refusals: ignore[RULE]` on a line, or alone above it, accepts a finding.

    Ends with 0 if nothing was found, with 1 if something was, with 2 if it was asked wrongly.
    """
    rules = (select or frozenset(RULES)) - ignore
    findings = list(scan(paths, rules=rules, exclude=exclude))
    report = FORMATS[form](findings)
    if report:
        click.echo(report)
    raise SystemExit(1 if findings else 0)
