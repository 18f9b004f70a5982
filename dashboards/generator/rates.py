"""The refusal rate and the counts beside it, as more than one page shows them."""

from __future__ import annotations

from dashboards.generator import queries as q
from dashboards.generator.fields import Json
from dashboards.generator.panels import Query, stat, timeseries
from dashboards.generator.style import GREEN, GREY, NO_OPERATIONS, NO_TELEMETRY, ORANGE, RED, SILENT, YELLOW
from otel_refusals.names import UNKNOWN_STOP_REASONS


def unknown() -> Json:
    """Answers that nobody can read."""
    return stat(
        "Unknown, 24 h",
        "Operations that ended with a stop reason no reader knows. Each one is an answer whose meaning nobody has "
        "decided yet: the first one pages.",
        "short",
        q.counted(q.total(UNKNOWN_STOP_REASONS, "24h"), q.REPORTED),
        empty=NO_TELEMETRY,
        steps=((0.5, RED),),
        words={**SILENT, 0: ("none", GREEN)},
        loud=True,
        decimals=0,
    )


def refused() -> Json:
    """Operations that nobody answered."""
    return stat(
        "Refused, 1 h",
        "Operations of the last hour that were declined and that no fallback answered: the caller got nothing.",
        "short",
        q.counted(q.operations("1h", "refused"), q.REPORTED),
        empty=NO_TELEMETRY,
        below=RED,
        words=SILENT,
        trend=True,
        decimals=0,
    )


def rate_now() -> Json:
    """Their share."""
    return stat(
        "Refusal rate, 1 h",
        "Refused operations of the last hour as a share of those that were answered at all, errors left out.",
        "percentunit",
        q.refusal_rate(),
        empty=NO_OPERATIONS,
        below=RED,
        trend=True,
        decimals=1,
    )


def rate() -> Json:
    """Their share over time, beside what it is held against."""
    return timeseries(
        "Refusal rate, and the error rate that does not show it",
        "Share of the last hour's operations at each moment, for the selection as a whole. At least: the Wilson lower "
        "bound (z = 3), which is what alerts compare with the threshold. Usual: the 7 days before. Threshold: the "
        "lowest of the selected workloads.",
        "percentunit",
        [
            Query(q.refusal_rate(), "Refused", RED),
            Query(q.wilson_lower(), "At least", "light-red", dashed=True),
            Query(f"min({q.THRESHOLD})", "Threshold", YELLOW, dashed=True),
            Query(q.baseline(), "Usual (7 days)", GREY, dashed=True),
            Query(q.error_rate(), "Errors", ORANGE),
        ],
        empty=NO_OPERATIONS,
    )
