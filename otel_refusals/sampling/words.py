"""Figures in words, the same on a terminal and on a page."""

from __future__ import annotations

from otel_refusals.sampling.report import Report, Tokens
from otel_refusals.sampling.statistics import Difference, Share


def percent(value: float) -> str:
    """A share, to a tenth of a percent."""
    return f"{value:.1%}"


def interval(share: Share | None) -> str:
    """The limits of a share; a dash where it has none."""
    if share is None:
        return "-"
    low, high = share.interval
    return f"{percent(low)} to {percent(high)}"


def value(share: Share | None) -> str:
    """A share; a dash where there is none."""
    return percent(share.value) if share else "-"


def tokens(counted: Tokens) -> str:
    """How many tokens, and of how many requests that is not known."""
    return f"{counted.count:,}" + (f" (+ {counted.unreported} unreported)" if counted.unreported else "")


def verdict(report: Report) -> str:
    """The difference between the two groups in one sentence; empty where there is none."""
    found = report.difference
    if found is None:
        return ""
    first, second = (group.name for group in report.groups)
    more = "more" if found.value >= 0 else "less"
    word = "significant" if found.significant else "not significant"
    return (
        f"{second} refuses {abs(found.value) * 100:.1f} points {more} than {first} "
        f"(95 % interval {_points(found.interval.low)} to {_points(found.interval.high)}): {word}, p {_p(found)}."
    )


def method(found: Difference) -> str:
    """How the difference was found."""
    return found.method + (f", {found.total} prompts that both answered" if found.total is not None else "")


def _points(share: float) -> str:
    return f"{share * 100:+.1f}"


def _p(found: Difference) -> str:
    return "< 0.001" if found.p_value < 0.001 else f"= {found.p_value:.3f}"
