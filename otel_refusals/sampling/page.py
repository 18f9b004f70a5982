"""A report as one page of HTML that loads nothing and runs nothing, and says so to the browser."""

from __future__ import annotations

from importlib.resources import files

from otel_refusals.sampling import plots, words
from otel_refusals.sampling.report import Group, Report


def page(report: Report) -> str:
    """The page. Every text in it is escaped by the template engine; prompts are in it only if the report has them."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("otel_refusals.sampling") / "page.html.jinja").read_text("utf-8"))
    return template.render(
        report=report,
        words=words,
        verdict=words.verdict(report),
        rates=plots.rates(report.groups),
        parts=[
            ("category", plots.kinds(report.groups, Group.by_category), Group.by_category),
            ("stage", plots.kinds(report.groups, Group.by_stage), Group.by_stage),
        ],
    )
